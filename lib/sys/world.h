#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/tree.h"

/// The outside, and nothing else: files, processes, HTTP, git, time, environment.
/// Looking is const, changing is not, and every change is traced. No other layer includes posix,
/// libcurl or libgit2. All failures are `Error`s that name the path or address and the next step.
namespace orctl {

using Millis = std::chrono::milliseconds;

/// Receives one line per side effect: "write /etc/…", "+ nginx -t …", "PUT …/v1/config". May be empty.
using Trace = std::function<void(const std::string&)>;

/// A point in time by the monotonic clock; a jump of the wall clock does not move it.
class Deadline {
 public:
  static Deadline in(Millis span);
  Millis left() const;  ///< never negative
  bool passed() const { return left().count() == 0; }

 private:
  std::chrono::steady_clock::time_point at_{};
};

/// The signal (SIGINT or SIGTERM) that asked this process to stop, or 0. Waits of Proc, Http and Clock
/// end early once it is set; install_signal_handlers() arranges that.
int interrupted();
/// Throws "interrupted by SIGINT" (Exit::target) when interrupted().
void stop_if_interrupted();
/// SIGINT and SIGTERM are remembered, not obeyed; SIGPIPE is ignored, lest a closed pager end an apply midway.
void install_signal_handlers();

/// Makes the umask the usual one, whatever the caller's: what is private is made so where it is made, and nginx finds
/// what it always finds.
void take_usual_umask();

/// While one lives interrupted() is 0 and waits are full: for putting things back after a signal.
class Uninterrupted {
 public:
  Uninterrupted();
  ~Uninterrupted();
  Uninterrupted(const Uninterrupted&) = delete;
  Uninterrupted& operator=(const Uninterrupted&) = delete;
};

/// An flock that is held as long as this lives; the kernel frees it on kill -9. Its file says in one line of JSON who
/// holds it (pid, user), since when and for which command.
class FileLock {
 public:
  FileLock() = default;
  explicit FileLock(int fd) : fd_(fd) {}
  FileLock(FileLock&& o) noexcept : fd_(o.fd_) { o.fd_ = -1; }
  FileLock& operator=(FileLock&& o) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  int fd_ = -1;
};

/// A regular file that is read on while it is renamed, replaced or cut.
class OpenFile {
 public:
  explicit OpenFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  OpenFile(OpenFile&& o) noexcept : fd_(std::exchange(o.fd_, -1)), path_(std::move(o.path_)) {}
  OpenFile& operator=(OpenFile&& o) noexcept;
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile();

  int64_t inode() const;
  int64_t size() const;
  /// The bytes from `offset` on, at most `max`; "" at the end.
  std::string read(int64_t offset, size_t max) const;

 private:
  int fd_ = -1;
  std::string path_;
};

/// Whose a tree is, and who may read it.
struct Ownership {
  std::string user, group;  ///< "": as the caller makes it
  unsigned folder_mode = 0755;
  unsigned file_mode_mask = 07777;

  /// The bits on disk of a file that a Tree has with `mode`: what its owner may read a named group may, too.
  unsigned file_mode(unsigned mode) const {
    return (group.empty() ? mode : mode | (mode & 0700) >> 3) & file_mode_mask;
  }
};

class Root;

/// How the temporary file begins that Fs::write() makes beside `target`, a name without its folder; a kill leaves it.
std::string temp_prefix(const std::string& target);

/// Files and folders. What is changed below the root is reached from one handle of the root and through no symlink
/// (sys/beneath.h); other paths, and those that are only read, are taken as they are.
class Fs {
 public:
  enum class Kind { file, folder, symlink, socket, other };
  struct Stat {
    Kind kind = Kind::other;
    unsigned mode = 0;  ///< permission bits
    uint32_t uid = 0, gid = 0;
    int64_t size = 0;
    int64_t inode = 0;
    int64_t mtime_ns = 0;
  };
  struct Entry {
    std::string name;
    Kind kind = Kind::other;
  };

  /// `root` is absolute and without symlinks; "" for none.
  explicit Fs(Trace trace, const std::string& root = "");
  /// The same for what is written beneath `folder` alone.
  Fs beneath(const std::string& folder);

