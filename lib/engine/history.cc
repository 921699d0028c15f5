#include "engine/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/text.h"
#include "model/read.h"
#include "render/render.h"

namespace orctl {
namespace {

/// Below these a commit has the tree, and the fingerprints of its private keys; all else is at the top.
const std::string tree_prefix = "tree/", secrets_prefix = "secrets/";

/// The value of the last line "Key: value" of `text`; "" when there is none.
std::string line_value(const std::string& text, const std::string& key) {
  std::string found;
  for (const std::string& line : split(text, '\n'))
    if (line.compare(0, key.size() + 2, key + ": ") == 0) found = line.substr(key.size() + 2);
  return found;
}

/// One line: a trailer or a note's value must not begin another.
std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return std::string(trim(text));
}

Revision read_revision(const World& world, const Git::Commit& commit, const std::string& live) {
  Revision r;
  r.commit = commit.id;
  r.time = commit.time;
  r.author = commit.author;
  r.number = static_cast<int>(parse_number(line_value(commit.message, "Orctl-Revision"), 1000000000).value_or(0));
  r.reason = line_value(commit.message, "Orctl-Reason");
  r.command = line_value(commit.message, "Orctl-Command");
  r.digest = line_value(commit.message, "Orctl-Digest");
  r.deletes = r.digest == "none";
  r.live = commit.id == live;
  if (const auto note = world.git.note(commit.id)) {
    r.outcome = line_value(*note, "outcome");
    r.cause = line_value(*note, "cause");
    r.duration = line_value(*note, "duration");
  }
  return r;
}

/// Whether this can be an instance's name at all; anything else must not get into the name of a ref.
bool can_be_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// What the files at the top of a commit say.
Version from_files(const World& world, const std::string& commit, const Tree& files) {
  Version out;
  for (const auto& [path, file] : files) {
    if (path.find('/') != std::string::npos) continue;
    if (path == "spec.json") {
      Diagnostics found;
      if (auto spec = read_json({path, file.content}, found)) out.spec = Schema::get("instance").with_defaults(*spec);
    } else if (path == "unit.service") {
      out.unit = file.content;
    } else {
      out.manifest_name = path;
      out.manifest = file.content;
    }
  }
  if (!out.spec.is_object())
    throw Error(Exit::target, fmt::format("commit {} of the store holds no spec.json", commit.substr(0, 12)),
                "was it made by orctl? look with: git --git-dir " + world.git.path() + " show " + commit.substr(0, 12));
  return out;
}

std::string live_commit(const World& world, const std::string& name) {
  return world.git.ref(applied_ref(name)).value_or("");
}

std::vector<std::string> names_below(const World& world, const std::string& prefix) {
  std::vector<std::string> names;
  if (!world.git.exists()) return names;
  for (const std::string& ref : world.git.refs(prefix)) names.push_back(ref.substr(prefix.size()));
  return names;
}

Tree as_files(const Version& version) {
  Tree files;
  files[version.manifest_name] = {version.manifest};
  files["spec.json"] = {to_json(version.spec, 1) + "\n"};
  files["unit.service"] = {version.unit};
  for (const auto& [path, file] : version.tree) {
    if (is_secret(path, file))
      files[secrets_prefix + path] = {"sha256:" + sha256(file.content) + "\n"};
    else
      files[tree_prefix + path] = file;
  }
  return files;
}

}  // namespace

Value to_value(const Revision& r) {
  Value out = Value::object();
  out.set("revision", r.number);
  out.set("commit", r.commit);
  out.set("time", r.time);
  out.set("author", r.author);
  out.set("reason", r.reason);
  out.set("command", r.command);
  out.set("outcome", r.outcome);
  out.set("cause", r.cause);
  out.set("duration", r.duration);
  out.set("digest", r.digest);
  out.set("live", r.live);
  return out;
}

std::string branch_of(const std::string& name) { return "refs/heads/" + name; }
std::string applied_ref(const std::string& name) { return "refs/orctl/applied/" + name; }

