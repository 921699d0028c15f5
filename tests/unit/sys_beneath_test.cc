#include <fcntl.h>
#include <sys/stat.h>

#include "sys/beneath.h"
#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

namespace {

/// A root with one folder of its own, and a folder outside that nothing may reach.
struct Fenced {
  Scratch scratch;
  std::string root = scratch / "root", victim = scratch / "victim";
  Fs fs{{}, root};

  Fenced() {
    fs.make_folders(root + "/opt/trees");
    Fs({}).make_folders(victim);
    Fs({}).write(victim + "/f", "mine", 0644);
  }
  void link(const std::string& name) const { REQUIRE(::symlink(victim.c_str(), (root + name).c_str()) == 0); }
  void untouched() const {
    CHECK(Fs({}).read(victim + "/f") == "mine");
    CHECK(Fs({}).stat(victim + "/f")->mode == 0644);
    CHECK(Fs({}).list(victim).size() == 1);
  }
};

}  // namespace

TEST_CASE("below its root an Fs goes through no symlink, and says which one it met") {
  Fenced f;
  f.link("/opt/l");
  const std::string place = f.root + "/opt/l";
  const auto refused = [&](auto act) {
    const Error error = error_of(act);
    CHECK(error.exit() == Exit::target);
    CHECK_MESSAGE(has(error.what(), "'" + place + "' is a symlink"), error.what());
    CHECK(has(error.hint(), "real folder"));
  };
  refused([&] { f.fs.write(place + "/f", "x"); });
  refused([&] { f.fs.append(place + "/f", "x"); });
  refused([&] { f.fs.make_folders(place + "/new/er"); });
  refused([&] { f.fs.write_tree(place + "/t", {{"a", {"x"}}}); });
  refused([&] { f.fs.rename(place + "/f", f.root + "/opt/g"); });
  refused([&] { f.fs.rename(f.root + "/opt/trees", place + "/g"); });
  refused([&] { f.fs.exchange(f.root + "/opt/trees", place + "/f"); });
  refused([&] { f.fs.remove(place + "/f"); });
  refused([&] { f.fs.chmod(place + "/f", 0600); });
  refused([&] { f.fs.chown(place + "/f", "root"); });
  refused([&] { f.fs.lock(place + "/f", Millis(0), "it"); });
  f.untouched();
}

TEST_CASE("a symlink within the root that leads to the root is refused, too") {
  Fenced f;
  REQUIRE(::symlink("trees", (f.root + "/opt/l").c_str()) == 0);
  CHECK(has(error_of([&] { f.fs.write(f.root + "/opt/l/f", "x"); }).what(), "is a symlink"));
}

TEST_CASE("a root that does not exist yet is made, and held from then on") {
  const Scratch scratch;
  Fs fs({}, scratch / "a/root");
  CHECK(error_of([&] { fs.write(scratch / "a/root/f", "x"); }).exit() == Exit::target);
  fs.make_folders(scratch / "a/root/b");
  // the handle stays with the folder, wherever its name goes
  Fs({}).rename(scratch / "a/root", scratch / "a/elsewhere");
  fs.write(scratch / "a/root/b/f", "x");
  CHECK(Fs({}).read(scratch / "a/elsewhere/b/f") == "x");
}

TEST_CASE("what is outside the root is taken as it is") {
  Fenced f;
  f.fs.write(f.victim + "/g", "x");
  CHECK(f.fs.read(f.victim + "/g") == "x");
  CHECK(f.fs.read_tree(f.victim).size() == 2);
}

TEST_CASE("a file with a second name is not changed in place") {
  Fenced f;
  REQUIRE(::link((f.victim + "/f").c_str(), (f.root + "/opt/f").c_str()) == 0);
  const std::string path = f.root + "/opt/f";
  for (const Error& error :
       {error_of([&] { f.fs.append(path, "x"); }), error_of([&] { f.fs.chmod(path, 0600); }),
        error_of([&] { f.fs.chown(path, "root"); }), error_of([&] { f.fs.lock(path, Millis(0), "it"); })}) {
    CHECK(error.exit() == Exit::target);
    CHECK(has(error.what(), "hard link"));
    CHECK(has(error.hint(), "find "));
  }
  f.fs.write(path, "another");  // a new file in its place
  f.untouched();
}