  /// lstat; nullopt when nothing is there. Other failures (no rights on the way) are Errors.
  std::optional<Stat> stat(const std::string& path) const;
  bool exists(const std::string& path) const { return stat(path).has_value(); }
  /// What a symlink at the end of `path` leads to (stat); nullopt when nothing is there.
  std::optional<Stat> follow(const std::string& path) const;
  /// The whole file; an Error (Exit::refused) when missing, unreadable, not regular, or above `max` bytes
  /// (the message says the size and the limit).
  std::string read(const std::string& path, size_t max = size_t{64} << 20) const;
  /// The bytes of a file from `offset` on, at most `max`; "" when it is missing or shorter. As open().
  std::string read_from(const std::string& path, int64_t offset, size_t max) const;
  /// For files in folders of others, such as an instance's log: through no symlink, beneath the root, regular, of one
  /// name. nullopt when nothing is there; an Error (Exit::refused) when it is unreadable or something else.
  std::optional<OpenFile> open(const std::string& path) const;
  /// All of standard input, at most `max` bytes.
  std::string read_stdin(size_t max) const;
  /// Whether `path` leads to a pipe, with a name (FIFO) or without (/dev/fd/63).
  bool is_pipe(const std::string& path) const;
  /// The same as read_stdin() of a pipe that whoever calls orctl hands over by a path; never for what others named.
  std::string read_pipe(const std::string& path, size_t max) const;
  /// Sorted by name, without "." and ".."; an Error when `path` is no readable folder.
  std::vector<Entry> list(const std::string& path) const;
  /// All regular files below `dir`, with the modes that write_tree() was given; empty when `dir` does not exist.
  /// Symlinks and special files are entries without content (TreeFile::irregular), and so is `dir` itself as "." when
  /// it is no folder.
  Tree read_tree(const std::string& dir, const Ownership& ownership = {}) const;
  /// What below `dir` has another owner, or folders other rights, than write_tree() gives; sorted by path. Where no
  /// user is named, the owner of the folder above is right, and so is the caller.
  std::vector<Misfit> misfits(const std::string& dir, const Ownership& ownership = {}) const;
  /// Why folders in the existing folder `dir` cannot be exchanged in one step, such as "nfs"; "" when nothing is known
  /// against it.
  std::string cannot_exchange(const std::string& dir) const;
  /// The absolute path of executable `name` in the folders of $PATH (or `name` itself when it has a slash).
  std::optional<std::string> find_program(const std::string& name, const std::string& path_list) const;
  bool writable(const std::string& path) const;  ///< access(W_OK)
  /// `path` as an absolute one, without "." and ".."; symlinks are not followed.
  std::string absolute(const std::string& path) const;
  /// absolute() with symlinks followed, as far as the path exists.
  std::string resolved(const std::string& path) const;

  /// Makes `path` and its missing parents with `mode`; each new name is made durable.
  void make_folders(const std::string& path, unsigned mode = 0755);
  /// Replaces `path` in one step: temp file beside it (O_EXCL|O_NOFOLLOW), write, fsync, rename, fsync of the folder.
  void write(const std::string& path, const std::string& content, unsigned mode = 0644);
  /// Makes the new file `path`, durable but for its name; an Error when it is there.
  void create(const std::string& path, const std::string& content, unsigned mode = 0644);
  /// Replaces `path` in one step by way of the new file `temp`; its name is durable only after a sync() of its folder.
  void put(const std::string& path, const std::string& temp, const std::string& content, unsigned mode = 0644);
  void sync(const std::string& folder);  ///< makes the names in it durable
  /// Appends `line` (one write call) and fsyncs; creates the file with `mode`.
  void append(const std::string& path, const std::string& line, unsigned mode = 0640);
  /// Writes all of `tree` into the new folder `dir` (an Error when it exists) and makes every file and folder durable.
  void write_tree(const std::string& dir, const Tree& tree, const Ownership& ownership = {});
  /// Exchanges two folders in one step (renameat2 RENAME_EXCHANGE) and fsyncs the parent(s); false when the file system
  /// does not know how, and then nothing has happened.
  bool exchange(const std::string& a, const std::string& b);
  void rename(const std::string& from, const std::string& to);  ///< and fsyncs both parents
  /// Removes a file, symlink or whole folder (symlinks inside are removed, never followed), fsyncs the parent; no error
  /// when absent.
  void remove(const std::string& path);
  void chmod(const std::string& path, unsigned mode);
  void chown(const std::string& path, const std::string& user);
  /// Takes a file or folder, and what a folder holds, away from everybody but its owner and, if one is named, the
  /// members of `group`, who may read. New files in the folder are the group's, too. Touches nothing that is so
  /// already.
  void keep_private(const std::string& path, const std::string& group);
  /// Takes the exclusive flock on `path` (created 0600 when missing). Exit::conflict when `wait` passes; the
  /// message names `subject` and says who holds it, since when and what for.
  FileLock lock(const std::string& path, Millis wait, const std::string& subject);

