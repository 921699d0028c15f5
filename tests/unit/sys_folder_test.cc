#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>

#include "sys/folder.h"
#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

namespace {

/// A folder with files of others in it, and a file outside that nobody may be shown.
struct Repository {
  Scratch scratch;
  std::string path = scratch / "repo", secret = scratch / "secret";

  Repository() {
    Fs fs({});
    fs.make_folders(path + "/a/b");
    fs.write(path + "/a/b/f", "text");
    fs.write(secret, "SECRET");
  }
  void link(const std::string& target, const std::string& name) const {
    REQUIRE(::symlink(target.c_str(), (path + "/" + name).c_str()) == 0);
  }
};

Unread unread_of(const std::variant<Folder::File, Unread>& got) {
  REQUIRE(std::holds_alternative<Unread>(got));
  return std::get<Unread>(got);
}
std::string content_of(const std::variant<Folder::File, Unread>& got) {
  REQUIRE(std::holds_alternative<Folder::File>(got));
  return std::get<Folder::File>(got).content;
}

constexpr TreeLimits wide{1000, 1000, 20, 1000};

}  // namespace

TEST_CASE("a Folder reads through no symlink, wherever on the way it is, and says which one it met") {
  Repository r;
  r.link(r.secret, "absolute");
  r.link("../secret", "up");
  r.link("a", "inside");
  r.link("gone", "dangling");
  r.link("/proc/self/fd/0", "magic");
  r.link("loop", "loop");
  r.link("../..", "a/b/parent");
  const Folder folder(r.path);
  CHECK(content_of(folder.read("a/b/f", 10)) == "text");
  const std::pair<const char*, const char*> links[] = {
      {"absolute", "absolute"}, {"up", "up"},     {"inside/b/f", "inside"},           {"dangling", "dangling"},
      {"magic", "magic"},       {"loop", "loop"}, {"a/b/parent/secret", "a/b/parent"}};
  for (const auto& [path, link] : links) {
    const Unread unread = unread_of(folder.read(path, 10));
    CHECK_MESSAGE(unread.why == Unread::Why::symlink, path);
    CHECK(unread.path == r.path + "/" + link);
  }
  CHECK(unread_of(folder.read("../secret", 10)).why == Unread::Why::symlink);
  CHECK(unread_of(folder.read("none", 10)).why == Unread::Why::absent);
}

TEST_CASE("the name that the user wrote may be a symlink to what is below its folder, and to nothing else") {
  Repository r;
  r.link("a/b/f", "now");
  r.link("a/../a/b/f", "round");
  r.link(r.secret, "absolute");
  r.link("../secret", "up");
  const Folder folder(r.path);
  CHECK(content_of(folder.read("now", 10, Folder::Link::inside)) == "text");
  CHECK(content_of(folder.read("round", 10, Folder::Link::inside)) == "text");
  for (const char* path : {"absolute", "up"}) {
    const Unread unread = unread_of(folder.read(path, 10, Folder::Link::inside));
    CHECK(unread.why == Unread::Why::symlink);
    CHECK(has(unread.text, "leads out of its folder"));
  }
}

TEST_CASE("a Folder reads regular files only, at once, and no more than it was told") {
  Repository r;
  REQUIRE(::mkfifo((r.path + "/pipe").c_str(), 0600) == 0);
  const Folder folder(r.path);
  CHECK(unread_of(folder.read("pipe", 10)).why == Unread::Why::irregular);
  CHECK(unread_of(folder.read("a", 10)).why == Unread::Why::irregular);
  CHECK(content_of(folder.read("a/b/f", 4)) == "text");
  const Unread large = unread_of(folder.read("a/b/f", 3));
  CHECK(large.why == Unread::Why::too_large);
  CHECK(large.size == 4);
}

TEST_CASE("a Folder stays the one that was opened, whatever becomes of its name") {
  Repository r;
  const Folder folder(r.path);
  Fs({}).rename(r.path, r.scratch / "elsewhere");
  REQUIRE(::symlink(r.scratch.path().c_str(), r.path.c_str()) == 0);
  CHECK(content_of(folder.read("a/b/f", 10)) == "text");
  CHECK(unread_of(folder.read("secret", 10)).why == Unread::Why::absent);
}

