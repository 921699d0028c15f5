#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

namespace {

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : Fs({}).list(folder)) names.push_back(entry.name);
  return names;
}

}  // namespace

TEST_CASE("write makes a file with exactly the mode asked for, whatever the umask is") {
  const Scratch scratch;
  std::vector<std::string> trace;
  Fs fs([&](const std::string& line) { trace.push_back(line); });
  const mode_t old = ::umask(0077);
  fs.write(scratch / "a", "one", 0640);
  ::umask(old);
  CHECK(fs.read(scratch / "a") == "one");
  CHECK(fs.stat(scratch / "a")->mode == 0640);
  CHECK(trace == std::vector<std::string>{"write " + scratch / "a" + " (3 bytes)"});
}

TEST_CASE("write replaces the file by another one and leaves nothing beside it") {
  const Scratch scratch;
  Fs fs({});
  fs.write(scratch / "a", "one");
  const auto before = fs.stat(scratch / "a");
  fs.write(scratch / "a", std::string(300'000, 'x'));
  CHECK(fs.read(scratch / "a").size() == 300'000);
  CHECK(fs.stat(scratch / "a")->inode != before->inode);
  CHECK(names_in(scratch.path()) == std::vector<std::string>{"a"});
}

TEST_CASE("write keeps the old file when the disk takes only a part") {
  const Scratch scratch;
  Fs({}).write(scratch / "a", "old");
  const pid_t child = forked([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {100'000, 100'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const Error error = error_of([&] { Fs({}).write(scratch / "a", std::string(200'000, 'x')); });
    return error.exit() == Exit::target && has(error.what(), "File too large") ? 0 : 1;
  });
  CHECK(status_of(child) == 0);
  CHECK(Fs({}).read(scratch / "a") == "old");
  CHECK(names_in(scratch.path()) == std::vector<std::string>{"a"});
}

TEST_CASE("a full disk is named, the old file stays, and a tree leaves nothing") {
  const Scratch scratch;
  const pid_t child = forked([&] {
    // A mount namespace of the child: nothing to unmount. 77: no rights to do so here.
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
    if (::mount("tmpfs", scratch.path().c_str(), "tmpfs", 0, "size=64k") != 0) return 77;
    Fs fs({});
    fs.write(scratch / "a", "old");
    const Error error = error_of([&] { fs.write(scratch / "a", std::string(200'000, 'x')); });
    if (error.exit() != Exit::target || !has(error.what(), "No space left on device")) return 1;
    if (!has(error.what(), scratch / "a") || !has(error.hint(), "free space")) return 2;
    const Error tree_error = error_of([&] {
      fs.write_tree(scratch / "t", {{"x/y", {"small"}}, {"z", {std::string(200'000, 'x')}}});
    });
    if (!has(tree_error.what(), scratch / "t/z")) return 3;
    Git git({}, scratch / "store.git");
    const Error git_error = error_of([&] {
      const FileLock lock = git.lock(Millis(0));
      std::string noise;
      for (unsigned i = 0, n = 1; i < 200'000; ++i, n = n * 1103515245 + 12345) noise += static_cast<char>(n >> 16);
      git.commit_files("refs/heads/a", "", {{"a", {noise}}}, "me", "m");
    });
    if (!has(git_error.what(), "No space left on device") || !has(git_error.hint(), "free space")) return 4;
    fs.remove(scratch / "store.git");
    fs.remove(scratch / "store.git.lock");
    return fs.read(scratch / "a") == "old" && names_in(scratch.path()).size() == 1 ? 0 : 5;
  });
  const int status = status_of(child);
  if (status == 77) {
    MESSAGE("skipped: no rights to mount a tmpfs");
    return;
  }
  CHECK(status == 0);
}

TEST_CASE("write refuses to write over a symlink or a folder") {
  const Scratch scratch;
  Fs fs({});
  fs.write(scratch / "victim", "mine");
  REQUIRE(::symlink("victim", (scratch / "link").c_str()) == 0);
  fs.make_folders(scratch / "folder");
  const Error link = error_of([&] { fs.write(scratch / "link", "x"); });
  CHECK(link.exit() == Exit::target);
  CHECK(has(link.what(), "is a symlink"));
  CHECK(has(error_of([&] { fs.write(scratch / "folder", "x"); }).what(), "is a folder"));
  CHECK(has(error_of([&] { fs.append(scratch / "link", "x"); }).what(), scratch / "link"));
  CHECK(has(error_of([&] { fs.chmod(scratch / "link", 0600); }).what(), "is a symlink"));
  CHECK(has(error_of([&] { fs.lock(scratch / "link", Millis(0), "it"); }).what(), scratch / "link"));
  CHECK(fs.read(scratch / "victim") == "mine");
  CHECK(fs.stat(scratch / "victim")->mode == 0644);
}

TEST_CASE("no rights to write is said with the path and a way out") {
  const Scratch scratch;
  if (Env().is_root()) {
    const pid_t child = forked([&] {
      Fs({}).chmod(scratch.path(), 0755);
      if (::setuid(65534) != 0) return 1;
      const Error error = error_of([&] { Fs({}).write(scratch / "a", "x"); });
      return error.exit() == Exit::target && error.what() == "no rights to write '" + scratch / "a" + "'" &&
                     has(error.hint(), "--root DIR")
                 ? 0
                 : 2;
    });
    CHECK(status_of(child) == 0);
  }
}

TEST_CASE("read says why it cannot") {
  const Scratch scratch;
  Fs fs({});
  fs.write(scratch / "a", std::string(100, 'x'));
  CHECK(fs.read(scratch / "a", 100).size() == 100);
  const Error large = error_of([&] { fs.read(scratch / "a", 99); });
  CHECK(large.exit() == Exit::refused);
  CHECK(large.what() == "'" + scratch / "a" + "' has 100 bytes, more than the limit of 99 bytes");
  CHECK(has(error_of([&] { fs.read("/proc/self/maps", 10); }).what(), "larger than the limit of 10 bytes"));
  CHECK(has(error_of([&] { fs.read(scratch / "none"); }).what(), "No such file or directory"));
  CHECK(has(error_of([&] { fs.read(scratch.path()); }).what(), "it is a folder"));
  REQUIRE(::mkfifo((scratch / "fifo").c_str(), 0600) == 0);
  CHECK(has(error_of([&] { fs.read(scratch / "fifo"); }).what(), "special file"));
}

TEST_CASE("standard input is read to its end, and not beyond the limit") {
  const auto with_input = [](const std::string& input, auto act) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    REQUIRE(::write(ends[1], input.data(), input.size()) == static_cast<ssize_t>(input.size()));
    ::close(ends[1]);
    const pid_t child = forked([&] {
      ::dup2(ends[0], STDIN_FILENO);
      return act();
    });
    ::close(ends[0]);
    return status_of(child);
  };
  CHECK(with_input("hello", [] { return Fs({}).read_stdin(5) == "hello" ? 0 : 1; }) == 0);
  CHECK(with_input("hello!", [] { return error_of([] { Fs({}).read_stdin(5); }).exit() == Exit::refused ? 0 : 1; }) ==
        0);
}

TEST_CASE("stat tells kinds apart and does not follow; follow does") {
  const Scratch scratch;
  Fs fs({});
  CHECK_FALSE(fs.stat(scratch / "none"));
  CHECK_FALSE(fs.stat(scratch / "none/below"));
  fs.write(scratch / "a", "x");
  REQUIRE(::symlink("a", (scratch / "l").c_str()) == 0);
  CHECK(fs.stat(scratch / "l")->kind == Fs::Kind::symlink);
  CHECK(fs.follow(scratch / "l")->kind == Fs::Kind::file);
  CHECK(fs.stat(scratch.path())->kind == Fs::Kind::folder);
  CHECK(fs.stat(scratch / "a")->size == 1);
  CHECK(fs.list(scratch.path()).size() == 2);
  CHECK(error_of([&] { fs.list(scratch / "a"); }).exit() == Exit::refused);
}

TEST_CASE("a tree comes back from disk as it was written") {
  const Scratch scratch;
  Fs fs({});
  const Tree tree = {{"nginx.conf", {"a"}},
                     {"lua/orctl/init.lua", {std::string("\0\xff", 2)}},
                     {"lua/x.lua", {""}},
                     {"certs/key.pem", {"k", 0600}}};
  fs.write_tree(scratch / "t", tree);
  CHECK(fs.read_tree(scratch / "t") == tree);
  CHECK(fs.stat(scratch / "t/lua")->mode == 0755);
  CHECK(fs.read_tree(scratch / "none").empty());

  const Error twice = error_of([&] { fs.write_tree(scratch / "t", {{"other", {"x"}}}); });
  CHECK(has(twice.what(), "File exists"));
  CHECK(fs.read_tree(scratch / "t") == tree);
}

TEST_CASE("a tree's paths stay below it") {
  const Scratch scratch;
  Fs fs({});
  for (const char* path :
       {"../x", "/abs", "a/../b", "a//b", "", "a/", ".", "a/.git/hooks/x", ".GIT", "a\nb", "\x1b[31m"}) {
    CAPTURE(path);
    CHECK(error_of([&] { fs.write_tree(scratch / "t", {{path, {"x"}}}); }).exit() == Exit::refused);
  }
  CHECK(has(error_of([&] {
              fs.write_tree(scratch / "t", {{"a", {"x"}}, {"a/b", {"x"}}});
            }).what(),
            "both a file and a folder"));
  CHECK(names_in(scratch.path()).empty());
}

TEST_CASE("read_tree names symlinks and special files, and reads none; nothing writes them") {
  const Scratch scratch;
  Fs fs({});
  fs.write_tree(scratch / "t", {{"a/b", {"x"}}});
  REQUIRE(::symlink("/etc/passwd", (scratch / "t/a/l").c_str()) == 0);
  CHECK(fs.read_tree(scratch / "t") == Tree{{"a/b", {"x"}}, {"a/l", {"", 0, "a symlink"}}});
  CHECK(has(error_of([&] { fs.write_tree(scratch / "w", fs.read_tree(scratch / "t")); }).what(), "'a/l' is a symlink"));
  fs.remove(scratch / "t/a/l");
  REQUIRE(::mkfifo((scratch / "t/f").c_str(), 0600) == 0);
  CHECK(fs.read_tree(scratch / "t").at("f").irregular == "a special file");
  REQUIRE(::symlink("t", (scratch / "link").c_str()) == 0);
  CHECK(fs.read_tree(scratch / "link") == Tree{{".", {"", 0, "a symlink"}}});
}

TEST_CASE("exchange swaps two folders") {
  const Scratch scratch;
  Fs fs({});
  fs.write_tree(scratch / "a", {{"f", {"A"}}});
  fs.make_folders(scratch / "deep/er");
  fs.write_tree(scratch / "deep/er/b", {{"f", {"B"}}});
  CHECK(fs.exchange(scratch / "a", scratch / "deep/er/b"));
  CHECK(fs.read(scratch / "a/f") == "B");
  CHECK(fs.read(scratch / "deep/er/b/f") == "A");
  const Error error = error_of([&] { fs.exchange(scratch / "a", scratch / "none"); });
  CHECK(error.exit() == Exit::target);
  CHECK(has(error.what(), scratch / "none"));
  CHECK(fs.read(scratch / "a/f") == "B");
}

TEST_CASE("remove takes symlinks away and never what they lead to") {
  const Scratch scratch;
  Fs fs({});
  fs.write_tree(scratch / "keep", {{"x", {"x"}}});
  fs.write_tree(scratch / "t", {{"a/b/c", {"x"}}});
  REQUIRE(::symlink("../../keep", (scratch / "t/a/l").c_str()) == 0);
  REQUIRE(::symlink("keep", (scratch / "l").c_str()) == 0);
  fs.remove(scratch / "t");
  fs.remove(scratch / "l");
  fs.remove(scratch / "none");
  CHECK(names_in(scratch.path()) == std::vector<std::string>{"keep"});
  CHECK(fs.read(scratch / "keep/x") == "x");
  CHECK_THROWS_AS(fs.remove("/"), Error);
  CHECK_THROWS_AS(fs.remove(scratch / "keep/.."), Error);
}

TEST_CASE("rename and make_folders") {
  const Scratch scratch;
  Fs fs({});
  fs.make_folders(scratch / "a/b/c", 0750);
  CHECK(fs.stat(scratch / "a/b")->mode == 0750);
  fs.make_folders(scratch / "a/b/c");
  CHECK(fs.stat(scratch / "a/b/c")->mode == 0750);
  fs.write(scratch / "a/f", "x");
  fs.rename(scratch / "a/f", scratch / "a/b/g");
  CHECK(fs.read(scratch / "a/b/g") == "x");
  CHECK(has(error_of([&] { fs.make_folders(scratch / "a/b/g/h"); }).what(), "a/b/g"));
}

TEST_CASE("append adds whole lines") {
  const Scratch scratch;
  Fs fs({});
  fs.append(scratch / "log", "one", 0600);
  fs.append(scratch / "log", "two\n");
  CHECK(fs.read(scratch / "log") == "one\ntwo\n");
  CHECK(fs.stat(scratch / "log")->mode == 0600);
}

TEST_CASE("append cuts half a line off again") {
  const Scratch scratch;
  Fs({}).append(scratch / "log", "one");
  const pid_t child = forked([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {10, 10};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    return error_of([&] { Fs({}).append(scratch / "log", "a longer line"); }).exit() == Exit::target ? 0 : 1;
  });
  CHECK(status_of(child) == 0);
  CHECK(Fs({}).read(scratch / "log") == "one\n");
}

TEST_CASE("programs are found in absolute folders only") {
  const Scratch scratch;
  Fs fs({});
  fs.write(scratch / "tool", "#!/bin/sh\n", 0755);
  fs.write(scratch / "data", "x", 0644);
  CHECK(fs.find_program("tool", "/nowhere:" + scratch.path()) == scratch / "tool");
  CHECK(fs.find_program("data", scratch.path()) == std::nullopt);
  CHECK(fs.find_program("tool", "") == std::nullopt);
  CHECK(fs.find_program("tool", ".:") == std::nullopt);
  CHECK(fs.find_program(scratch / "./tool", "") == scratch / "tool");
  CHECK(fs.find_program(scratch / "none", "") == std::nullopt);
}

TEST_CASE("absolute paths have no dots") {
  const Fs fs({});
  CHECK(fs.absolute("/a/./b/../c//d/") == "/a/c/d");
  CHECK(fs.absolute("/../..") == "/");
  CHECK(fs.absolute("x") == fs.absolute(".") + "/x");
  CHECK(fs.absolute("").starts_with('/'));
}

TEST_CASE("a lock keeps others out, says who holds it, and is freed when its holder is killed") {
  const Scratch scratch;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t holder = forked([&] {
    const FileLock lock = Fs({}).lock(scratch / "lock", Millis(0), "instance x");
    if (::write(ready[1], "x", 1) != 1) return 1;
    for (;;) ::pause();
  });
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  const Error error = error_of([&] { Fs({}).lock(scratch / "lock", Millis(20), "instance x"); });
  CHECK(error.exit() == Exit::conflict);
  CHECK(has(error.what(), "instance x is held by " + Env().user() + " since 2"));
  CHECK(has(error.what(), " for `unit_sys"));
  CHECK(has(error.what(), "` (pid " + std::to_string(holder) + ")"));
  CHECK(has(error.hint(), scratch / "lock"));
  CHECK(has(error.hint(), "kill " + std::to_string(holder)));
  ::kill(holder, SIGKILL);
  CHECK(status_of(holder) == 128 + SIGKILL);
  SUBCASE("what the dead left is not believed") {
    const std::string left = Fs({}).read(scratch / "lock");
    REQUIRE(has(left, "\"pid\":" + std::to_string(holder) + ","));
    const int fd = ::open((scratch / "lock").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(::flock(fd, LOCK_EX | LOCK_NB) == 0);
    const Error other = error_of([&] { Fs({}).lock(scratch / "lock", Millis(0), "instance x"); });
    CHECK(has(other.what(), "instance x is held by pid " + std::to_string(::getpid()) + " ("));
    CHECK_FALSE(has(other.what(), " since "));
    ::close(fd);
  }
  { const FileLock lock = Fs({}).lock(scratch / "lock", Millis(0), "instance x"); }
  const FileLock again = Fs({}).lock(scratch / "lock", Millis(0), "instance x");
  CHECK(Fs({}).stat(scratch / "lock")->mode == 0600);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("a lock whose text is torn names its holder all the same, and a free one says nothing") {
  const Scratch scratch;
  Fs fs({});
  {
    const FileLock lock = fs.lock(scratch / "lock", Millis(0), "it");
    const std::string whole = Fs({}).read(scratch / "lock");
    for (size_t size = 0; size < whole.size(); ++size) {
      REQUIRE(::truncate((scratch / "lock").c_str(), static_cast<off_t>(size)) == 0);
      const Error error = error_of([&] { fs.lock(scratch / "lock", Millis(0), "it"); });
      CHECK(has(error.what(), "it is held by "));
      CHECK(has(error.what(), "pid " + std::to_string(::getpid())));
    }
  }
  CHECK(fs.stat(scratch / "lock")->size == 0);
}

TEST_CASE("a lock on a removed file is not taken for the lock") {
  const Scratch scratch;
  Fs fs({});
  const FileLock old = fs.lock(scratch / "lock", Millis(0), "it");
  fs.remove(scratch / "lock");
  const FileLock fresh = fs.lock(scratch / "lock", Millis(0), "it");
  CHECK(error_of([&] { fs.lock(scratch / "lock", Millis(0), "it"); }).exit() == Exit::conflict);
}
