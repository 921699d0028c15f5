#include "host/supervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "base/rights.h"
#include "base/text.h"
#include "base/tree_paths.h"
#include "host/child_words.h"
#include "host/nginx_words.h"
#include "host/systemd.h"
#include "model/instance_user.h"

namespace orctl {
namespace {

constexpr Millis start_limit(20000), kill_grace(5000), drain_margin(2000);
constexpr size_t longest_pid = 64;
constexpr const char* useradd = "/usr/sbin/useradd";
constexpr const char* userdel = "/usr/sbin/userdel";

void run_or_throw(World& world, const std::vector<std::string>& argv) {
  const Proc::Result result = world.proc.run(argv, start_limit);
  if (result.status != 0)
    throw Error(Exit::target, fmt::format("{} failed: {}", join(argv, " "), why_failed(result)), "run it by hand");
}

/// nullopt for a link that leads nowhere, or in a circle.
std::optional<Fs::Stat> end_of_link(const std::string& link, const World& world) {
  try {
    return world.fs.follow(link);
  } catch (const Error&) {
    return std::nullopt;
  }
}

void need_systemd(const World& world) {
  if (world.supervision == Supervision::systemd) return;
  throw Error(Exit::refused, "without systemd nothing starts at boot",
              "start it from what boots this host: orctl start");
}

}  // namespace

Millis drain_time(const Value& spec) {
  const std::string text = spec.at("nginx").at("worker_shutdown_timeout").as_string();
  return parse_duration(text).value_or(Millis(10000)) + drain_margin;
}

bool Supervisor::is_master(const World& world, int pid) const {
  const std::string command = world.proc.command_line(pid) + " ";
  return command.starts_with(master_title) && command.find(" -p " + tree_ + " ") != std::string::npos &&
         world.proc.alive(pid) && may_be_ours(world, pid);
}

bool Supervisor::may_be_ours(const World& world, int pid) const {
  const auto owner = world.proc.owner(pid);
  if (!owner) return false;
  if (owner->uid == 0 || owner->uid == world.env.uid()) return true;
  const auto tree = world.fs.stat(tree_);
  if (tree && (owner->uid == tree->uid || owner->gid == tree->gid)) return true;
  return in_unit(world, pid);  // of a revision that named another user
}

int Supervisor::pid_in(const World& world, const std::string& file) const {
  std::optional<long> pid;
  try {
    pid = parse_number(trim(world.fs.read_from(file, 0, 64)), 1 << 30);
  } catch (const Error&) {
    // in the instance's own folder anything may have that name
  }
  return pid && is_master(world, static_cast<int>(*pid)) ? static_cast<int>(*pid) : 0;
}

std::optional<Loss> Supervisor::loss(const World& world, int master, const std::vector<int>& workers) const {
  using Of = Loss::Of;
  const bool by_systemd = world.supervision == Supervision::systemd;
  const std::string socket = layout_.admin_socket(name_), unit = layout_.unit(name_),
                    restart = "orctl restart " + name_;
  const auto gone = [&](const std::string& folder) { return "its folder '" + folder + "' is gone"; };
  try {
    if (by_systemd && !world.fs.exists(unit))
      return Loss{Of::unit, "its unit '" + unit + "' is gone", "orctl apply -f MANIFEST writes it again"};
    if (master == 0) return std::nullopt;
    std::vector<int> family = workers;
    family.insert(family.begin(), master);
    for (const int pid : family)
      if (world.proc.is_stopped(pid))
        return Loss{Of::process, fmt::format("nginx (pid {}) was stopped by a signal and does nothing", pid), restart};
    if (const auto fault = fault_of_folders(world)) {
      const bool reload = !by_systemd && !fault->of_run;
      return Loss{Of::place, fault->text,
                  fmt::format("{} && orctl {} {}", fault->mend, reload ? "reload" : "restart", name_),
                  reload ? Impact::reload : Impact::restart};
    }
    if (!world.fs.exists(layout_.run(name_))) return Loss{Of::folder, gone(layout_.run(name_)), restart};
    const auto found = world.fs.stat(socket);
    if (!found) return Loss{Of::socket, "its admin socket '" + socket + "' is gone", restart};
    if (found->kind != Fs::Kind::socket) return Loss{Of::socket, "'" + socket + "' is not its admin socket", restart};
    if (world.http.is_dead(socket))
      return Loss{Of::socket, "nobody listens at its admin socket '" + socket + "'", restart};
    for (const std::string& folder : {layout_.logs(name_), layout_.state(name_)})
      if (!world.fs.exists(folder))
        return by_systemd ? Loss{Of::folder, gone(folder), restart}
                          : Loss{Of::folder, gone(folder), "orctl reload " + name_, Impact::reload};
  } catch (const Error&) {
    // not ours to look at
  }
  return std::nullopt;
}

std::optional<Supervisor::PlaceFault> Supervisor::fault_of_folders(const World& world) const {
  const auto of_another = [&](const std::string& folder, const Fs::Stat& target) {
    const std::string parent = folder.substr(0, folder.rfind('/'));
    for (const Fs::Entry& one : world.fs.list(parent)) {
      const auto found = world.fs.stat(parent + "/" + one.name);
      if (found && found->kind == Fs::Kind::folder && found->inode == target.inode) return true;
    }
    return false;
  };
  for (const std::string& folder : {layout_.run(name_), layout_.state(name_), layout_.logs(name_)}) {
    const auto found = world.fs.stat(folder);
    if (!found || found->kind == Fs::Kind::folder) continue;
    const bool of_run = folder == layout_.run(name_);
    std::string what = in_words(found->kind);
    if (found->kind == Fs::Kind::symlink) {
      // logs and state may be kept elsewhere by whom the host belongs to
      const auto target = end_of_link(folder, world);
      const bool leads = target && target->kind == Fs::Kind::folder;
      const bool ours = found->uid == 0 || found->uid == world.env.uid();
      if (leads && ours && !of_run && !of_another(folder, *target)) continue;
      what += leads ? "" : " to no folder";
    }
    return PlaceFault{fmt::format("its folder '{}' is {}", folder, what), fmt::format("mv {0} {0}.old", folder),
                      of_run};
  }
  return std::nullopt;
}

void Supervisor::clear_way(World& world) const {
  const auto pid = world.fs.stat(layout_.pid(name_)), socket = world.fs.stat(layout_.admin_socket(name_));
  const bool is_none = pid && (pid->kind != Fs::Kind::file || pid->size > static_cast<int64_t>(longest_pid));
  if (is_none) world.fs.remove(layout_.pid(name_));
  constexpr unsigned mode = rights::secret_file;
  if (socket && socket->kind == Fs::Kind::socket && (socket->mode & mode) != mode)
    world.fs.chmod(layout_.admin_socket(name_), mode);
}

std::string Supervisor::pid_file_fault(const World& world) const {
  const std::string file = layout_.pid(name_);
  try {
    if (world.fs.exists(file)) world.fs.read(file, longest_pid);
    return {};
  } catch (const Error& e) {
    return std::string(e.what()) + "; a restart puts it right";
  }
}

int Supervisor::master(const World& world) const {
  if (const int pid = pid_in(world, layout_.pid(name_)); pid != 0) return pid;
  const auto all = masters(world);
  return all.empty() ? 0 : all.front();
}

std::vector<int> Supervisor::masters(const World& world) const { return masters(world, NginxMasters(world)); }

std::vector<int> Supervisor::masters(const World& world, const NginxMasters& all) const {
  std::vector<int> found;
  for (const int pid : all.of(tree_))
    if (is_master(world, pid)) found.push_back(pid);
  if (found.size() < 2) return found;
  // a worker bears its master's title until it has begun; the new master of an upgrade is a child of the old one, too
  std::set<int> children;
  for (const int pid : found)
    for (const int child : world.proc.children(pid)) children.insert(child);
  const int named = pid_in(world, layout_.pid(name_));
  std::erase_if(found,
                [&](int pid) { return children.contains(pid) && pid != named && world.proc.children(pid).empty(); });
  return found;
}

std::string Supervisor::crowd(const World& world, int master, const Value& spec) const {
  const int64_t most = spec.at("nginx").at("worker_connections").as_int();
  const auto workers = world.proc.children(master);
  const bool full =
      std::all_of(workers.begin(), workers.end(), [&](int pid) { return world.proc.open_files(pid) >= most; });
  if (workers.empty() || !full) return {};
  return fmt::format("its workers hold all the connections that they may (nginx.worker_connections = {})", most);
}

std::vector<int> Supervisor::orphans(const World& world) const { return orphans(world, NginxMasters(world)); }

std::vector<int> Supervisor::orphans(const World& world, const NginxMasters& all) const {
  const std::string log = layout_.logs(name_) + "/error.log";
  std::vector<int> found;
  for (const int pid : all.strays())
    if (world.proc.alive(pid) && world.proc.has_open(pid, log)) found.push_back(pid);
  return found;
}

void Supervisor::end_orphans(World& world) const {
  for (const int pid : orphans(world)) {
    const ProcessHandle orphan = world.proc.hold(pid);
    const auto still = orphans(world);  // what has the number now is one, too
    if (std::find(still.begin(), still.end(), pid) == still.end()) continue;
    world.proc.signal(orphan, SIGTERM);
    if (!world.proc.wait_gone(orphan, Deadline::in(kill_grace))) world.proc.signal(orphan, SIGKILL);
    world.proc.wait_gone(orphan, Deadline::in(kill_grace));
  }
}

Belongings Supervisor::prepare(World& world, const Target& target, const Value& spec) const {
  Belongings made;
  if (world.supervision == Supervision::systemd) {
    for (const std::string& folder : {layout_.run(name_), layout_.state(name_), layout_.logs(name_)})
      if (!world.fs.exists(folder)) {
        world.fs.make_folders(folder.substr(0, folder.rfind('/')));  // systemd follows symlinks there, and we do not
        made.folders.push_back(folder);                              // the check of the tree will make it
      }
    const std::string user = instance_user(spec), ours = user_comment(spec);
    const bool there = world.env.user_exists(user);
    if (there && has_own_user(spec) && world.env.comment_of(user) != ours)
      throw Error(Exit::target, fmt::format("there is a user '{}' already, and it is not this instance's", user),
                  fmt::format("remove it, or set its comment if it is: usermod --comment '{}' {}", ours, user));
    if (!there && !has_own_user(spec))
      throw Error(Exit::target, fmt::format("there is no user '{}' here (field nginx.user)", user),
                  "take nginx.user away, and the instance gets a user of its own");
    if (there) return made;
    run_or_throw(world, {useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
                         "--shell", "/usr/sbin/nologin", "--comment", ours, user});
    made.user = user;
    return made;
  }
  made.folders = make_folders(world, target);
  return made;
}

std::vector<std::string> Supervisor::make_folders(World& world, const Target& target) const {
  std::vector<std::string> made;
  for (const std::string& folder : {layout_.run(name_), layout_.state(name_), layout_.logs(name_)}) {
    const auto there = world.fs.follow(folder);
    if (there && there->kind == Fs::Kind::folder) continue;
    world.fs.make_folders(folder, rights::public_folder);
    world.fs.chmod(folder, rights::group_folder);
    made.push_back(folder);
  }
  if (!made.empty() && !target.user.empty()) world.fs.chown(layout_.state(name_), target.user);
  return made;
}

Belongings Supervisor::belongings(const World& world, const Value& spec) const {
  Belongings all{{layout_.run(name_), layout_.state(name_), layout_.logs(name_)}, ""};
  const std::string user = instance_user(spec);
  // without systemd an instance has none: one of that name belongs to another root
  const bool by_systemd = world.supervision == Supervision::systemd;
  if (by_systemd && has_own_user(spec) && world.env.comment_of(user) == user_comment(spec)) all.user = user;
  return all;
}

Belongings Supervisor::remains(const World& world) const {
  Value spec = Value::object();
  spec.set("name", name_);
  spec.set("nginx", Value::object());
  Belongings what = belongings(world, spec);
  what.folders.insert(what.folders.end(), {layout_.stage(name_), layout_.check_scratch(name_)});
  std::erase_if(what.folders, [&](const std::string& folder) { return !world.fs.exists(folder); });
  return what;
}

void Supervisor::remove(World& world, const Belongings& what) const {
  if (world.supervision == Supervision::systemd) systemd::end_confined(world, layout_.check_unit_name(name_));
  for (const std::string& folder : what.folders) world.fs.remove(folder);
  if (!what.user.empty()) run_or_throw(world, {userdel, what.user});
}

void Supervisor::write_unit(World& world, const std::string& content, AtBoot at_boot) const {
  const std::string path = layout_.unit(name_), unit = layout_.unit_name(name_);
  const bool by_systemd = world.supervision == Supervision::systemd, was_there = world.fs.exists(path);
  if (content.empty()) {
    if (by_systemd && was_there) systemd::disable(world, unit);
    world.fs.remove(path);
  } else {
    world.fs.make_folders(path.substr(0, path.rfind('/')));
    world.fs.write(path, content);
  }
  if (!by_systemd) return;
  systemd::reload_daemon(world);
  if (content.empty())
    systemd::reset_failed(world, unit);
  else if (at_boot == AtBoot::start)
    systemd::enable(world, unit);
}

bool Supervisor::is_from_before_systemd(const World& world) const {
  if (world.supervision == Supervision::process || master(world) == 0) return false;
  return systemd::show(world, layout_.unit_name(name_)).invocation.empty();
}

void Supervisor::enable(World& world) const {
  need_systemd(world);
  systemd::enable(world, layout_.unit_name(name_));
}

void Supervisor::disable(World& world) const {
  need_systemd(world);
  systemd::disable(world, layout_.unit_name(name_));
}

void Supervisor::start(World& world, const Target& target) const {
  end_orphans(world);
  // a master that is about to become a daemon cannot be found and ended: it starts whole, and is stopped afterwards
  const Uninterrupted shield;
  if (world.supervision == Supervision::systemd)
    systemd::start(world, layout_.unit_name(name_));
  else
    start_process(world, target);
  // what we started ends as soon as it has made the daemon, which only then writes its pid and takes its title
  const Deadline soon = Deadline::in(kill_grace);
  while (master(world) == 0) {
    if (soon.passed())
      throw Error(Exit::target, "nginx started, but ended at once", "see " + layout_.logs(name_) + "/error.log");
    world.clock.pause(Millis(2));
  }
  if (world.supervision == Supervision::process && world.fs.exists(layout_.admin_socket(name_)))
    world.fs.chmod(layout_.admin_socket(name_), rights::secret_file);  // nginx makes it 0666
}

void Supervisor::start_process(World& world, const Target& target) const {
  make_folders(world, target);  // of run a reboot leaves nothing
  if (world.fs.exists(layout_.admin_socket(name_)))
    world.fs.remove(layout_.admin_socket(name_));  // nobody listens: a stale one stops the start
  std::vector<std::string> argv = {target.binary};
  if (target.stderr_option) argv.insert(argv.end(), {"-e", "stderr"});
  argv.insert(argv.end(), {"-p", tree_, "-c", tree_path::nginx_conf});
  const Proc::Result result = world.proc.run(argv, start_limit);
  if (result.status == 0) return;
  const std::string words = why_failed(result, emergencies(result.err + result.out));
  throw Error(Exit::target, "nginx did not start: " + words, next_step(words, layout_.logs(name_) + "/error.log"));
}

bool Supervisor::in_unit(const World& world, int pid) const {
  return world.supervision == Supervision::systemd && systemd::show(world, layout_.unit_name(name_)).main_pid == pid;
}

void Supervisor::reload(World& world) const {
  const int pid = master(world);
  if (pid == 0) throw Error(Exit::target, name_ + " is not running", "orctl start " + name_);
  if (in_unit(world, pid)) return systemd::reload(world, layout_.unit_name(name_));
  world.proc.signal(pid, SIGHUP);
}

void Supervisor::stop(World& world, Millis drain) const {
  const bool by_systemd = world.supervision == Supervision::systemd;
  if (by_systemd) systemd::stop(world, layout_.unit_name(name_), drain);
  for (const int pid : masters(world)) end_master(world, pid, drain);
  end_orphans(world);
  if (by_systemd) return world.fs.remove(layout_.run(name_));  // left by a master outside of the unit
  const auto run = world.fs.stat(layout_.run(name_));
  if (!run || run->kind != Fs::Kind::folder) return;  // what a link leads to is another's
  world.fs.remove(layout_.pid(name_));
  world.fs.remove(layout_.admin_socket(name_));
}

void Supervisor::end_master(World& world, int pid, Millis drain) const {
  const ProcessHandle master = world.proc.hold(pid);
  if (!is_master(world, pid)) return;  // it ended, and the number may be another's by now
  std::vector<ProcessHandle> family;
  const auto hold_children = [&] {
    for (const int child : world.proc.children(pid)) family.push_back(world.proc.hold(child));
  };
  hold_children();
  world.proc.signal(master, SIGQUIT);
  if (!world.proc.wait_gone(master, Deadline::in(drain))) world.proc.signal(master, SIGTERM);
  const bool hangs = !world.proc.wait_gone(master, Deadline::in(kill_grace));
  if (hangs) hold_children();
  // its workers first: as long as a master is there, whoever comes after us sees what is left to be done
  for (const ProcessHandle& child : family) {
    if (is_master(world, child.pid())) continue;  // the new one of an upgrade is its child
    if (hangs || !world.proc.wait_gone(child, Deadline::in(Millis(1000)))) world.proc.signal(child, SIGKILL);
    world.proc.wait_gone(child, Deadline::in(kill_grace));
  }
  if (hangs) world.proc.signal(master, SIGKILL);
  world.proc.wait_gone(master, Deadline::in(kill_grace));
  if (world.proc.alive(pid))
    throw Error(Exit::target, fmt::format("nginx (pid {}) does not end, not even by SIGKILL", pid),
                "it hangs in the kernel: see /proc/" + std::to_string(pid) + "/stack");
}

}  // namespace orctl
