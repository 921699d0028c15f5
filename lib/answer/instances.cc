#include "answer/instances.h"

#include <algorithm>
#include <map>

#include "answer/looked.h"
#include "base/whose.h"
#include "model/masked.h"
#include "store/select.h"

namespace orctl {

namespace {

/// The columns of a kind, behind those that every object has: its name, by which `-o name` calls it, comes first.
std::vector<Column> columns_of(const Kind& kind) {
  std::vector<Column> columns = {
      {"NAME", "name", member_text}, {"STATUS", "status", member_text}, {"REVISION", "revision", member_text}};
  for (const Column& own : kind.columns) {
    const auto same =
        std::find_if(columns.begin(), columns.end(), [&](const Column& column) { return column.field == own.field; });
    same == columns.end() ? columns.push_back(own) : void(*same = own);
  }
  return columns;
}

}  // namespace

const Noun& noun_of(const Kind& kind) {
  static const std::map<std::string, Noun> nouns = [] {
    std::map<std::string, Noun> all;
    for (const Kind& one : kinds())
      all.emplace(one.word(), Noun{one.name + "List", one.plural, one.lives == Kind::Lives::in_files ? one.word() : "",
                                   columns_of(one)});
    return all;
  }();
  return nouns.at(kind.word());
}

Value instance_item(const Observed& o) {
  const bool is_known = !o.broken || (o.version && o.applied);
  Value item = is_known ? masked_spec(o.version->spec) : Value::object();
  item.set("name", parts_of_id(o.name).name);
  item.set("status", o.state());
  if (o.broken) item.set("remark", o.broken->what());
  if (o.applied) item.set("revision", o.applied->number);
  if (!is_known || has_process(o.version->spec)) item.set("pid", o.pid);
  if (is_known && o.unconfirmed) item.set("confirm_seconds_left", o.unconfirmed->seconds_left());
  return item;
}

Value instance_item(const Examined& seen) {
  Value item = instance_item(seen.now);
  set_examined(item, seen);
  if (const std::string said = line_of(seen.findings); !said.empty()) item.set("remark", said);
  return item;
}

Answer list_objects(const Kind& kind, const Choice& choice, const World& world) {
  if (kind.lives == Kind::Lives::in_process) return list_instances(choice, world);
  Answer answer;
  for (const std::string& id : select_objects(kind, choice.names, choice.labels, world, answer.faults()))
    answer.each([&] {
      const Observed one = observe_among(id, world);
      answer.items.push_back(instance_item(one));
      if (one.broken) throw Error(*one.broken);
    });
  return answer;
}

Answer list_instances(const Choice& choice, const World& world) {
  Answer answer;
  const auto names = select_instances(choice.names, choice.labels, world, answer.faults());
  if (choice.names.empty()) tell_hidden_instances(world, answer.faults());
  for (const Examined& seen : examine_all(names, world, answer.faults())) {
    answer.each([&] {
      if (seen.now.broken) throw named(*seen.now.broken, seen.now.name);
    });
    if (const std::string fault = seen.now.fault_of_masters(); !fault.empty())
      answer.warn(seen.now.name + ": " + fault, mend_masters(seen.now.name));
    warn_distrusted(answer, seen.now, world);
    answer.items.push_back(instance_item(seen));
  }
  return answer;
}

}  // namespace orctl
