// Of history.h: the version that a commit holds.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "base/rights.h"
#include "base/text.h"
#include "kind/kind.h"
#include "model/read.h"
#include "model/stored_spec.h"
#include "render/render.h"
#include "store/history.h"
#include "store/trailers.h"

namespace orctl {
namespace {

/// Below these a commit has the tree, and the fingerprints of its private keys; all else is at the top.
const std::string tree_prefix = "tree/", secrets_prefix = "secrets/";

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

}  // namespace

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
  const auto line = [](const char* key, const std::string& value) {
    return fmt::format("Orctl-{}: {}\n", key, one_line(value));
  };
  std::string message = fmt::format("{}\n\nOrctl-Revision: {}\n", subject, number);
  message += line("Reason", note.reason) + line("Ticket", note.ticket);
  message += line("Digest", version ? version->digest : "none") + line("Plan", note.plan);
  message += line("Command", note.command) + line("Audit", note.audit);
  return world.git.commit_files(branch_of(name), parent, version ? as_files(*version) : Tree{}, note.author, message);
}

}  // namespace orctl
