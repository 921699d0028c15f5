#include "answer/instances.h"

#include <fmt/format.h>

#include "answer/looked.h"
#include "base/text.h"
#include "model/masked.h"

namespace orctl {
namespace {

std::string addresses_text(const Value& item, const std::string& field) {
  const Value* listeners = item.find(field);
  if (listeners == nullptr) return "-";
  std::vector<std::string> all;
  for (const Value& l : listeners->items())
    all.push_back(fmt::format("{}:{}", l.at("address").as_string(), l.at("port").as_int()));
  return join(all, ",");
}

std::string labels_text(const Value& item, const std::string& field) {
  if (item.find("listener") == nullptr) return "-";  // no manifest is known
  std::vector<std::string> all;
  if (const Value* labels = item.find(field))
    for (const auto& m : labels->members()) all.push_back(m.key + "=" + m.value.as_string());
  return all.empty() ? "<none>" : join(all, ",");
}

}  // namespace

std::string confirm_text(const Value& item, const std::string& field) {
  const Value* left = item.find(field);
  if (left == nullptr) return "-";
  return left->as_int() == 0 ? "overdue" : span_text(Millis(left->as_int() * 1000));
}

const Noun& instances_noun() {
  static const Noun noun{"InstanceList",
                         "instances",
                         "instance",
                         {{"NAME", "name", member_text},
                          {"STATUS", "status", member_text},
                          {"REVISION", "revision", member_text},
                          {"UPSTREAMS", "upstream", count_text},
                          {"ROUTES", "route", count_text},
                          {"CONFIRM", "confirm_seconds_left", confirm_text},
                          {"ADDRESS", "listener", addresses_text, Column::Shown::wide},
                          {"PID", "pid", pid_text, Column::Shown::wide},
                          {"LABELS", "labels", labels_text, Column::Shown::wide}}};
  return noun;
}

Value instance_item(const Observed& o) {
  const bool is_known = !o.broken || (o.version && o.applied);
  Value item = is_known ? masked_spec(o.version->spec) : Value::object();
  item.set("name", o.name);
  item.set("status", o.state());
  if (o.broken) item.set("remark", o.broken->what());
  if (o.applied) item.set("revision", o.applied->number);
  item.set("pid", o.pid);
  if (is_known && o.unconfirmed) item.set("confirm_seconds_left", o.unconfirmed->seconds_left());
  return item;
}

Answer list_instances(const Choice& choice, const World& world) {
  Answer answer;
  const auto all = look_at(choice, Counts::yes, world, answer);
  for (const Observed& one : all) warn_distrusted(answer, one, world);
  for (const Observed& one : all) answer.items.push_back(instance_item(one));
  return answer;
}

}  // namespace orctl
