#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "change/leftovers.h"
#include "cli/command.h"
#include "host/supervisor.h"
#include "host/target.h"
#include "live/live_tree.h"
#include "live/observe.h"
#include "manifest/config.h"
#include "shared/among.h"
#include "store/history.h"
#include "store/lost.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  std::string binary;
};

void flags(Flags& f, Options& o) {
  f.add("--binary", o.binary, "the nginx or OpenResty to look at; absent: the one orctl would take").value("PATH");
}

/// One thing looked at: what was found, and what to do if it is not as it must be.
class Report {
 public:
  explicit Report(Io& io) : io_(io) {}
  void good(const std::string& what, const std::string& found) { add("ok", what, found, ""); }
  void bad(const std::string& what, const std::string& found, const std::string& advice) {
    healthy_ = false;
    add("missing", what, found, advice);
  }
  void note(const std::string& what, const std::string& found, const std::string& advice) {
    add("note", what, found, advice);
  }
  bool healthy() const { return healthy_; }
  void print() { io_.table(table_, "checks"); }

 private:
  void add(const char* state, const std::string& what, const std::string& found, const std::string& advice) {
    Value item = Value::object();
    item.set("check", what);
    item.set("state", state);
    item.set("found", found);
    if (!advice.empty()) item.set("hint", advice);
    io_.item(std::move(item));
    table_.rows.push_back({what, state, found, advice});
  }
  Io& io_;
  Table table_{{"CHECK", "STATE", "FOUND", "WHAT TO DO"}, {}, 0};
  bool healthy_ = true;
};

void check_nginx(const std::string& wanted, const World& world, Report& report) {
  const std::string install = "apt-get install nginx libnginx-mod-http-lua lua-cjson, or OpenResty's own packages";
  std::optional<std::string> binary;
  NginxFacts facts;
  try {
    binary = find_nginx(wanted, world);
    if (!binary)
      return report.bad("nginx", wanted.empty() ? "no OpenResty and no nginx" : "no program " + wanted, install);
    if (wanted.empty()) require_trusted(*binary);
    facts = nginx_facts(*binary, world);
  } catch (const Error& e) {
    // one that is there needs another remedy than one that is not
    return report.bad("nginx", e.what(), e.hint().empty() ? install : e.hint());
  }
  report.good("nginx", *binary + ", " + facts.version);
  if (facts.lua_built_in || facts.lua_module)
    report.good("lua", facts.lua_built_in ? "built in" : facts.modules_path + "/ngx_http_lua_module.so");
  else
    report.bad("lua", "no Lua module in " + facts.modules_path, install);
  if (facts.stream_built_in || facts.stream_module)
    report.good("stream", facts.stream_built_in ? "built in" : facts.modules_path + "/ngx_stream_module.so");
  else
    report.note("stream", "none; tcp and udp listeners and files in streams.d/ need it",
                "apt-get install libnginx-mod-stream");
  if (!facts.stderr_option)
    report.note("nginx -e", "this nginx is older than 1.19.5", "its first messages go to its compiled-in error log");
}

/// Whose history can be read, what live instances have lost on this host, and what runs twice.
void check_instances(const World& world, Report& report) {
  size_t sound = 0, broken = 0;
  const NginxMasters all(world);
  for (const std::string& name : select_instances({}, {}, world)) {
    const Observed now = observe_among(name, world, all);
    if (now.broken) report.bad("store", now.broken->what(), now.broken->hint());
    if (now.loss) report.bad(name, now.loss->what, now.loss->hint);
    if (const std::string fault = now.fault_of_masters(); !fault.empty())
      report.bad("masters", name + ": " + fault, mend_masters(name));
    if (const auto found = now.version ? distrust_live_tree(now.tree_path, world) : std::nullopt)
      report.bad("trust", fmt::format("{}: '{}' {}", name, found->path, found->why), found->remedy);
    ++(now.broken ? broken : sound);
  }
  for (const Git::Fault& fault : world.git.file_faults()) {
    const Error e = file_error(fault);
    report.bad("store", e.what(), e.hint());
    ++broken;
  }
  if (broken == 0) report.good("store", fmt::format("{}, {} instances live", world.layout.store(), sound));
}