 private:
  Trace trace_;
  std::shared_ptr<Root> root_;
};

/// "a folder".
const char* in_words(Fs::Kind kind);

/// One process, whatever becomes of its number: a pidfd, or, where the kernel has none, the pid and when it began.
class ProcessHandle {
 public:
  ProcessHandle(ProcessHandle&& o) noexcept : pid_(o.pid_), fd_(o.fd_), started_(o.started_) { o.fd_ = -1; }
  ProcessHandle(const ProcessHandle&) = delete;
  ProcessHandle& operator=(const ProcessHandle&) = delete;
  ~ProcessHandle();
  int pid() const { return pid_; }

 private:
  friend class Proc;
  ProcessHandle(int pid, int fd, int64_t started) : pid_(pid), fd_(fd), started_(started) {}

  int pid_, fd_;
  int64_t started_;  ///< ticks; 0: it was gone already
};

class Proc {
 public:
  struct Result {
    int status = 0;        ///< exit code, or 128 + signal number
    std::string out, err;  ///< at most 256 KiB each, the rest is dropped and `truncated` set
    bool truncated = false;
  };

  explicit Proc(Trace trace) : trace_(std::move(trace)) {}

  /// Runs a program that only looks (nginx -V). argv[0] is an absolute path; no shell; stdin is /dev/null;
  /// own process group; environment is PATH, LANG=C.UTF-8 and TZ only. Exit::timeout (child killed) past `limit`.
  Result look(const std::vector<std::string>& argv, Millis limit) const;
  /// Gives `take` what the program writes to stdout as it comes, until the program ends or `take` answers false; then
  /// it is ended. The result's `out` is empty.
  Result stream(const std::vector<std::string>& argv, const std::function<bool(std::string_view)>& take) const;
  /// The same for a program that changes something. A daemon it leaves behind may keep our pipes open:
  /// ends when the child itself has ended.
  Result run(const std::vector<std::string>& argv, Millis limit);

  /// Starts a program that goes on when we have ended: a session of its own in `/`, no output, nothing of ours open.
  void detach(const std::vector<std::string>& argv);

  bool alive(int pid) const;                ///< exists and is no zombie
  std::string command_line(int pid) const;  ///< /proc/PID/cmdline with blanks between; "" when gone
  std::string executable(int pid) const;    ///< /proc/PID/exe; "" when gone or not readable
  /// Real user and group of a process: whose it is; nullopt when gone.
  struct Owner {
    uint32_t uid = 0, gid = 0;
  };
  std::optional<Owner> owner(int pid) const;
  /// How a process waits for a signal. Once it has slept more often than before the signal was sent, and is ready
  /// again, it has dealt with it.
  struct Sleep {
    bool ready = false;  ///< it sleeps, would take the signal, and has none of it pending
    int64_t times = 0;   ///< how often it has gone to sleep
  };
  std::optional<Sleep> sleep_of(int pid, int signal_number) const;  ///< nullopt when gone, or not to be seen
  std::vector<int> children(int pid) const;                         ///< sorted
  int parent(int pid) const;                                        ///< 0 when gone
  bool is_stopped(int pid) const;                                   ///< by SIGSTOP: it does nothing
  bool has_open(int pid, const std::string& path) const;            ///< one of its descriptors is this file
  enum class Transport { tcp, udp };
  /// Whether `pid` has a socket that takes connections (tcp) or datagrams (udp) at exactly `address`, such as
  /// "0.0.0.0:53" or "[::]:53".
  bool listens(int pid, Transport transport, const std::string& address) const;
  /// Whether its addresses are ours: false when it is known to be in another network namespace.
  bool shares_network(int pid) const;
  std::vector<int> all() const;            ///< every pid, sorted
  int64_t open_files(int pid) const;       ///< how many it has open; 0 when gone, or not to be seen
  int64_t open_file_limit(int pid) const;  ///< how many files it may have open at a time (soft limit); 0 when gone
  int64_t start_ticks(int pid) const;      ///< /proc/PID/stat field 22: tells a reused pid apart; 0 when gone
  /// Holds on to the process that has this number now. Look at who it is afterwards, then signal: the number may pass
  /// to another process meanwhile, the handle does not.
  ProcessHandle hold(int pid) const;
  void signal(const ProcessHandle& process, int signal_number);  ///< Error when it cannot be sent; none when gone
  void signal(int pid, int signal_number);                       ///< the same for the process that has the number now
  /// Waits until the process is gone; false when the deadline came first.
  bool wait_gone(const ProcessHandle& process, Deadline deadline) const;
  bool wait_gone(int pid, Deadline deadline) const;

