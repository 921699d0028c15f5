#include "answer/host_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "answer/looked.h"
#include "base/text.h"
#include "host/supervisor.h"
#include "host/target.h"
#include "kind/kind.h"
#include "live/live_tree.h"
#include "store/history.h"
#include "store/lost.h"
#include "store/select.h"

namespace orctl {
namespace {

using State = HostCheck::State;

const char* word_of(State state) {
  switch (state) {
    case State::ok:
      return "ok";
    case State::missing:
      return "missing";
    case State::note:
      return "note";
  }
  return "";
}

std::string hint_text(const Value& item, const std::string& field) {
  const Value* hint = item.find(field);
  return hint == nullptr ? "" : hint->as_string();
}

HostChecks module_checks(const NginxFacts& facts, const std::string& install) {
  HostChecks out;
  if (facts.lua_built_in || facts.lua_module)
    out.push_back({State::ok, "lua", facts.lua_built_in ? "built in" : facts.modules_path + "/ngx_http_lua_module.so"});
  else
    out.push_back({State::missing, "lua", "no Lua module in " + facts.modules_path, install});
  if (facts.stream_built_in || facts.stream_module)
    out.push_back(
        {State::ok, "stream", facts.stream_built_in ? "built in" : facts.modules_path + "/ngx_stream_module.so"});
  else
    out.push_back({State::note, "stream", "none; tcp and udp listeners and files in streams.d/ need it",
                   "apt-get install libnginx-mod-stream"});
  if (!facts.stderr_option)
    out.push_back({State::note, "nginx -e", "this nginx is older than 1.19.5",
                   "its first messages go to its compiled-in error log"});
  return out;
}

/// What is wrong with one instance.
HostChecks instance_checks(const Observed& now, const World& world) {
  HostChecks out;
  if (now.broken) out.push_back({State::missing, "store", now.broken->what(), now.broken->hint()});
  if (now.loss) out.push_back({State::missing, now.name, now.loss->what, now.loss->hint});
  if (const std::string fault = now.fault_of_masters(); !fault.empty())
    out.push_back({State::missing, "masters", now.name + ": " + fault, mend_masters(now.name)});
  if (const auto found = now.version ? distrust_live_tree(now.tree_path, world) : std::nullopt)
    out.push_back(
        {State::missing, "trust", fmt::format("{}: '{}' {}", now.name, found->path, found->why), found->remedy});
  return out;
}

HostChecks instances_checks(const World& world) {
  HostChecks out;
  size_t sound = 0, broken = 0;
  const NginxMasters all(world);
  for (const std::string& name : select_instances({}, {}, world)) {
    const Observed now = observe_among(name, world, all);
    for (HostCheck& check : instance_checks(now, world)) out.push_back(std::move(check));
    ++(now.broken ? broken : sound);
  }
  for (const Kind& kind : kinds())
    if (kind.lives == Kind::Lives::in_files)
      for (const std::string& id : present_objects(kind, world))
        if (const auto fault = fault_of_object(observe_among(id, world)))
          out.push_back({State::missing, kind.word(), fault->what(), fault->hint()});
  for (const Git::Fault& fault : world.git.file_faults()) {
    const Error e = store_error(fault);
    out.push_back({State::missing, "store", e.what(), e.hint()});
    ++broken;
  }
  if (broken == 0)
    out.push_back({State::ok, "store", fmt::format("{}, {} instances live", world.layout.store(), sound)});
  return out;
}

HostCheck rights_check(const World& world) {
  std::string folder = world.layout.store();
  while (folder.size() > 1 && !world.fs.exists(folder)) folder = folder.substr(0, folder.rfind('/'));
  if (folder.empty()) folder = "/";
  if (world.fs.writable(folder)) return {State::ok, "rights", "may write in " + folder};
  return {State::note, "rights", "may not write in " + folder, "changing commands need root, or --root DIR"};
}

std::string way_to_remove(const std::string& path, const std::string& name, const World& world) {
  if (const auto masters = NginxMasters(world).of(path); !masters.empty() && !lost_history(name, world))
    return fmt::format("an nginx runs there (pid {}): find out whose it is", masters.front());
  if (name.empty()) return "nobody knows whose it is: rm -r " + path;
  const auto live = present_instances(world);
  if (std::find(live.begin(), live.end(), name) != live.end())
    return "unless orctl works on it right now, the next change removes it: orctl reload " + name;
  if (lost_history(name, world))
    return fmt::format("the instance is there, and its history is not in the store: {}", mend_lost_history(name));
  const std::string unit = world.layout.unit(name), tree = world.layout.tree(name);
  if (path == unit || path == tree)
    return fmt::format("unless another store knows {}: systemctl disable --now {}; rm -r {}", name,
                       world.layout.unit_name(name), path);
  if (world.fs.exists(unit) || world.fs.exists(tree))
    return fmt::format("it belongs to '{}'", world.fs.exists(tree) ? tree : unit);
  return "orctl delete " + name + " --yes";
}

}  // namespace

const Noun& checks_noun() {
  static const Noun noun{"DoctorReport",
                         "checks",
                         "",
                         {{"CHECK", "check", member_text},
                          {"STATE", "state", member_text},
                          {"FOUND", "found", member_text},
                          {"WHAT TO DO", "hint", hint_text}}};
  return noun;
}

Value check_item(const HostCheck& check) {
  Value item = Value::object();
  item.set("check", check.what);
  item.set("state", word_of(check.state));
  item.set("found", check.found);
  if (!check.hint.empty()) item.set("hint", check.hint);
  return item;
}

bool is_healthy(const HostChecks& checks) {
  return std::none_of(checks.begin(), checks.end(), [](const HostCheck& c) { return c.state == State::missing; });
}

HostChecks nginx_checks(const std::string& wanted, const World& world) {
  const std::string install = "apt-get install nginx libnginx-mod-http-lua lua-cjson, or OpenResty's own packages";
  try {
    const std::optional<std::string> binary = find_nginx(wanted, world);
    if (!binary)
      return {
          {State::missing, "nginx", wanted.empty() ? "no OpenResty and no nginx" : "no program " + wanted, install}};
    if (wanted.empty()) require_trusted(*binary);
    const NginxFacts facts = nginx_facts(*binary, world);
    HostChecks out{{State::ok, "nginx", *binary + ", " + facts.version}};
    for (HostCheck& check : module_checks(facts, install)) out.push_back(std::move(check));
    return out;
  } catch (const Error& e) {
    // one that is there needs another remedy than one that is not
    return {{State::missing, "nginx", e.what(), e.hint().empty() ? install : e.hint()}};
  }
}

HostChecks store_checks(const World& world) {
  HostChecks out;
  try {
    if (!world.git.exists() && world.git.file_faults().empty() && lost_instances(world).empty())
      out.push_back({State::note, "store", "none yet at " + world.layout.store(), "the first apply makes it"});
    else
      out = instances_checks(world);
  } catch (const Error& e) {
    out.push_back({State::missing, "store", e.what(), e.hint()});
  }
  out.push_back(rights_check(world));
  return out;
}

HostCheck stray_check(const std::string& path, const std::string& instance, const World& world) {
  return {State::note, "stray", path, way_to_remove(path, instance, world)};
}

HostCheck supervisor_check(const World& world) {
  return {State::ok, "supervisor",
          world.supervision == Supervision::systemd ? "systemd, one unit an instance"
                                                    : "plain processes that orctl starts"};
}

HostChecks config_checks(const Config& config) {
  HostChecks out;
  for (const Diagnostic& d : config.found) {
    const std::string place = d.place.line == 0 ? d.file : fmt::format("{}:{}", d.file, d.place.line);
    const std::string text = place + ": " + (d.field.empty() ? "" : d.field + ": ") + d.text;
    out.push_back({d.severity == Severity::error ? State::missing : State::note, "config", text, d.hint});
  }
  if (config.found.empty())
    out.push_back(
        {State::ok, "config", config.given.empty() ? "nothing set" : count(config.given.size(), "key") + " set"});
  return out;
}

}  // namespace orctl