TEST_CASE("more Folders than may keep a handle read as well, and see when they were exchanged") {
  Repository r;
  std::vector<std::unique_ptr<Folder>> many;
  for (int i = 0; i < 300; ++i) many.push_back(std::make_unique<Folder>(r.path));
  for (const auto& folder : many) CHECK(content_of(folder->read("a/b/f", 10)) == "text");
  Fs({}).rename(r.path, r.scratch / "elsewhere");
  Fs({}).make_folders(r.path);
  CHECK(content_of(many.front()->read("a/b/f", 10)) == "text");
  CHECK(has(error_of([&] { many.back()->read("a/b/f", 10); }).what(), "was exchanged"));
}

TEST_CASE("a tree is read whole but for what is hidden, and each entry that cannot be is told") {
  Repository r;
  Fs fs({});
  fs.make_folders(r.path + "/a/.git");
  fs.write(r.path + "/a/.git/config", "x");
  fs.write(r.path + "/a/.hidden", "x");
  fs.write(r.path + "/a/large", std::string(101, 'x'));
  r.link(r.secret, "a/link");
  r.link("..", "a/b/folder");
  REQUIRE(::mkfifo((r.path + "/a/pipe").c_str(), 0600) == 0);
  std::vector<Unread> unread;
  const Tree tree = Folder(r.path).tree("a", wide, 100, unread);
  CHECK(tree == Tree{{"b/f", {"text", 0644}}});
  std::vector<std::string> paths;
  for (const Unread& one : unread) paths.push_back(one.path.substr(r.path.size()));
  CHECK(paths == std::vector<std::string>{"/a/b/folder", "/a/large", "/a/link", "/a/pipe"});
  unread.clear();
  CHECK(Folder(r.path).tree("a/link", wide, 100, unread).empty());
  CHECK(unread.at(0).why == Unread::Why::symlink);
}

TEST_CASE("a tree of just as much as is allowed is read, and one of more is told so") {
  const auto over = [](const std::string& path, TreeLimits limits) {
    std::vector<Unread> unread;
    const Tree tree = Folder(path).tree("t", limits, 1000, unread);
    CHECK(unread.empty() == !over_limit(tree, limits).has_value());
    return !unread.empty() && unread.front().why == Unread::Why::over_limit;
  };
  const Scratch scratch;
  Fs({}).write_tree(scratch / "t", {{"a/b/c", {"12345"}}, {"a/d", {"12345"}}});
  CHECK_FALSE(over(scratch.path(), {4, 10, 3, 5}));
  for (const TreeLimits limits : {TreeLimits{3, 10, 3, 5}, {4, 9, 3, 5}, {4, 10, 2, 5}, {4, 10, 3, 4}}) {
    std::vector<Unread> unread;
    Folder(scratch.path()).tree("t", limits, 1000, unread);
    CHECK(unread.size() == 1);
    CHECK(unread.at(0).why == Unread::Why::over_limit);
    CHECK(over_limit({{"a/b/c", {"12345"}}, {"a/d", {"12345"}}}, limits).has_value());
  }
  CHECK_FALSE(over_limit({{"a/b/c", {"12345"}}, {"a/d", {"12345"}}}, {4, 10, 3, 5}).has_value());
}

TEST_CASE("no tree is written or read that the other of the two refuses") {
  const Scratch scratch;
  Fs fs({});
  const auto chain = [](size_t names) {
    std::string path = "f";
    for (size_t i = 1; i < names; ++i) path = "d/" + path;
    return Tree{{path, {"x"}}};
  };
  fs.write_tree(scratch / "t", chain(kept_tree_limits.depth));
  CHECK(fs.read_tree(scratch / "t") == chain(kept_tree_limits.depth));
  CHECK(has(error_of([&] { fs.write_tree(scratch / "u", chain(kept_tree_limits.depth + 1)); }).what(), "folders deep"));
  CHECK_FALSE(fs.exists(scratch / "u"));
  fs.make_folders(scratch / "t/d/d/d");
  std::string deep = scratch / "v";
  for (size_t i = 0; i < kept_tree_limits.depth; ++i) deep += "/d";
  fs.make_folders(deep);
  CHECK(has(fs.read_tree(scratch / "v").at(".").irregular,
            "folders deep"));  // what lies on the host is told, and put back
}

