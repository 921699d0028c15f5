#include "answer/description.h"

#include "answer/health.h"
#include "answer/looked.h"
#include "answer/overrides.h"
#include "answer/status.h"
#include "model/masked.h"
#include "store/select.h"

namespace orctl {
namespace {

/// Where its files are, and what runs: as far as it is known of one that is broken, too.
void set_places(Value& item, const Observed& now, const World& world) {
  if (now.version) item.set("tree", now.version->digest);
  item.set("tree_path", now.tree_path);
  item.set("admin_socket", world.layout.admin_socket(now.name));
  item.set("logs", world.layout.logs(now.name));
  if (now.pid != 0) item.set("binary", now.live.binary);
}

/// What handshakes get, which may be another than the manifest's.
Value certificates_value(const Observed& now, const World& world) {
  Value out = Value::array();
  try {
    for (Value& one : certificates_of(now, world)) out.push(std::move(one));
  } catch (const Error&) {
    stop_if_interrupted();  // that it does not answer is told of all else, too
  }
  return out;
}

Value broken_item(const Examined& seen, const World& world) {
  const Observed& now = seen.now;
  Value item = Value::object();
  item.set("name", now.name);
  item.set("status", now.state());
  item.set("remark", now.broken->what());
  if (now.applied) item.set("version", to_value(*now.applied));
  item.set("pid", now.pid);
  if (now.status) item.set("gateway", now.status->raw);
  set_places(item, now, world);
  set_examined(item, seen);
  return item;
}

}  // namespace

Value description_item(const Examined& seen, const World& world) {
  const Observed& now = seen.now;
  if (now.broken) return broken_item(seen, world);
  Value item = masked_spec(now.version->spec);
  item.set("name", now.name);
  item.set("status", now.state());
  if (!now.problem.empty()) item.set("remark", now.problem);
  item.set("version", to_value(*now.applied));
  item.set("pid", now.pid);
  if (now.has_two_masters()) item.set("fault", now.fault_of_masters());
  if (now.unconfirmed) item.set("confirm_seconds_left", now.unconfirmed->seconds_left());
  Value health = Value::array(), overrides = Value::array();
  for (const Value& told : told_health(now, world)) health.push(health_item("", told));
  if (now.status)
    for (const Value& told : gateway_overrides(world, now.name)) overrides.push(override_item("", told));
  if (now.status) item.set("served_certificates", certificates_value(now, world));
  if (now.status) item.set("gateway", now.status->raw);
  if (now.status) item.set("health", std::move(health));
  item.set("overrides", std::move(overrides));
  set_places(item, now, world);
  if (now.unit) item.set("unit", unit_value(*now.unit, world.layout.unit_name(now.name)));
  if (now.pid != 0) item.set("open_files", open_files_value(now));
  item.set("interrupted", now.interrupted);
  set_examined(item, seen);
  return item;
}

Answer describe_instances(const std::vector<std::string>& names, const World& world) {
  Answer answer;
  for (const std::string& name : select_instances(names, {}, world))
    answer.each([&] {
      const Examined seen = examine(name, world, NginxMasters(world));
      const Observed& now = seen.now;
      try {
        Value item = description_item(seen, world);
        if (!now.broken) {
          for (const Ending& ending : seen.endings) warn_ending(answer, name, ending);
          warn_distrusted(answer, now, world);
        }
        answer.items.push_back(std::move(item));
      } catch (const Error& e) {
        throw e.within(name);
      }
      if (now.broken) throw Error(*now.broken);
      if (const auto silence = silence_of_gateway(now)) throw Error(*silence);
    });
  return answer;
}

}  // namespace orctl