void check_store(const World& world, Report& report) {
  try {
    if (!world.git.exists() && world.git.file_faults().empty() && lost_instances(world).empty())
      report.note("store", "none yet at " + world.layout.store(), "the first apply makes it");
    else
      check_instances(world, report);
  } catch (const Error& e) {
    report.bad("store", e.what(), e.hint());
  }
  std::string folder = world.layout.store();
  while (folder.size() > 1 && !world.fs.exists(folder)) folder = folder.substr(0, folder.rfind('/'));
  if (folder.empty()) folder = "/";
  if (world.fs.writable(folder))
    report.good("rights", "may write in " + folder);
  else
    report.note("rights", "may not write in " + folder, "changing commands need root, or --root DIR");
}

std::string way_to_remove(const Leftover& stray, const World& world) {
  const std::string& name = stray.instance;
  if (const auto masters = NginxMasters(world).of(stray.path); !masters.empty() && !lost_history(name, world))
    return fmt::format("an nginx runs there (pid {}): find out whose it is", masters.front());
  if (name.empty()) return "nobody knows whose it is: rm -r " + stray.path;
  const auto live = present_instances(world);
  if (std::find(live.begin(), live.end(), name) != live.end())
    return "unless orctl works on it right now, the next change removes it: orctl reload " + name;
  if (lost_history(name, world))
    return fmt::format("the instance is there, and its history is not in the store: {}", mend_lost_history(name));
  if (stray.path == world.layout.unit(name) || stray.path == world.layout.tree(name))
    return fmt::format("unless another store knows {}: systemctl disable --now {}; rm -r {}", name,
                       world.layout.unit_name(name), stray.path);
  if (world.fs.exists(world.layout.unit(name)) || world.fs.exists(world.layout.tree(name)))
    return fmt::format("it belongs to '{}'",
                       world.fs.exists(world.layout.tree(name)) ? world.layout.tree(name) : world.layout.unit(name));
  return "orctl delete " + name + " --yes";
}

/// What kills and half deletes left.
void check_strays(const World& world, Report& report) {
  try {
    for (const Leftover& stray : strays(world)) report.note("stray", stray.path, way_to_remove(stray, world));
  } catch (const Error& e) {
    report.note("stray", e.what(), "strays are not known without it");
  }
}

void check_config(const Config& config, Report& report) {
  for (const Diagnostic& d : config.found) {
    const std::string place = d.place.line == 0 ? d.file : fmt::format("{}:{}", d.file, d.place.line);
    const std::string text = place + ": " + (d.field.empty() ? "" : d.field + ": ") + d.text;
    d.severity == Severity::error ? report.bad("config", text, d.hint) : report.note("config", text, d.hint);
  }
  if (config.found.empty())
    report.good("config", config.given.empty() ? "nothing set" : count(config.given.size(), "key") + " set");
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("DoctorReport");
  Report report(io);
  const Config config = load_config(world.fs, world.env, world.layout);
  if (config.untrusted) report.bad("trust", config.untrusted->text, config.untrusted->hint);
  if (!config.untrusted && !has_errors(config.found)) check_nginx(o.binary, world, report);
  check_store(world, report);
  check_strays(world, report);
  report.good("supervisor", world.supervision == Supervision::systemd ? "systemd, one unit an instance"
                                                                      : "plain processes that orctl starts");
  check_config(config, report);
  report.print();
  return report.healthy() ? Exit::ok : Exit::no;
}

}  // namespace

Command doctor_command() {
  return command<Options>({"doctor",
                           "say what this host has and lacks",
                           {{"Look at this host", "orctl doctor"}},
                           "Exit code 1 when something that orctl needs is missing.",
                           {"table", "json"},
                           ConfigUse::told},
                          flags, run);
}

}  // namespace orctl