std::vector<std::string> known_instances(const World& world) { return names_below(world, "refs/heads/"); }
std::vector<std::string> present_instances(const World& world) {
  std::vector<std::string> names = names_below(world, "refs/orctl/applied/");
  const std::set<std::string> applied(names.begin(), names.end());
  for (const std::string& name : known_instances(world)) {
    if (applied.contains(name)) continue;
    const auto newest = revisions(world, name, 1);
    if (!newest.empty() && newest.front().outcome.empty() && !newest.front().deletes) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Revision> revisions(const World& world, const std::string& name, size_t limit) {
  std::vector<Revision> out;
  if (!can_be_name(name) || !world.git.exists()) return out;
  const std::string live = live_commit(world, name);
  for (const Git::Commit& commit : world.git.log(branch_of(name), limit))
    out.push_back(read_revision(world, commit, live));
  return out;
}

Revision find_revision(const World& world, const std::string& name, int number) {
  const auto all = revisions(world, name);
  if (all.empty())
    throw Error(Exit::usage, fmt::format("the store knows no instance '{}'", name), "orctl get instances");
  for (const Revision& r : all)
    if (r.number == number) return r;
  throw Error(
      Exit::usage,
      fmt::format("{} has no revision {}; it has {} to {}", name, number, all.back().number, all.front().number),
      fmt::format("orctl history {}", name));
}

std::optional<Revision> applied_revision(const World& world, const std::string& name) {
  if (!can_be_name(name) || !world.git.exists()) return std::nullopt;
  const std::string live = live_commit(world, name);
  if (live.empty()) return std::nullopt;
  return read_revision(world, world.git.commit(live), live);
}

Revision live_revision(const World& world, const std::string& name) {
  if (auto live = applied_revision(world, name)) return std::move(*live);
  const auto near = nearest(name, present_instances(world));
  throw Error(Exit::usage, "there is no instance '" + name + "'",
              near ? "did you mean '" + *near + "'?" : "orctl get instances");
}

Revision revision_before_live(const World& world, const std::string& name) {
  const auto all = revisions(world, name);
  if (all.empty()) return live_revision(world, name);  // says that it is unknown
  const auto live = applied_revision(world, name);
  for (const Revision& r : all)
    if (r.outcome == "applied" && !r.deletes && (!live || r.number < live->number)) return r;
  throw Error(Exit::usage, name + " has no applied revision before the live one", "orctl history " + name);
}

Version load_manifest(const World& world, const std::string& commit) {
  return from_files(world, commit, world.git.files(commit, Git::Reach::top));
}

Version load_version(const World& world, const std::string& commit, const Tree& keys,
                     std::vector<std::string>* missing) {
  const Tree files = world.git.files(commit);
  Version out = from_files(world, commit, files);
  for (const auto& [path, file] : files) {
    if (path.starts_with(tree_prefix)) {
      TreeFile& kept = out.tree[path.substr(tree_prefix.size())] = file;
      if (is_secret(path.substr(tree_prefix.size()), kept)) kept.mode = 0600;  // an older orctl took it for public
    }
    if (!path.starts_with(secrets_prefix)) continue;
    const std::string name = path.substr(secrets_prefix.size());
    const auto key = keys.find(name);
    if (key != keys.end() && "sha256:" + sha256(key->second.content) == trim(file.content))
      out.tree[name] = key->second;
    else if (missing != nullptr)
      missing->push_back(name);
  }
  out.digest = tree_digest(out.tree);
  return out;
}

std::string commit_version(World& world, const std::string& name, const std::string& parent,
                           const std::optional<Version>& version, const RevisionNote& note) {
  int number = 1;
  if (!parent.empty())
    number = static_cast<int>(
                 parse_number(line_value(world.git.commit(parent).message, "Orctl-Revision"), 1000000000).value_or(0)) +
             1;
  const std::string subject = !note.reason.empty() ? one_line(note.reason)
                              : version            ? "apply " + name
                                                   : "delete " + name;
  const std::string message =
      fmt::format("{}\n\nOrctl-Revision: {}\nOrctl-Reason: {}\nOrctl-Digest: {}\nOrctl-Command: {}\n", subject, number,
                  one_line(note.reason), version ? version->digest : "none", one_line(note.command));
  return world.git.commit_files(branch_of(name), parent, version ? as_files(*version) : Tree{}, note.author, message);
}

void write_audit(World& world, const Layout& layout, const std::string& name, const RevisionNote& note,
                 const Value& what) {
  Value line = Value::object();
  line.set("time", world.clock.now());
  line.set("instance", name);
  line.set("user", note.author);
  line.set("command", note.command);
  line.set("reason", note.reason);
  for (const Value::Member& member : what.members()) line.set(member.key, member.value);
  world.fs.append(layout.audit(), to_json(line) + "\n", 0600);
}

void note_outcome(World& world, const std::string& commit, const std::string& outcome, const std::string& cause,
                  Millis took) {
  std::string text = "outcome: " + outcome + "\n";
  if (!cause.empty()) text += "cause: " + one_line(cause) + "\n";
  text += fmt::format("duration: {:.3f}s\n", static_cast<double>(took.count()) / 1000);
  world.git.set_note(commit, text);
}

}  // namespace orctl
