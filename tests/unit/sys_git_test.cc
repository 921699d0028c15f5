#include <signal.h>
#include <sys/stat.h>

#include <algorithm>

#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

namespace {

constexpr Millis plenty(20'000);
const std::string branch = "refs/heads/prd_pay_001_8080";
const std::string absent_id(40, '1');

/// A store in a folder of its own, looked at with the real git too.
struct Store {
  Scratch scratch;
  std::string path = scratch / "a/store.git";
  Git git{{}, path};

  std::string commit(const std::string& parent, const Tree& files, const std::string& message = "m") {
    const FileLock lock = git.lock(plenty);
    return git.commit_files(branch, parent, files, "alice@web1", message);
  }

  /// Output of the git program, or the empty string (and a message) where there is none.
  std::string cli(std::vector<std::string> arguments) const {
    const auto program = Fs({}).find_program("git", "/usr/local/bin:/usr/bin:/bin");
    REQUIRE_MESSAGE(program, "these tests check the store with the git program: apt-get install git");
    std::vector<std::string> argv = {*program, "--git-dir=" + path, "-c", "user.name=x", "-c", "user.email=x@y"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const auto result = Proc({}).look(argv, plenty);
    REQUIRE_MESSAGE(result.status == 0, result.err);
    return result.out;
  }

  void check_sound() const { CHECK(cli({"fsck", "--strict", "--full", "--no-dangling"}).empty()); }

  /// A commit whose one entry, of any mode and name, git itself would never write.
  std::string hostile(const std::string& mode, const std::string& name, const std::string& object) const {
    std::string entry = mode + " " + name + '\0';
    for (size_t i = 0; i < object.size(); i += 2) {
      entry += static_cast<char>(std::stoi(object.substr(i, 2), nullptr, 16));
    }
    Fs({}).write(scratch / "entry", entry);
    const std::string tree = cli({"hash-object", "-t", "tree", "--literally", "-w", scratch / "entry"});
    return cli({"commit-tree", "-m", "x", tree.substr(0, 40)}).substr(0, 40);
  }
};

std::vector<std::string> names(const std::vector<Git::Ref>& refs) {
  std::vector<std::string> out;
  for (const Git::Ref& ref : refs) out.push_back(ref.name);
  return out;
}

/// The file of a loose object.
std::string object_file(const Store& store, const std::string& id) {
  return store.path + "/objects/" + id.substr(0, 2) + "/" + id.substr(2);
}

}  // namespace

TEST_CASE("looking at a store that is not there makes nothing") {
  const Scratch scratch;
  const Git git({}, scratch / "store.git");
  CHECK_FALSE(git.exists());
  CHECK_FALSE(git.ref(branch));
  CHECK(git.refs("refs/heads/").empty());
  CHECK(git.log(branch).empty());
  CHECK_FALSE(git.note(absent_id));
  CHECK(error_of([&] { git.files(absent_id); }).exit() == Exit::refused);
  CHECK(Fs({}).list(scratch.path()).empty());
}

TEST_CASE("the first commit makes the branch, the second follows it, and git agrees") {
  Store store;
  ::setenv("ORCTL_FIXED_TIME", "1700000000", 1);
  const Tree first = {{"nginx.conf", {"one\n"}}}, second = {{"nginx.conf", {"two\n"}}, {"lua/a/b.lua", {"x"}}};
  const std::string one = store.commit("", first, "subject\n\nOrctl-Revision: 1\n");
  const std::string two = store.commit(one, second, "second");
  ::unsetenv("ORCTL_FIXED_TIME");
  CHECK(store.git.exists());
  CHECK(store.git.ref(branch) == two);
  CHECK(store.git.files(one) == first);
  CHECK(store.git.files(two) == second);

  const auto log = store.git.log(branch);
  REQUIRE(log.size() == 2);
  CHECK(log[0].id == two);
  CHECK(log[0].parent == one);
  CHECK(log[1].parent.empty());
  CHECK(log[1].author == "alice@web1");
  CHECK(log[1].message == "subject\n\nOrctl-Revision: 1\n");
  CHECK(log[1].time == 1'700'000'000);
  CHECK(store.git.log(branch, 1).size() == 1);
  CHECK(store.git.commit(two.substr(0, 10)).id == two);
  CHECK(store.git.commit(one).message == log[1].message);

  CHECK(store.cli({"log", "--format=%H %an <%ae> %at", "prd_pay_001_8080"}) ==
        two + " alice@web1 <alice@web1> 1700000000\n" + one + " alice@web1 <alice@web1> 1700000000\n");
  CHECK(store.cli({"show", "prd_pay_001_8080:lua/a/b.lua"}) == "x");
  store.check_sound();
}

TEST_CASE("files come back byte for byte, executable or not, and none at all") {
  Store store;
  const Tree files = {{"bin/run", {"#!/bin/sh\n", 0755}},         {"empty", {""}},
                      {"bytes", {std::string("\0\r\n\xff", 4)}},  {"a b/ü$%;{}", {"x"}},
                      {"a/b/c/d/e", {std::string(100'000, 'y')}}, {"a.b", {"sorts between a/ and a"}}};
  const std::string one = store.commit("", files);
  CHECK(store.git.files(one) == files);
  const std::string two = store.commit(one, {});
  CHECK(store.git.files(two).empty());
  store.check_sound();
}

TEST_CASE("a branch that moved is not moved again") {
  Store store;
  const std::string one = store.commit("", {{"a", {"1"}}});
  const Error twice = error_of([&] { store.commit("", {{"a", {"2"}}}); });
  CHECK(twice.exit() == Exit::conflict);
  CHECK(has(twice.what(), one.substr(0, 12)));
  CHECK(error_of([&] { store.commit(absent_id, {{"a", {"2"}}}); }).exit() == Exit::conflict);
  CHECK(store.git.ref(branch) == one);
  const std::string two = store.commit(one, {{"a", {"2"}}});
  CHECK(error_of([&] { store.commit(one, {{"a", {"3"}}}); }).exit() == Exit::conflict);
  CHECK(store.git.ref(branch) == two);
}

TEST_CASE("processes that commit at once lose nothing") {
  Store store;
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    children.push_back(forked([&] {
      for (int n = 0; n < 5; ++n) {
        Git git({}, store.path);
        const FileLock lock = git.lock(plenty);
        git.commit_files(branch, git.ref(branch).value_or(""), {{"a", {std::to_string(::getpid() * 100 + n)}}}, "me",
                         "m");
      }
      return 0;
    }));
  }
  for (const pid_t child : children) CHECK(status_of(child) == 0);
  CHECK(store.git.log(branch).size() == 30);
  store.check_sound();
}

TEST_CASE("notes and refs can be set again and again, and removed") {
  Store store;
  const std::string one = store.commit("", {{"a", {"1"}}}), two = store.commit(one, {{"a", {"2"}}});
  const FileLock lock = store.git.lock(plenty);
  CHECK_FALSE(store.git.note(one));
  store.git.set_note(one, "outcome = \"applied\"\n");
  store.git.set_note(two, "two");
  store.git.set_note(one, "outcome = \"rolled back\"\n");
  CHECK(store.git.note(one) == "outcome = \"rolled back\"\n");
  CHECK(store.git.note(two) == "two");
  CHECK(store.cli({"notes", "--ref=orctl", "show", one}) == "outcome = \"rolled back\"\n");

  const std::string applied = "refs/orctl/applied/prd_pay_001_8080";
  store.git.set_ref(applied, one);
  store.git.set_ref(applied, two);
  CHECK(store.git.ref(applied) == two);
  CHECK(names(store.git.refs("refs/")) == std::vector<std::string>{branch, "refs/notes/orctl", applied});
  CHECK(names(store.git.refs("refs/heads/")) == std::vector<std::string>{branch});
  store.git.remove_ref(applied);
  store.git.remove_ref(applied);
  CHECK_FALSE(store.git.ref(applied));
  store.git.set_ref(applied, one);
  CHECK_THROWS_AS(store.git.set_ref("refs/heads/../x", one), Error);
  CHECK(error_of([&] { store.git.set_ref(applied, absent_id); }).exit() == Exit::refused);
  store.check_sound();
}

TEST_CASE("the store works after git has packed it") {
  Store store;
  const std::string one = store.commit("", {{"a", {"1"}}});
  store.cli({"gc", "-q"});
  store.cli({"pack-refs", "--all"});
  const std::string two = store.commit(one, {{"a", {"1"}}, {"b", {"2"}}});
  CHECK(store.git.log(branch).size() == 2);
  CHECK(store.git.files(two).size() == 2);
  const FileLock lock = store.git.lock(plenty);
  store.git.remove_ref(branch);
  CHECK_FALSE(store.git.ref(branch));
  store.check_sound();
}

TEST_CASE("every change of the store is traced before it is made") {
  const Scratch scratch;
  std::vector<std::string> trace;
  Git git([&](const std::string& line) { trace.push_back(line); }, scratch / "s.git");
  const FileLock lock = git.lock(plenty);
  const std::string id = git.commit_files(branch, "", {{"a", {"1"}}}, "me", "m");
  git.set_ref("refs/orctl/x", id);
  git.set_note(id, "n");
  git.remove_ref("refs/orctl/x");
  CHECK(trace == std::vector<std::string>{"lock " + scratch / "s.git.lock", "git init " + scratch / "s.git",
                                          "git commit " + branch + " (1 files)", "git ref refs/orctl/x " + id,
                                          "git note " + id + " (1 bytes)", "git ref -d refs/orctl/x"});
}

TEST_CASE("names that could leave the tree are refused, in commits and from commits") {
  Store store;
  const std::string good = store.commit("", {{"a", {"1"}}});
  CHECK(error_of([&] { store.commit(good, {{"../a", {"1"}}}); }).exit() == Exit::refused);
  CHECK(error_of([&] { store.commit(good, {{"a", {"1"}}, {"a/b", {"1"}}}); }).exit() == Exit::refused);

  const std::string blob = store.cli({"rev-parse", good + ":a"}).substr(0, 40);
  const std::string tree = store.cli({"rev-parse", good + "^{tree}"}).substr(0, 40);
  for (const char* name :
       {"..", ".", ".git", ".GIT", "../evil", "/abs", "a/b", "esc\x1b[31m", "line\nbreak", "del\x7f"}) {
    CAPTURE(name);
    const Error error = error_of([&] { store.git.files(store.hostile("100644", name, blob)); });
    CHECK(error.exit() == Exit::refused);
    CHECK_FALSE(has(error.what(), "\x1b"));
    CHECK_FALSE(has(error.what(), "\n"));
  }
  CHECK(has(error_of([&] { store.git.files(store.hostile("40000", "..", tree)); }).what(), "leads out of the tree"));
  CHECK(has(error_of([&] { store.git.files(store.hostile("120000", "l", blob)); }).what(), "is a symlink"));
  CHECK(has(error_of([&] { store.git.files(store.hostile("160000", "m", good)); }).what(), "is a submodule"));
  CHECK(store.git.files(store.hostile("100664", "ok", blob)) == Tree{{"ok", {"1"}}});
}

TEST_CASE("lock files of a killed process are in nobody's way") {
  Store store;
  const std::string one = store.commit("", {{"a", {"1"}}});
  Fs fs({});
  for (const std::string name : {"HEAD", "config", "packed-refs", branch.c_str(), "refs/heads/deep/er/x"}) {
    fs.make_folders(Fs({}).absolute(store.path + "/" + name + "/.."));
    fs.write(store.path + "/" + name + ".lock", "");
  }
  fs.write(store.path + "/objects/tmp_object_git2_0123456789abcdef", "half");
  store.commit(one, {{"a", {"2"}}});
  CHECK_FALSE(fs.exists(store.path + "/objects/tmp_object_git2_0123456789abcdef"));
  CHECK_FALSE(fs.exists(store.path + "/HEAD.lock"));
  CHECK_FALSE(fs.exists(store.path + "/refs/heads/deep/er/x.lock"));
  store.check_sound();
}

TEST_CASE("a store that was never finished is finished") {
  Fs fs({});
  const auto completes = [](Store& store) {
    CHECK_FALSE(store.git.exists());
    CHECK_FALSE(store.git.ref(branch));
    const std::string id = store.commit("", {{"a", {"1"}}});
    CHECK(store.git.ref(branch) == id);
    CHECK(store.cli({"config", "core.bare"}) == "true\n");
    store.check_sound();
  };
  SUBCASE("an empty folder") {
    Store store;
    fs.make_folders(store.path);
    completes(store);
  }
  SUBCASE("folders only, and a lock") {
    Store store;
    for (const char* name : {"objects/info", "refs/heads", "hooks"}) fs.make_folders(store.path + "/" + name);
    fs.write(store.path + "/config.lock", "");
    REQUIRE(::symlink("testing", (store.path + "/_git2_bada0df7bc312e71").c_str()) == 0);
    completes(store);
    CHECK_FALSE(fs.exists(store.path + "/_git2_bada0df7bc312e71"));
  }
  SUBCASE("an empty HEAD, as after a power cut") {
    Store store;
    { const FileLock lock = store.git.lock(plenty); }
    fs.write(store.path + "/HEAD", "");
    completes(store);
  }
  SUBCASE("an empty config") {
    Store store;
    { const FileLock lock = store.git.lock(plenty); }
    fs.write(store.path + "/config", "");
    completes(store);
  }
}

TEST_CASE("what is no store of ours is left alone") {
  Fs fs({});
  Store store;
  SUBCASE("another folder") {
    fs.make_folders(store.path);
    fs.write(store.path + "/letter.txt", "dear");
    CHECK(has(error_of([&] { store.git.exists(); }).what(), "is no git repository"));
    CHECK_THROWS_AS(store.git.lock(plenty), Error);
    CHECK(fs.list(store.path).size() == 1);
  }
  SUBCASE("a file") {
    fs.make_folders(store.scratch / "a");
    fs.write(store.path, "x");
    CHECK_FALSE(store.git.exists());
    REQUIRE(store.git.check().size() == 1);
    CHECK(store.git.check().front().file == store.path);
    CHECK(has(error_of([&] { store.git.lock(plenty); }).what(), "is no folder"));
    CHECK(fs.read(store.path) == "x");
    store.git.heal_places(plenty);
    CHECK(fs.read(store.path + ".orctl-aside") == "x");
    store.git.lock(plenty);
    CHECK(store.git.exists());
  }
}

TEST_CASE("a store that lost its folder of objects is one all the same, and can be written again") {
  Fs fs({});
  Store store;
  const std::string id = store.commit("", {{"a", {"1"}}});
  fs.rename(store.path + "/objects", store.path + "/lost");
  CHECK(store.git.exists());
  CHECK(store.git.ref(branch).value_or("") == id);
  CHECK_THROWS_AS(store.git.files(id), Error);
  { const FileLock lock = store.git.lock(plenty); }
  CHECK(fs.exists(store.path + "/objects"));
}

TEST_CASE("the store of another user is refused, and root's can be read") {
  if (!Env().is_root()) return;
  Store store;
  const std::string id = store.commit("", {{"a", {"1"}}});
  Fs fs({});
  fs.chmod(store.scratch.path(), 0755);
  const pid_t reader = forked([&] {
    if (::setuid(65534) != 0) return 1;
    if (store.git.files(id) != Tree{{"a", {"1"}}}) return 2;
    const Error error = error_of([&] { store.git.lock(Millis(0)); });
    return error.exit() == Exit::target && has(error.what(), "no rights to lock") && has(error.hint(), "--root") ? 0
                                                                                                                 : 3;
  });
  CHECK(status_of(reader) == 0);
  fs.chown(store.path, "nobody");
  const Error error = error_of([&] { store.git.exists(); });
  CHECK(error.exit() == Exit::refused);
  CHECK(has(error.what(), "belongs to uid 65534"));
  CHECK_THROWS_AS(store.git.lock(Millis(0)), Error);
}

TEST_CASE("nobody's configuration of git matters") {
  Store store;
  Fs fs({});
  fs.write(store.scratch / ".gitconfig", "[core]\n\tautocrlf = true\n[user]\n\tname = broken\n[ nonsense\n");
  const pid_t child = forked([&] {
    ::setenv("HOME", store.scratch.path().c_str(), 1);
    ::setenv("GIT_DIR", "/nowhere", 1);
    store.commit("", {{"a", {"1\r\n"}}});
    return 0;
  });
  CHECK(status_of(child) == 0);
  CHECK(store.cli({"show", "prd_pay_001_8080:a"}) == "1\r\n");
}

TEST_CASE("damage is told with the store's path and what to run") {
  Store store;
  const std::string id = store.commit("", {{"a", {"content"}}});
  const std::string blob = store.cli({"rev-parse", id + ":a"}).substr(0, 40);
  Fs({}).write(store.path + "/objects/" + blob.substr(0, 2) + "/" + blob.substr(2), "rot");
  const Error error = error_of([&] { store.git.files(id); });
  CHECK(error.exit() == Exit::target);
  CHECK(has(error.what(), store.path));
  CHECK(has(error.what(), blob));
  CHECK(has(error.hint(), "orctl store verify"));
}

TEST_CASE("an object that was cut, flipped or emptied at any byte is told, and a commit of the same content heals it") {
  Store store;
  const Tree files = {{"a", {std::string(300, 'a') + "b"}}, {"d/e", {"2"}}};
  const std::string id = store.commit("", files);
  const Fs look({});
  Fs fs({});
  for (const std::string& object : {id + "^{tree}", id + ":a", id + ":d"}) {
    const std::string file = object_file(store, store.cli({"rev-parse", object}).substr(0, 40));
    const std::string whole = look.read(file);
    for (size_t at = 0; at < whole.size(); ++at) {
      fs.write(file, whole.substr(0, at));
      CHECK_THROWS_AS(store.git.files(id), Error);
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ 0x11);
      fs.write(file, flipped);
      // a bit of zlib's own header may say nothing of the content
      try {
        const Tree got = store.git.files(id);
        CHECK(got == files);
      } catch (const Error& e) {
        CHECK(e.exit() == Exit::target);
      }
    }
    fs.write(file, whole + "x");
    CHECK_THROWS_AS(store.git.files(id), Error);
    fs.write(file, whole.substr(0, whole.size() / 2));
    store.git.heal_objects(files, {});
    CHECK_THROWS_AS(store.git.files(id), Error);
    store.git.heal_objects(files, {file.substr(file.size() - 41, 2) + file.substr(file.size() - 38)});
    CHECK(store.git.files(id) == files);
  }
  CHECK(store.git.check().empty());
  store.check_sound();
}

TEST_CASE("a pack that is damaged anywhere is told, never waited for") {
  Store store;
  std::string id, text(3000, 'x');
  for (const char* more : {"1", "2", "3"}) {
    text += more;  // versions of one text become deltas
    id = store.commit(id, {{"a", {text}}});
  }
  store.cli({"repack", "-q", "-a", "-d", "-f", "--depth=50", "--window=50"});
  const Fs look({});
  Fs fs({});
  CHECK(store.git.log(branch).size() == 3);
  CHECK(store.git.files(id).at("a").content == text);
  for (const Fs::Entry& entry : look.list(store.path + "/objects/pack")) {
    if (!entry.name.ends_with(".pack") && !entry.name.ends_with(".idx")) continue;
    const std::string file = store.path + "/objects/pack/" + entry.name, whole = look.read(file);
    for (size_t at = 0; at < whole.size(); at += 3) {
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ 0x41);
      for (const std::string& damaged : {whole.substr(0, at), flipped}) {
        fs.write(file, damaged);
        try {
          const Tree got = store.git.files(id);
          CHECK(got.at("a").content == text);
        } catch (const Error& e) {
          CHECK(has(e.what(), store.path));
        }
      }
    }
    fs.write(file, whole);
  }
  CHECK(store.git.check().empty());
}

TEST_CASE("an index of a pack that is damaged anywhere or gone is told, and what the pack holds is saved without it") {
  Store store;
  std::string id, text(3000, 'x');
  for (const char* more : {"1", "2", "3"}) {
    text += more;
    id = store.commit(id, {{"a", {text}}, {"b/c", {"same"}}});
  }
  store.cli({"repack", "-q", "-a", "-d", "-f", "--depth=50", "--window=50"});
  Fs fs({});
  const std::string folder = store.path + "/objects/pack/";
  std::string pack, index;
  for (const Fs::Entry& entry : fs.list(folder)) {
    if (entry.name.ends_with(".pack")) pack = folder + entry.name;
    if (entry.name.ends_with(".idx")) index = folder + entry.name;
  }
  REQUIRE(!index.empty());
  CHECK(store.git.check().empty());
  const std::string whole = fs.read(index), content = fs.read(pack);
  std::vector<std::optional<std::string>> damages = {std::nullopt, "", whole.substr(0, 100),
                                                     whole.substr(0, whole.size() - 1)};
  for (size_t at = 0; at < whole.size(); at += 37) {
    damages.emplace_back(whole);
    (*damages.back())[at] = static_cast<char>(whole[at] ^ 0x41);
  }
  for (const auto& damage : damages) {
    CAPTURE(damage.value_or("gone").size());
    fs.remove(index);
    if (damage) fs.write(index, *damage);
    const auto faults = store.git.check();
    const auto told = std::find_if(faults.begin(), faults.end(), [](const Git::Fault& f) { return f.kind == "pack"; });
    REQUIRE(told != faults.end());
    store.git.heal_pack(told->file);
    REQUIRE(store.git.check().empty());
    CHECK(store.git.log(branch).size() == 3);
    CHECK(store.git.files(id).at("a").content == text);
    for (const Fs::Entry& entry : fs.list(store.path + "/objects"))
      if (entry.name.size() == 2) fs.remove(store.path + "/objects/" + entry.name);
    fs.write(pack, content);
  }
  fs.write(index, whole);
  CHECK(store.git.check().empty());
}

TEST_CASE("a ref that cannot be read is in the list, and hides no other") {
  Store store;
  const std::string id = store.commit("", {{"a", {"1"}}});
  Fs fs({});
  REQUIRE(::mkfifo((store.path + "/refs/heads/fifo").c_str(), 0600) == 0);
  fs.write(store.path + "/refs/heads/loop", "ref: refs/heads/loop\n");
  fs.write(store.path + "/refs/heads/long", std::string(5000, 'a'));
  size_t broken = 0;
  for (const Git::Ref& ref : store.git.refs("refs/heads/")) {
    if (ref.fault.empty()) CHECK(ref.id == id);
    broken += ref.fault.empty() ? 0 : 1;
  }
  CHECK(broken == 3);
  CHECK(store.git.ref(branch) == id);
  CHECK(has(error_of([&] { store.git.ref("refs/heads/fifo"); }).what(), "FIFO"));
  CHECK(store.git.check().size() == 3);
  fs.write(store.path + "/packed-refs", id + " refs/heads/packed\n" + id.substr(3) + " refs/heads/torn\n");
  CHECK(store.git.ref("refs/heads/packed") == id);
  CHECK_THROWS_AS(store.git.ref("refs/heads/torn"), Error);
  CHECK_FALSE(store.git.ref("refs/heads/nobody"));
}

TEST_CASE("text_diff speaks git's format") {
  const std::string before = "a\nb\nc\n", after = "a\nB\nc\n", empty;
  CHECK(Git::text_diff("x/y.conf", &before, &before).empty());
  const std::string changed = Git::text_diff("x/y.conf", &before, &after);
  CHECK(has(changed, "--- a/x/y.conf\n+++ b/x/y.conf\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"));
  CHECK(has(Git::text_diff("f", nullptr, &after), "--- /dev/null\n+++ b/f\n"));
  CHECK(has(Git::text_diff("f", &before, nullptr), "--- a/f\n+++ /dev/null\n"));
  CHECK(Git::text_diff("f", &empty, &empty).empty());
  CHECK(has(Git::text_diff("f", &empty, &after), "+B\n"));
}