TEST_CASE("root writes into no folder that others own or may write to") {
  if (!Env().is_root()) return;
  Fenced f;
  const std::string trees = f.root + "/opt/trees";
  CHECK(::chown((f.root + "/opt").c_str(), 65534, 0) == 0);
  const Error owned = error_of([&] { f.fs.write(trees + "/f", "x"); });
  CHECK(owned.exit() == Exit::target);
  CHECK(has(owned.what(), "'" + f.root + "/opt' belongs to '"));
  CHECK(has(owned.hint(), "chown"));
  CHECK(::chown((f.root + "/opt").c_str(), 0, 0) == 0);
  CHECK(::chmod(trees.c_str(), 0777) == 0);
  const Error open = error_of([&] { f.fs.write_tree(trees + "/t", {{"a", {"x"}}}); });
  CHECK(has(open.what(), "others may write in its folder '" + trees + "' (mode 0777)"));
  CHECK(has(open.hint(), "chmod go-w " + trees));
  CHECK(::chmod(trees.c_str(), 01777) == 0);  // as /tmp is: nobody can take another's name away
  f.fs.write(trees + "/f", "x");
  CHECK(f.fs.read(trees + "/f") == "x");
}

TEST_CASE("openat2 stays below its folder") {
  Fenced f;
  f.link("/opt/l");
  const Fd base(::open(f.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(static_cast<bool>(open_beneath(base, "opt/trees", O_RDONLY | O_DIRECTORY)));
  for (const char* path : {"..", "opt/../..", "../victim/f", "/etc/passwd", "opt/l", "opt/l/f"}) {
    CAPTURE(path);
    CHECK_FALSE(static_cast<bool>(open_beneath(base, path, O_RDONLY)));
    CHECK((errno == EXDEV || errno == ELOOP));
  }
}

TEST_CASE("a tree gets the owner and the rights asked for, and what differs is told") {
  if (!Env().is_root()) return;
  const Scratch scratch;
  Fs fs({}, scratch.path());
  const Ownership group{"root", "nogroup", 0750, 0750};
  const Tree tree = {
      {"nginx.conf", {"a"}}, {"certs/key.pem", {"-----BEGIN PRIVATE KEY-----", 0600}}, {"bin/x", {"x", 0755}}};
  fs.write_tree(scratch / "t", tree, group);
  CHECK(fs.stat(scratch / "t")->mode == 0750);
  CHECK(fs.stat(scratch / "t/certs")->gid == fs.stat(scratch / "t/nginx.conf")->gid);
  CHECK(fs.stat(scratch / "t/nginx.conf")->mode == 0640);
  CHECK(fs.stat(scratch / "t/certs/key.pem")->mode == 0640);
  CHECK(fs.stat(scratch / "t/bin/x")->mode == 0750);
  CHECK(fs.read_tree(scratch / "t", group) == tree);
  CHECK(fs.misfits(scratch / "t", group).empty());

  fs.chmod(scratch / "t/certs", 0755);
  fs.chown(scratch / "t/nginx.conf", "nobody");
  CHECK(fs.misfits(scratch / "t", group) ==
        std::vector<Misfit>{{"certs", true, "0755", "0750"},
                            {"nginx.conf", false, "nobody:nogroup", "root:nogroup", true}});
  CHECK(fs.misfits(scratch / "none").empty());

  fs.write_tree(scratch / "u", tree);
  CHECK(fs.misfits(scratch / "u").empty());
  CHECK(fs.stat(scratch / "u/certs/key.pem")->mode == 0600);
  fs.chown(scratch / "u", "nobody");
  CHECK(fs.misfits(scratch / "u") == std::vector<Misfit>{{".", true, "nobody", "root", true}});
  CHECK(has(error_of([&] { fs.write_tree(scratch / "v", tree, {"root", "no-such-group"}); }).hint(), "groupadd"));
  CHECK_FALSE(fs.exists(scratch / "v"));
}