 private:
  Trace trace_;
};

/// Where an HTTP request goes: a unix socket, or an address "127.0.0.1:8080" / "[::1]:8080".
struct Endpoint {
  /// unchecked: TLS whose certificate proves nothing here, as for a listener of our own that is asked by its address.
  enum class Security { none, unchecked_tls };
  std::string unix_socket;
  std::string address;
  Security security = Security::none;
};

class Http {
 public:
  struct Response {
    int status = 0;
    std::string body;                                          ///< at most 64 MiB
    std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
    std::string header(const std::string& lower_name) const;   ///< "" when absent
  };
  using Headers = std::vector<std::pair<std::string, std::string>>;

  explicit Http(Trace trace) : trace_(std::move(trace)) {}

  /// GET; the Host header is "localhost" for a unix socket. No redirects, no proxy, no Expect header, no signals.
  /// Exit::unreachable when there is no answer (hint: is the instance running?), Exit::timeout past `limit` (total).
  Response get(const Endpoint& at, const std::string& path, Millis limit, const Headers& headers = {}) const;
  Response put(const Endpoint& at, const std::string& path, const std::string& body, Millis limit,
               const Headers& headers = {});
  /// DELETE.
  Response remove(const Endpoint& at, const std::string& path, Millis limit, const Headers& headers = {});
  /// Whether something accepts a TCP or unix connection there.
  bool accepts(const Endpoint& at, Millis limit) const;
  /// Whether a unix socket is there that nobody listens at.
  bool is_dead(const std::string& unix_socket) const;

 private:
  Trace trace_;
};

/// One bare repository, the store of all versions. What is read is bounded and checked (sys/git_object.h); what is
/// written is durable. All changes must be made under lock().
class Git {
 public:
  struct Commit {
    std::string id, parent;  ///< parent "" for the first
    std::string author, message;
    int64_t time = 0;  ///< seconds since 1970, UTC
  };
  /// One ref by its name; `id` is "" when it cannot be read, and then `fault` says why.
  struct Ref {
    std::string name, id, fault;
  };
  /// Something of the store that is damaged or missing.
  struct Fault {
    std::string kind;  ///< "commit", "tree", "blob", "object", "pack", "ref" or "file"
    std::string what;  ///< the id of an object, the name of a ref or file
    std::string why;
    std::string file;                ///< what can be moved aside; "" when nothing is there
    std::string ref, commit, place;  ///< who needs it, if anybody: the file `place` of `commit`, which `ref` leads to
  };

  /// `root` as for Fs.
  Git(Trace trace, std::string path, const std::string& root = "")
      : trace_(trace), path_(std::move(path)), root_(root), fs_(std::move(trace), root) {}

  const std::string& path() const { return path_; }
  bool exists() const;  ///< there is a repository; an Error when it is there but of another owner or broken
  std::optional<std::string> ref(const std::string& name) const;  ///< full name "refs/heads/x" -> commit id
  std::vector<Ref> refs(const std::string& prefix) const;         ///< all below "refs/heads/", broken ones too, sorted
  /// What is damaged of HEAD and config, which only git itself reads, and of packed-refs, which may hide refs.
  std::vector<Fault> file_faults() const;
  Commit commit(const std::string& id) const;
  /// Newest first, following first parents from `ref`; at most `limit` (0: all). Empty when the ref is missing.
  std::vector<Commit> log(const std::string& ref, size_t limit = 0) const;
  /// All files of a commit. Refuses hostile entries: "..", ".git", absolute, control bytes, symlinks, gitlinks,
  /// above kept_tree_limits. `top` leaves out, unread, what lies in folders.
  enum class Reach { whole, top };
  Tree files(const std::string& commit_id, Reach reach = Reach::whole) const;
  std::optional<std::string> note(const std::string& commit_id) const;  ///< on refs/notes/orctl
  /// Unified diff of two texts, git's format with a/ and b/; "" when equal. An absent side is nullptr.
  static std::string text_diff(const std::string& path, const std::string* before, const std::string* after);
  /// All that is damaged or missing, as git fsck would find it: every ref, object and pack, and all that refs need.
  std::vector<Fault> check() const;
  /// The ids of all commits that can be read, whether a ref leads there or not.
  std::vector<std::string> all_commits() const;
  /// Contents of all blobs of at most `max` bytes that can be read and that `wanted` takes.
  std::vector<std::string> all_blobs(size_t max, const std::function<bool(const std::string&)>& wanted) const;

