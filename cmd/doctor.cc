#include <fmt/format.h>

#include "base/text.h"
#include "cli/command.h"
#include "engine/config.h"
#include "engine/history.h"
#include "engine/observe.h"
#include "engine/target.h"

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
    facts = nginx_facts(*binary, world);
  } catch (const Error& e) {
    return report.bad("nginx", e.what(), install);
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

void check_store(const World& world, const Layout& layout, Report& report) {
  try {
    if (!world.git.exists())
      report.note("store", "none yet at " + layout.store(), "the first apply makes it");
    else
      report.good("store", fmt::format("{}, {} instances live", layout.store(), present_instances(world).size()));
  } catch (const Error& e) {
    report.bad("store", e.what(), e.hint());
  }
  std::string folder = layout.store();
  while (folder.size() > 1 && !world.fs.exists(folder)) folder = folder.substr(0, folder.rfind('/'));
  if (folder.empty()) folder = "/";
  if (world.fs.writable(folder))
    report.good("rights", "may write in " + folder);
  else
    report.note("rights", "may not write in " + folder, "changing commands need root, or --root DIR");
}

/// What runs twice is found by whoever looks after the host, not only by who asks for the instance.
void check_masters(const World& world, const Layout& layout, Report& report) {
  try {
    if (!world.git.exists()) return;
    const NginxMasters all(world);
    for (const std::string& name : present_instances(world))
      if (const std::string fault = fault_of_masters(name, world, layout, all); !fault.empty())
        report.bad("masters", name + ": " + fault, mend_masters(name));
  } catch (const Error&) {
    // what is wrong with the store was told
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
  const Layout layout(world.root);
  const Config config = load_config(world.fs, world.env, layout);
  if (!has_errors(config.found)) check_nginx(o.binary, world, report);
  check_store(world, layout, report);
  check_masters(world, layout, report);
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