TEST_CASE("remove empties what is deeper than there are handles, and fuller than one look at it") {
  const Scratch scratch;
  const pid_t child = forked([&] {
    const rlimit few = {64, 64};
    ::setrlimit(RLIMIT_NOFILE, &few);
    if (::chdir(scratch.path().c_str()) != 0 || ::mkdir("t", 0755) != 0 || ::chdir("t") != 0) return 1;
    for (int i = 0; i < 5000; ++i) ::close(::open(std::to_string(i).c_str(), O_CREAT | O_WRONLY, 0600));
    // a name that the way of removing would take itself
    if (::mkdir(".orctl-deep.0", 0755) != 0 || ::mkdir(".orctl-deep.0/full", 0755) != 0) return 2;
    for (int i = 0; i < 2000; ++i)
      if (::mkdir("d", 0755) != 0 || ::chdir("d") != 0) return 3;
    if (::chdir("/") != 0) return 4;
    Fs({}).remove(scratch / "t");
    return 0;
  });
  CHECK(status_of(child) == 0);
  CHECK_FALSE(Fs({}).exists(scratch / "t"));
}

TEST_CASE("two kinds of symlinks have a target: one to the file beside it, and one of a mounted ConfigMap") {
  Repository r;
  Fs fs({});
  fs.make_folders(r.path + "/..2024_x/sub");
  fs.write(r.path + "/..2024_x/m.toml", "m");
  fs.write(r.path + "/plain.toml", "p");
  fs.write(r.path + "/.hidden", "SECRET");
  r.link("..2024_x", "..data");
  r.link("..data/m.toml", "m.toml");
  r.link("..data/sub", "sub");
  r.link("plain.toml", "same.toml");
  const Folder folder(r.path);
  const auto mounted = folder.target("", "m.toml");
  REQUIRE(mounted);
  CHECK(mounted->above + mounted->name == "..2024_x/m.toml");
  CHECK(content_of(folder.read(mounted->above + mounted->name, 100)) == "m");
  REQUIRE(folder.target("", "sub"));
  CHECK(folder.target("", "sub")->kind == Fs::Kind::folder);
  REQUIRE(folder.target("", "same.toml"));
  CHECK(folder.target("", "same.toml")->name == "plain.toml");

  r.link(".hidden", "h1");
  r.link("..data/../.hidden", "h2");
  r.link("..data/.hidden", "h3");
  r.link("a/b/f", "other_folder");
  r.link(r.secret, "absolute");
  r.link("../secret", "above");
  r.link("..data", "h4");
  r.link("a", "folder_beside");
  r.link("gone", "dangling");
  r.link("h1", "chain");
  for (const char* name : {"h1", "h2", "h3", "other_folder", "absolute", "above", "h4", "folder_beside", "dangling",
                           "plain.toml", "a", "nothing"}) {
    CAPTURE(name);
    CHECK_FALSE(folder.target("", name));
  }
  // what is there is opened without following: a chain ends at the first symlink
  const auto chain = folder.target("", "chain");
  if (chain) CHECK(unread_of(folder.read(chain->above + chain->name, 100)).why == Unread::Why::symlink);
}

TEST_CASE("a mount that leads elsewhere is none") {
  for (const char* where : {"../outside", "/etc", "a", "..", ".git", "..x/..y"}) {
    CAPTURE(where);
    Repository r;
    r.link(where, "..data");
    r.link("..data/f", "f.toml");
    CHECK_FALSE(Folder(r.path).target("", "f.toml"));
  }
}