  /// Locks the store among processes (flock on <path>.lock), makes the repository when missing (bare, then syncfs),
  /// and removes stale *.lock files that a killed process left in it.
  FileLock lock(Millis wait);
  /// Commits `files` on `branch` (full name) whose tip must be `expected_parent` ("" = no branch yet); Exit::conflict
  /// otherwise. Objects and the ref are durable on return; damaged copies of these objects are replaced. Returns the
  /// id.
  std::string commit_files(const std::string& branch, const std::string& expected_parent, const Tree& files,
                           const std::string& author, const std::string& message);
  void set_ref(const std::string& name, const std::string& id);          ///< creates or moves, durable
  void remove_ref(const std::string& name);                              ///< no error when absent
  void set_note(const std::string& commit_id, const std::string& text);  ///< replaces

  /// Writes those objects of `files` that have one of these ids, and makes no commit: the store had them before.
  void heal_objects(const Tree& files, const std::set<std::string>& ids);
  /// The same commit on another parent; its note comes along. Returns the new id.
  std::string commit_again(const std::string& id, const std::string& parent);
  /// Moves files of the store into its folder orctl-aside/, which is made when missing.
  void move_aside(const std::string& file);
  /// Moves aside whatever is of another kind than git has in its place below objects/ and refs/, and makes these two
  /// where they are missing; the same of what stands where the store is to be. Takes the lock itself: a store in this
  /// state need not be one that lock() can finish.
  void heal_places(Millis wait);
  /// Takes all that can be read out of a damaged pack, and moves it aside.
  void heal_pack(const std::string& pack);
  /// HEAD and config as a new store has them, where they are missing or damaged.
  void heal_head();
  /// Takes the lines out of packed-refs that are no refs; the whole file is kept in orctl-aside/.
  void heal_packed_refs();
  /// The newest notes that can be read, as far as they can be; what is damaged is left out.
  void heal_notes();

 private:
  Fs writer() const;
  FileLock lock_file(Millis wait);
  void make_way(Millis wait);
  void move_ref(const std::string& name, const std::string& id, const std::optional<std::string>& expected);

  Trace trace_;
  std::string path_, root_;
  Fs fs_;
};

class Clock {
 public:
  /// Seconds since 1970 by the wall clock, or the value of ORCTL_FIXED_TIME in tests: for what people read, never for
  /// decisions.
  int64_t now() const;
  /// Since the machine started, by the monotonic clock: the same for every process, and no jump moves it. Tells the
  /// time between processes as long as boot() is the same.
  Millis uptime() const;
  std::string boot() const;  ///< the kernel's id of this start of the machine
  /// Waits `span`, or less when interrupted.
  void pause(Millis span) const;
};

class Env {
 public:
  std::string get(const std::string& name) const;  ///< "" when unset or empty
  std::string user() const;  ///< login name of the effective user, or its number; behind sudo the caller's name
  bool is_root() const;
  uint32_t uid() const;
  std::string host() const;
  std::string program() const;  ///< absolute path of this very program
  bool user_exists(const std::string& name) const;
  std::string comment_of(const std::string& user) const;  ///< its GECOS field; "" when unknown
  std::string group_of(const std::string& user) const;    ///< name of its primary group; "" when unknown
  bool is_terminal(int fd) const;
  /// Asks `question` on stderr and reads the answer: true for y or yes. False at once when standard input is no
  /// terminal.
  bool confirm(const std::string& question) const;
};

/// What runs the instances' processes here: orctl itself, or systemd by a unit for each instance.
enum class Supervision { process, systemd };

/// Everything outside the process. Held by value, so that a const World is a promise only to look.
struct World {
  /// `store` is the path of the version store; see Layout.
  World(const std::string& store, Trace trace, std::string host_root = "/")
      : root(std::move(host_root)), fs(trace, root), proc(trace), http(trace), git(trace, store, root) {}

  std::string root;  ///< folder that all paths of the host are below; see Layout
  Supervision supervision = Supervision::process;

  Fs fs;
  Proc proc;
  Http http;
  Git git;
  Clock clock;
  Env env;
};

}  // namespace orctl
