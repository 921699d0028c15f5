#include "store/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "base/rights.h"
#include "base/text.h"
#include "kind/kind.h"
#include "model/name.h"
#include "model/read.h"
#include "model/stored_spec.h"
#include "render/render.h"
#include "store/lost.h"

namespace orctl {
namespace {

/// Below these a commit has the tree, and the fingerprints of its private keys; all else is at the top.
const std::string tree_prefix = "tree/", secrets_prefix = "secrets/";

/// The value of the last line "Key: value" of `text`; "" when there is none.
std::string line_value(const std::string& text, const std::string& key) {
  std::string found;
  for (const std::string& line : split(text, '\n'))
    if (line.starts_with(key + ": ")) found = line.substr(key.size() + 2);
  return found;
}

/// One line: a trailer or a note's value must not begin another.
std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return std::string(trim(text));
}

int number_in(const std::string& message) {
  return static_cast<int>(parse_number(line_value(message, "Orctl-Revision"), 1000000000).value_or(0));
}

Revision read_revision(const World& world, const Git::Commit& commit, const std::string& live) {
  Revision r;
  r.commit = commit.id;
  r.time = commit.time;
  r.author = commit.author;
  r.number = number_in(commit.message);
  r.reason = line_value(commit.message, "Orctl-Reason");
  r.command = line_value(commit.message, "Orctl-Command");
  r.digest = line_value(commit.message, "Orctl-Digest");
  r.deletes = r.digest == "none";
  r.live = commit.id == live;
  try {
    if (const auto note = world.git.note(commit.id)) {
      r.outcome = line_value(*note, "outcome");
      r.cause = line_value(*note, "cause");
      r.duration = line_value(*note, "duration");
    }
  } catch (const Error& e) {
    stop_if_interrupted();
    // nobody else's business: the revision itself can be read, and is not taken for one that a kill left behind
    r.outcome = unknown_outcome;
    r.cause = e.what();
  }
  return r;
}

constexpr const char* verify_hint = "orctl store verify names all that is damaged, and how to mend it";

void require_spec(Value& spec, const std::string& commit) {
  const Value* kind = spec.find("kind");
  const bool named = kind != nullptr && kind->is_string();
  const Kind* known = find_kind(named ? kind->as_string() : "Instance");
  const bool kept = known != nullptr && known->lives != Kind::Lives::nowhere;
  const std::string fault =
      kept ? fault_of_spec(spec) : fmt::format("kind: this orctl keeps none that is called {}", to_json(*kind));
  if (!fault.empty())
    throw Error(Exit::target,
                fmt::format("spec.json in commit {} of the store is no spec of {}: {}", commit.substr(0, 12),
                            named && kind->as_string() != "Instance" ? "its kind" : "an instance", fault),
                verify_hint);
}

/// What the files at the top of a commit say.
Version from_files(const std::string& commit, const Tree& files) {
  Version out;
  for (const auto& [path, file] : files) {
    if (path.find('/') != std::string::npos) continue;
    if (path == "spec.json") {
      Diagnostics found;
      auto spec = read_json({path, file.content}, found);
      if (spec) require_spec(*spec, commit);
      if (spec) {
        const Schema& schema = schema_of(*spec);
        out.spec = schema.with_defaults(std::move(*spec));
      }
    } else if (path == "unit.service") {
      out.unit = file.content;
    } else {
      out.manifest_name = path;
      out.manifest = file.content;
    }
  }
  if (!out.spec.is_object())
    throw Error(Exit::target, fmt::format("commit {} of the store holds no spec.json", commit.substr(0, 12)),
                verify_hint);
  return out;
}

/// What from_files() makes of a commit. A commit never changes, and reading a large manifest takes longer than all else
/// that an order looks at: what was read last in this process is kept.
template <class Files>
std::shared_ptr<const Version> read_once(const std::string& store, const std::string& commit, const Files& files) {
  constexpr size_t most = 2;  // what is live, and what goes or came before
  static std::mutex mutex;
  static std::deque<std::pair<std::string, std::shared_ptr<const Version>>> kept;
  const std::string key = store + " " + commit;
  {
    const std::lock_guard lock(mutex);
    const auto known = std::find_if(kept.begin(), kept.end(), [&](const auto& one) { return one.first == key; });
    if (known != kept.end()) return known->second;
  }
  auto version = std::make_shared<const Version>(from_files(commit, files()));
  const std::lock_guard lock(mutex);
  kept.emplace_front(key, version);
  if (kept.size() > most) kept.pop_back();
  return version;
}

std::string live_commit(const World& world, const std::string& name) {
  return world.git.ref(applied_ref(name)).value_or("");
}

/// Names of refs that fit, whether the refs themselves can be read or not.
std::vector<std::string> names_below(const World& world, const std::string& prefix,
                                     bool (*fits)(const std::string&) = can_be_instance) {
  std::vector<std::string> names;
  if (!world.git.exists()) return names;
  for (const Git::Ref& ref : world.git.refs(prefix))
    if (std::string name = ref.name.substr(prefix.size()); fits(name)) names.push_back(std::move(name));
  return names;
}

/// Whether anything of it is on the host: what cannot be read of the history of others is history only.
bool is_on_host(const World& world, const std::string& name) {
  if (!can_be_instance(name)) {
    const IdParts parts = parts_of_id(name);
    const Kind* kind = find_kind_by_word(parts.word);
    return kind != nullptr && world.fs.exists(world.layout.tree(object_folder(*kind, parts.name)));
  }
  const std::string places[] = {world.layout.tree(name), world.layout.run(name), world.layout.unit(name),
                                world.layout.logs(name)};
  return std::any_of(std::begin(places), std::end(places), [&](const std::string& p) { return world.fs.exists(p); });
}

/// Of an instance that nothing is applied of: whether it is there all the same, because its first apply was killed, its
/// ref got lost, or its history cannot tell.
bool is_present_unapplied(const World& world, const std::string& name) {
  try {
    const auto newest = revisions(world, name, 1);
    if (newest.empty()) return false;
    return (newest.front().outcome.empty() && !newest.front().deletes) || has_lost_applied(world, name);
  } catch (const Error&) {
    stop_if_interrupted();
    return is_on_host(world, name);
  }
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

bool can_be_instance(const std::string& name) { return read_name(name).has_value(); }

bool can_be_stored(const std::string& id) {
  if (can_be_instance(id)) return true;
  const IdParts parts = parts_of_id(id);
  const Kind* kind = find_kind_by_word(parts.word);
  return kind != nullptr && kind->lives == Kind::Lives::in_files && can_be_object_name(parts.name);
}

std::string branch_of(const std::string& name) { return "refs/heads/" + name; }
std::string applied_ref(const std::string& name) { return "refs/orctl/applied/" + name; }

std::vector<std::string> known_instances(const World& world) { return names_below(world, "refs/heads/"); }
std::vector<std::string> recorded_ids(const World& world) {
  std::vector<std::string> ids = names_below(world, "refs/heads/", can_be_stored);
  for (std::string& id : names_below(world, "refs/orctl/applied/", can_be_stored)) ids.push_back(std::move(id));
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}
std::vector<std::string> present_objects(const Kind& kind, const World& world) {
  if (kind.lives == Kind::Lives::in_process) return present_instances(world);
  const auto all = names_below(world, "refs/orctl/applied/", can_be_stored);
  const std::set<std::string> applied(all.begin(), all.end());
  std::vector<std::string> ids = recorded_ids(world);
  std::erase_if(ids, [&](const std::string& id) {
    return parts_of_id(id).word != kind.word() || (!applied.contains(id) && !is_present_unapplied(world, id));
  });
  return ids;
}
std::vector<std::string> present_ids(const World& world) {
  std::vector<std::string> all;
  for (const Kind& kind : kinds())
    for (std::string& id : present_objects(kind, world)) all.push_back(std::move(id));
  return all;
}
Error unknown_object(const std::string& id, const World& world) {
  const IdParts parts = parts_of_id(id);
  const Kind* kind = find_kind_by_word(parts.word);
  const bool is_id = parts.word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos &&
                     can_be_object_name(parts.name);
  if (kind == nullptr && !is_id) kind = find_kind("Instance");
  if (kind == nullptr || kind->lives == Kind::Lives::nowhere) {
    std::vector<std::string> words;
    for (const Kind& one : kinds())
      if (one.lives == Kind::Lives::in_files) words.push_back(one.word());
    const auto similar = nearest(parts.word, words);
    return Error(
        Exit::usage, fmt::format("there is no '{}': this orctl knows no kind '{}'", id, parts.word),
        similar ? fmt::format("did you mean '{}/{}'?", *similar, parts.name) : "orctl get --help names what it knows");
  }
  const auto near = nearest(id, present_objects(*kind, world));
  return Error(Exit::usage, fmt::format("there is no {} '{}'", kind->word(), id),
               near ? "did you mean '" + *near + "'?" : "orctl get " + kind->plural);
}
std::vector<std::string> recorded_instances(const World& world) {
  std::vector<std::string> names = known_instances(world);
  for (std::string& name : names_below(world, "refs/orctl/applied/")) names.push_back(std::move(name));
  return names;
}
std::vector<std::string> present_instances(const World& world) {
  std::vector<std::string> names = names_below(world, "refs/orctl/applied/");
  const std::set<std::string> applied(names.begin(), names.end());
  for (const std::string& name : known_instances(world))
    if (!applied.contains(name) && is_present_unapplied(world, name)) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

bool has_lost_applied(const World& world, const std::string& name) {
  if (world.git.ref(applied_ref(name))) return false;
  for (const size_t limit : {size_t{1}, size_t{0}})  // the newest says it, nearly always
    for (const Revision& r : revisions(world, name, limit)) {
      if (r.outcome == "applied") return !r.deletes;
      if (r.outcome.empty() || r.outcome == "deleted" || r.outcome == unknown_outcome) return false;
    }
  return false;
}

std::vector<Revision> revisions(const World& world, const std::string& name, size_t limit) {
  std::vector<Revision> out;
  if (!can_be_stored(name) || !world.git.exists()) return out;
  const std::string live = live_commit(world, name);
  for (const Git::Commit& commit : world.git.log(branch_of(name), limit))
    out.push_back(read_revision(world, commit, live));
  return out;
}

int revision_number(const Git::Commit& commit) { return number_in(commit.message); }

Revision revision_at(const World& world, const std::string& commit) {
  return read_revision(world, world.git.commit(commit), "");
}

std::vector<Revision> readable_revisions(const World& world, const std::string& name, size_t limit,
                                         std::optional<Error>& end) {
  std::vector<Revision> out;
  try {
    std::string id = world.git.exists() ? world.git.ref(branch_of(name)).value_or("") : "", live;
    try {
      live = live_commit(world, name);
    } catch (const Error& e) {
      end = e;
    }
    while (!id.empty() && (limit == 0 || out.size() < limit)) {
      const Git::Commit commit = world.git.commit(id);
      out.push_back(read_revision(world, commit, live));
      id = commit.parent;
    }
  } catch (const Error& e) {
    stop_if_interrupted();
    end = e;
  }
  return out;
}

Revision find_revision(const World& world, const std::string& name, int number) {
  const auto all = revisions(world, name);
  if (all.empty()) throw no_revisions(world, name);
  for (const Revision& r : all)
    if (r.number == number) return r;
  throw Error(
      Exit::usage,
      fmt::format("{} has no revision {}; it has {} to {}", name, number, all.back().number, all.front().number),
      fmt::format("orctl history {}", name));
}

Error lost_ref(const std::string& ref, const std::string& why) {
  return Error(Exit::target, fmt::format("the ref '{}' is gone from the version store, and {}", ref, why), verify_hint);
}

Error no_revisions(const World& world, const std::string& name) {
  if (const auto lost = lost_history(name, world)) return *lost;
  if (can_be_stored(name) && world.git.exists() && !world.git.ref(branch_of(name)) && !live_commit(world, name).empty())
    return lost_ref(branch_of(name), "a revision of it is applied");
  return unknown_object(name, world);
}

std::optional<Revision> applied_revision(const World& world, const std::string& name) {
  if (!can_be_stored(name) || !world.git.exists()) return std::nullopt;
  const std::string live = live_commit(world, name);
  if (live.empty()) return std::nullopt;
  return read_revision(world, world.git.commit(live), live);
}

Revision live_revision(const World& world, const std::string& name) {
  if (auto live = applied_revision(world, name)) return std::move(*live);
  throw no_revisions(world, name);
}

Revision revision_before_live(const World& world, const std::string& name) {
  const auto all = revisions(world, name);
  if (all.empty()) throw no_revisions(world, name);
  const auto live = applied_revision(world, name);
  for (const Revision& r : all)
    if (r.outcome == "applied" && !r.deletes && (!live || r.number < live->number)) return r;
  throw Error(Exit::usage, name + " has no applied revision before the live one", "orctl history " + name);
}

std::shared_ptr<const Version> load_manifest(const World& world, const std::string& commit) {
  return read_once(world.git.path(), commit, [&] { return world.git.files(commit, Git::Reach::top); });
}

std::shared_ptr<const Version> load_manifest(const World& world, const std::string& name, const std::string& commit) {
  auto out = load_manifest(world, commit);
  if (const std::string other = id_of(out->spec); other != name)
    throw Error(Exit::target,
                fmt::format("commit {} of the store is of the history of '{}', and a ref of '{}' leads to it",
                            commit.substr(0, 12), other, name),
                verify_hint);
  return out;
}

Version load_version(const World& world, const std::string& commit, const Tree& keys,
                     std::vector<std::string>* missing) {
  const Tree files = world.git.files(commit);
  Version out = *read_once(world.git.path(), commit, [&] { return files; });
  for (const auto& [path, file] : files) {
    if (path.starts_with(tree_prefix)) {
      TreeFile& kept = out.tree[path.substr(tree_prefix.size())] = file;
      if (is_secret(path.substr(tree_prefix.size()), kept))
        kept.mode = rights::secret_file;  // an older orctl took it for public
    }
    if (!path.starts_with(secrets_prefix)) continue;
    const std::string name = path.substr(secrets_prefix.size());
    const auto key = keys.find(name);
    if (key != keys.end() && fingerprint_of(key->second) == trim(file.content))
      out.tree[name] = key->second;
    else if (missing != nullptr)
      missing->push_back(name);
  }
  // what its workers will report: an older orctl may have left other files out of it
  const std::string carried = carried_digest(out.tree);
  out.digest = carried.empty() ? tree_digest(out.tree) : carried;
  return out;
}

Version load_to_compare(const World& world, const std::string& commit) {
  Version out = load_version(world, commit, {});
  out.tree = kept_files(world, commit).tree;
  return out;
}

KeptFiles kept_files(const World& world, const std::string& commit) {
  KeptFiles out;
  for (auto& [path, file] : world.git.files(commit)) {
    if (path == "unit.service") {
      out.unit = file.content;
    } else if (path.starts_with(tree_prefix)) {
      TreeFile& kept = out.tree[path.substr(tree_prefix.size())] = file;
      if (is_secret(path.substr(tree_prefix.size()), kept))
        kept.mode = rights::secret_file;  // an older orctl took it for public
    } else if (path.starts_with(secrets_prefix)) {
      out.tree[path.substr(secrets_prefix.size())] = {file.content, rights::secret_file, "",
                                                      std::string(trim(file.content))};
    }
  }
  return out;
}

Tree stored_tree(const Version& version) {
  Tree files;
  files["unit.service"] = {version.unit};
  for (const auto& [path, file] : version.tree) {
    if (is_secret(path, file))
      files[secrets_prefix + path] = {fingerprint_of(file) + "\n"};
    else
      files[tree_prefix + path] = file;
  }
  return files;
}

namespace {

Tree as_files(const Version& version) {
  Tree files = stored_tree(version);
  files[version.manifest_name] = {version.manifest};
  files["spec.json"] = {to_json(version.spec, 1) + "\n"};
  return files;
}

}  // namespace

std::string commit_version(World& world, const std::string& name, const std::string& parent,
                           const std::optional<Version>& version, const RevisionNote& note) {
  const int number = parent.empty() ? 1 : revision_number(world.git.commit(parent)) + 1;
  const std::string subject = !note.reason.empty() ? one_line(note.reason)
                              : version            ? "apply " + name
                                                   : "delete " + name;
  const std::string message =
      fmt::format("{}\n\nOrctl-Revision: {}\nOrctl-Reason: {}\nOrctl-Digest: {}\nOrctl-Command: {}\n", subject, number,
                  one_line(note.reason), version ? version->digest : "none", one_line(note.command));
  return world.git.commit_files(branch_of(name), parent, version ? as_files(*version) : Tree{}, note.author, message);
}

void note_outcome(World& world, const std::string& commit, const std::string& outcome, const std::string& cause,
                  Millis took) {
  std::string text = "outcome: " + outcome + "\n";
  if (!cause.empty()) text += "cause: " + one_line(cause) + "\n";
  text += fmt::format("duration: {:.3f}s\n", static_cast<double>(took.count()) / 1000);
  world.git.set_note(commit, text);
}

}  // namespace orctl
