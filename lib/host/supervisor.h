#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/layout.h"
#include "model/schema.h"
#include "model/value.h"
#include "render/render.h"
#include "sys/world.h"

namespace orctl {

/// What nginx calls its master; what it was called by, with arguments, comes behind.
inline constexpr std::string_view master_title = "nginx: master process";

/// What an instance needs on its host besides tree, unit and store.
struct Belongings {
  std::vector<std::string> folders;  ///< of run, state and logs
  std::string user;                  ///< its own, under systemd; "" when it has none
  bool empty() const { return folders.empty() && user.empty(); }
};

/// Something that a running instance needs on its host, and that is not there (any more).
struct Loss {
  enum class Of { unit, folder, socket, place, process } of = Of::socket;
  std::string what;  ///< "its admin socket '/run/…' is gone"
  std::string hint;  ///< the command that mends it
  Impact mended_by = Impact::restart;
};

/// How long an instance's workers may take to end their requests, and nginx to notice.
Millis drain_time(const Value& spec);

/// Every nginx master of the host with its command line, found once for all instances that are looked at.
class NginxMasters {
 public:
  explicit NginxMasters(const World& world);
  /// Those whose command line names this tree; anybody may call his process so.
  std::vector<int> of(const std::string& tree) const;
  std::vector<int> children(int master) const;
  /// Workers whose master has ended.
  std::vector<int> strays() const;

 private:
  struct Process {
    int pid, parent;
    std::string command;
  };
  std::vector<Process> all_;
};

/// Starts, stops and signals the nginx of one instance: by its systemd unit where `World::supervision` says so, else as
/// plain processes. A master is known by its command line, which names its tree, so a reused pid or somebody else's
/// nginx is never taken for ours, and one that outlived its unit is found all the same.
class Supervisor {
 public:
  /// `tree` is the absolute path of the instance's live tree.
  Supervisor(const Layout& layout, std::string name, std::string tree)
      : layout_(layout), name_(std::move(name)), tree_(std::move(tree)) {}

  /// Pid of the running master, 0 when there is none. The pid file is tried first, then every process is looked at.
  int master(const World& world) const;
  /// Why the pid file is none: too large, a FIFO, …; "" when it can be read, or is not there.
  std::string pid_file_fault(const World& world) const;
  /// All masters of this tree, left-over ones too; more than one while nginx is upgraded, or by mistake.
  std::vector<int> masters(const World& world) const;
  std::vector<int> masters(const World& world, const NginxMasters& all) const;

  /// What this instance, which runs (`master`) or not (0), has lost: a tmp cleaner, or people, removed it. nginx keeps
  /// the socket that it has open over a reload and over an upgrade, so only a restart makes one that has a name again;
  /// and of a folder that was removed a unit's processes see nothing when it comes again.
  std::optional<Loss> loss(const World& world, int master, const std::vector<int>& workers) const;

  /// Something else where one of its folders should be, and the command that moves it away; nullopt: nothing is.
  struct PlaceFault {
    std::string text, mend;
    bool of_run = false;
  };
  std::optional<PlaceFault> fault_of_folders(const World& world) const;

  /// Takes away what is in the way of nginx in the instance's own runtime folder: what is called like its pid file and
  /// is none; and gives the socket its mode again.
  void clear_way(World& world) const;

  /// Makes what has to be there before a tree can be written and checked: the folders, or under systemd (which makes
  /// those itself) the user. Returns what was missing, for remove().
  Belongings prepare(World& world, const Target& target, const Value& spec) const;
  /// All of it, for a delete; the user only when it is ours.
  Belongings belongings(const World& world, const Value& spec) const;
  /// What is there of an instance that nothing is known of but its name, its tree being in the usual place: a first
  /// apply that was killed early leaves it, staged tree included.
  Belongings remains(const World& world) const;
  void remove(World& world, const Belongings& what) const;

  enum class AtBoot { start, keep };
  /// Writes the instance's unit, or removes it ("" in `content`), and tells systemd. Whether it starts at boot is said
  /// once, of a new instance, and then left as people have it.
  void write_unit(World& world, const std::string& content, AtBoot at_boot) const;

  /// Whether it runs where systemd is to run it, and systemd has never run it: not since the host started, that is.
  bool is_from_before_systemd(const World& world) const;

  /// Whether systemd starts it at boot; an Error (Exit::refused) where systemd does not run instances.
  void enable(World& world) const;
  void disable(World& world) const;

  /// Starts nginx (which daemonizes itself); Error(Exit::target) with nginx's own words when it does not start.
  void start(World& world, const Target& target) const;
  /// Asks the master to read its configuration anew. It answers nothing: verify afterwards.
  void reload(World& world) const;
  /// Lets requests end (SIGQUIT) for `drain`, then SIGTERM, then SIGKILL of master and workers; removes pid file and
  /// socket.
  void stop(World& world, Millis drain) const;

  /// Starts the binary that is installed now beside the running one, on the same sockets (SIGUSR2); both serve.
  /// Returns the pid of the old master. An Error when the new one did not come up: the old one serves on, alone unless
  /// upgrading() says otherwise.
  int upgrade(World& world) const;
  /// Throws Error(Exit::target) when `master` would start another program than `binary` for its upgrade: nginx executes
  /// again what it was called by.
  void require_same_binary(const World& world, int master, const std::string& binary) const;
  /// Lets the old master of an upgrade end its requests and go, SIGKILL after `drain`.
  void retire(World& world, int old_master, Millis drain) const;
  /// Takes an upgrade back: every master but the old one ends, at once. Error when the old one has ended meanwhile.
  void revert(World& world, int old_master) const;
  /// The old master of an upgrade that is not over, whether its new one is there yet or not; 0: none.
  int upgrading(const World& world) const;
  bool has_new_master(const World& world) const;
  /// Waits until the new master of an upgrade is there, or the upgrade is over without one. False: neither, after a
  /// time in which any nginx starts.
  bool await_new_master(const World& world) const;
  /// Ends all masters of this tree but one, within `drain`, and makes the pid file name that one.
  void keep_only(World& world, int master, Millis drain) const;
  /// Whether a master is about to go: it has no worker that takes requests.
  bool is_leaving(const World& world, int master) const;
  /// Whether systemd runs this master as the one of its unit.
  bool in_unit(const World& world, int pid) const;
  /// Of workers that do not answer: whether each of `master`'s holds all the connections that it may, as a crowd of
  /// clients makes it, in words; "" when one has room.
  std::string crowd(const World& world, int master, const Value& spec) const;
  /// Workers of this instance whose master was killed: they go on serving, and hold the ports. Known by its error.log,
  /// which they have open.
  std::vector<int> orphans(const World& world) const;
  std::vector<int> orphans(const World& world, const NginxMasters& all) const;
  void end_orphans(World& world) const;

 private:
  std::string old_pid_file() const { return layout_.pid(name_) + ".oldbin"; }
  void end_newcomers(World& world, int old_master) const;
  void end_master(World& world, int pid, Millis drain) const;
  std::vector<std::string> make_folders(World& world, const Target& target) const;
  bool is_master(const World& world, int pid) const;
  /// Anybody may call his process as he likes: an instance's master is root's, ours, or of its tree's owner or group.
  bool may_be_ours(const World& world, int pid) const;
  int pid_in(const World& world, const std::string& file) const;
  void start_process(World& world, const Target& target) const;

  const Layout& layout_;
  std::string name_, tree_;
};

}  // namespace orctl
