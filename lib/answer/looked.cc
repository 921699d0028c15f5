#include "answer/looked.h"

#include <fmt/format.h>

#include "base/text.h"
#include "base/whose.h"
#include "gateway/overrides.h"
#include "live/live_tree.h"
#include "live/served_certificates.h"
#include "store/select.h"

namespace orctl {

std::optional<Error> silence_of_gateway(const Observed& o) {
  if (o.pid == 0 || o.status) return std::nullopt;
  return Error(Exit::unreachable,
               fmt::format("{}: its gateway does not answer{}", o.name, o.problem.empty() ? "" : ": " + o.problem),
               "orctl restart " + o.name);
}

Error store_error(const Git::Fault& fault) {
  return Error(Exit::target, fmt::format("the version store's {} is damaged: {}", fault.what, fault.why),
               "orctl store verify names all that is damaged, and how to mend it");
}

void tell_hidden_instances(const World& world, const std::function<void(const Error&)>& tell) {
  for (const Git::Fault& fault : world.git.file_faults())
    if (fault.what == "packed-refs" || fault.file == world.git.path()) tell(store_error(fault));
}

void warn_distrusted(Answer& answer, const Observed& o, const World& world) {
  const auto found = o.version ? warning_of_trust(o.name, o.tree_path, world) : std::nullopt;
  if (found) answer.warn(found->what(), found->hint());
}

void warn_ending(Answer& answer, const std::string& instance, const Ending& ending) {
  answer.warn(instance + ": " + ending.text, "put a new one into the manifest's files, and apply it: it is hot");
}

std::optional<Error> fault_of_object(const Observed& o) {
  if (o.broken) return o.broken;
  if (o.state() != "drifted") return std::nullopt;
  return Error(Exit::target, fmt::format("{}: its files are not those of revision {}", o.name, o.applied->number),
               "orctl apply -f MANIFEST --overwrite-drift puts them back");
}

void warn_masters(Answer& answer, const std::vector<std::string>& names, const World& world) {
  const NginxMasters all(world);
  for (const std::string& name : names) try {
      if (const std::string fault = fault_of_masters(name, world, all); !fault.empty())
        answer.warn(name + ": " + fault, mend_masters(name));
    } catch (const Error&) {
      // what is wrong with the store is told by what is asked of it
    }
}

void warn_uncounted(Answer& answer, const std::string& instance, const Value::Array& upstreams) {
  std::vector<std::string> names;
  for (const Value& one : upstreams)
    if (is_uncounted(one)) names.push_back("'" + one.at("name").as_string() + "'");
  if (names.empty()) return;
  answer.warn(
      fmt::format("{}: nginx itself balances {} for tcp and udp listeners, and nobody counts or checks its servers",
                  instance, join(names, ", ")),
      fmt::format("orctl logs {} --stream tells of each connection", instance));
}

std::vector<Observed> look_at(const Choice& choice, Counts counts, const World& world, Answer& answer) {
  std::vector<Observed> all;
  const NginxMasters masters(world);
  const auto names = select_instances(choice.names, choice.labels, world, answer.faults());
  if (choice.names.empty()) tell_hidden_instances(world, answer.faults());
  for (const std::string& name : names) try {
      all.push_back(observe_among(name, world, masters));
      if (all.back().broken) throw Error(*all.back().broken);
      if (counts == Counts::yes) answer.each([] {});
    } catch (const Error& e) {
      stop_if_interrupted();
      answer.fault(named(e, name));
    }
  for (const Observed& one : all)
    if (const std::string fault = one.fault_of_masters(); !fault.empty())
      answer.warn(one.name + ": " + fault, mend_masters(one.name));
  return all;
}

Answer list_of_gateways(const Choice& choice, const World& world,
                        const std::function<Value::Array(const Observed&)>& list) {
  Answer answer;
  for (const Observed& o : look_at(choice, Counts::no, world, answer))
    if (o.version)
      answer.each([&] {
        try {
          for (Value& item : list(o)) answer.items.push_back(std::move(item));
        } catch (const Error& e) {
          throw e.within(o.name);
        }
        if (const auto silence = silence_of_gateway(o)) throw Error(*silence);
      });
  return answer;
}

Value of_server(const std::string& instance, const Value& item) {
  Value out = Value::object();
  if (!instance.empty()) out.set("instance", instance);
  for (const auto& m : item.members())
    if (m.key == "server")
      out.set("address", m.value);
    else if (m.key != "instance" && m.key != "address")
      out.set(m.key, m.value);
  return out;
}

std::string server_text(const Value& item, const std::string&) {
  return member_text(item, "instance") + "/" + member_text(item, "upstream") + "/" + member_text(item, "address");
}

}  // namespace orctl
