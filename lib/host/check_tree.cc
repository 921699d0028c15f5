#include "host/check_tree.h"

#include <fmt/format.h>

#include "base/rights.h"
#include "base/text.h"
#include "base/tree_paths.h"
#include "host/child_words.h"
#include "host/nginx_words.h"
#include "host/systemd.h"
#include "model/instance_user.h"
#include "nginx/config.h"
#include "render/embedded.h"
#include "render/unit.h"

namespace orctl {
namespace {

constexpr Millis test_limit(60000);

/// The marked lines of what nginx said, with the stage's path taken out of them.
std::string faults_in(std::string text, const std::string& stage) {
  for (size_t at = text.find(stage + "/"); at != std::string::npos; at = text.find(stage + "/", at))
    text.erase(at, stage.size() + 1);
  const std::string own_mark = "orctl-check: ";  // of lua/check.lua
  std::vector<std::string> out;
  for (const std::string& one : split(text, '\n')) {
    const LogLine line = read_log_line(one);
    if (line.level == "emerg" || line.level == "error") out.push_back(line.words);
    if (one.starts_with(own_mark)) out.push_back(one.substr(own_mark.size()));
  }
  return out.empty() ? std::string(trim(text)) : join(out, "; ");
}

/// Removes the scratch folder on every way out.
class Scratch {
 public:
  Scratch(World& world, std::string path) : world_(world), path_(std::move(path)) {
    world_.fs.remove(path_);
    world_.fs.make_folders(path_, rights::public_folder);
  }
  ~Scratch() {
    try {
      world_.fs.remove(path_);
    } catch (const Error&) {
      // the next check removes it first
    }
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

 private:
  World& world_;
  std::string path_;
};

/// nginx with this prefix, run to its end: confined where systemd runs the instance.
Proc::Result run_nginx(World& world, const Value& spec, const Target& target, const std::string& prefix,
                       const std::string& scratch, const std::vector<std::string>& more = {}) {
  std::vector<std::string> argv = {target.binary};
  if (target.stderr_option) argv.insert(argv.end(), {"-e", "stderr"});
  argv.insert(argv.end(), {"-p", prefix, "-c", tree_path::nginx_conf});
  argv.insert(argv.end(), more.begin(), more.end());
  if (world.supervision == Supervision::process) return world.proc.run(argv, test_limit);
  std::vector<std::string> settings = confinement(spec, world.layout);
  settings.emplace_back("RuntimeDirectoryPreserve=yes");  // the instance that serves lives in it
  const std::string unit = world.layout.check_unit_name(spec.at("name").as_string());
  return systemd::run_confined(world, unit, settings, argv, scratch);
}

[[noreturn]] void refuse(const World& world, const Value& spec, const std::string& what) {
  const bool rights = what.find("Permission denied") != std::string::npos;
  if (rights && world.supervision == Supervision::systemd)
    throw Error(Exit::refused, what,
                fmt::format("the instance runs as {0}: let that group read the file, chgrp {0} FILE; chmod 0640 FILE",
                            instance_user(spec)));
  throw Error(Exit::refused, what, "mend it, then run the same command again; nothing was changed");
}

void check_lua(World& world, const Value& spec, const std::string& scratch, const std::string& stage, const Tree& tree,
               const Target& target, const std::optional<UpstreamText>& news) {
  Tree files;
  std::string list = stage + "\n";
  for (const auto& [path, file] : tree) {
    if (path.ends_with(".lua")) list += stage + "/" + path + "\t" + path + "\n";
    if (!path.ends_with(".conf") || path == tree_path::nginx_conf) continue;
    for (const nginx::LuaChunk& chunk : nginx::lua_chunks(nginx::parse(file.content))) {
      const std::string copy = fmt::format("chunk{}.lua", files.size());
      files[copy] = {chunk.code};
      list += scratch + "/check/" + copy + "\t" + path + "\n";
    }
  }
  nginx::Config conf;
  for (const std::string& module : target.modules) conf.push_back({"load_module", {{module, false}}});
  nginx::Directive http{"http", {}, {{"init_by_lua_file", {{"check.lua", false}}}}, true};
  conf.push_back({"pid", {{scratch + "/check/pid", false}}});
  conf.push_back({"events", {}, {}, true});
  conf.push_back(http);
  files[tree_path::nginx_conf] = {nginx::write(conf)};
  files["check.lua"] = {std::string(embedded_lua().at("lua/check.lua"))};
  files["list"] = {list};
  if (news) files["upstream"] = {news->text};
  world.fs.write_tree(scratch + "/check", files);
  const Proc::Result result = run_nginx(world, spec, target, scratch + "/check", scratch);
  if (result.status != 0)
    refuse(world, spec, "the gateway would not start: " + why_failed(result, faults_in(result.err, stage)));
}

}  // namespace

void check_staged_tree(World& world, const Value& spec, const std::string& stage, const Tree& tree,
                       const Target& target, const std::optional<UpstreamText>& news) {
  const std::string name = spec.at("name").as_string();
  const bool had_run = world.fs.exists(world.layout.run(name)), had_pid = world.fs.exists(world.layout.pid(name));
  const std::string scratch = world.layout.check_scratch(tree_folder(spec));
  const Scratch cleanup(world, scratch);
  // first, because it says of certificates and Lua what is wrong in words of its own
  check_lua(world, spec, scratch, stage, tree, target, news);
  const Proc::Result result = run_nginx(world, spec, target, stage, scratch, {"-t", "-q"});
  // nginx -t leaves an empty pid file, and systemd the folder it is in
  if (!had_pid) world.fs.remove(had_run ? world.layout.pid(name) : world.layout.run(name));
  if (result.status != 0)
    refuse(world, spec, "nginx refuses the configuration: " + why_failed(result, faults_in(result.err, stage)));
}

}  // namespace orctl
