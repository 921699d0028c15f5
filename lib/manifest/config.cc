#include "manifest/config.h"

#include <fmt/format.h>

#include "base/layout.h"
#include "sys/trust.h"

namespace orctl {
namespace {

constexpr size_t max_bytes = size_t{1} << 20;

Diagnostic fault(const std::string& file, Severity severity, std::string text, std::string hint) {
  return {severity, "config-file", file, {}, "", std::move(text), std::move(hint), ""};
}

/// Whoever could write the file, or put another in its place, could lift every policy.
Diagnostics check_owner(const Fs& fs, const std::string& file) {
  for (const std::string& path : {file.substr(0, file.rfind('/')), file}) {
    const auto stat = fs.stat(path);
    if (stat && stat->kind == Fs::Kind::symlink)
      return {fault(path, Severity::error, "is a symlink, and root trusts only what stands here itself",
                    "put the file itself in its place")};
  }
  if (const auto found = distrust(file)) return {fault(found->path, Severity::error, found->why, found->remedy)};
  return {};
}

/// What makes a file readable that is not.
std::string how_to_read(const Fs& fs, const std::string& path, const Error& why) {
  try {
    const auto stat = fs.follow(path);
    const bool file = stat && stat->kind == Fs::Kind::file && static_cast<size_t>(stat->size) <= max_bytes;
    if (stat && !file) return why.hint();
  } catch (const Error&) {
    // its folder is closed
  }
  return "chmod a+r " + path + ", and a+x its folder";
}

/// nullopt: there is none.
std::optional<ConfigFile> read_host_file(const Fs& fs, const Env& env, const Layout& layout) {
  ConfigFile out{{layout.config(), ""}, Reach::host};
  const std::string& path = out.source.file;
  try {
    if (!fs.exists(path)) return std::nullopt;
    if (env.is_root()) out.faults = check_owner(fs, path);
    out.source.text = fs.read(path, max_bytes);
  } catch (const Error& e) {
    // the folder may hold secrets, and be root's alone; what others do changes nothing that its policy protects
    const Severity severity = env.is_root() ? Severity::error : Severity::warning;
    out.faults.push_back(fault(path, severity, e.what(), how_to_read(fs, path, e)));
  }
  return out;
}

/// Whether it is the caller's own; HOME may be another's behind sudo, and closed.
bool is_own(const Fs& fs, const Env& env, const std::string& path) {
  try {
    const auto stat = fs.follow(path);
    return stat && stat->uid == env.uid();
  } catch (const Error&) {
    return false;
  }
}

/// nullopt: there is none that is the caller's.
std::optional<ConfigFile> read_users_file(const Fs& fs, const Env& env) {
  std::string folder = env.get("XDG_CONFIG_HOME");
  if (folder.empty() || folder[0] != '/') folder = env.get("HOME") + "/.config";
  if (folder[0] != '/') return std::nullopt;
  ConfigFile out{{folder + "/orctl/config.toml", ""}, Reach::user};
  if (!is_own(fs, env, out.source.file)) return std::nullopt;
  try {
    out.source.text = fs.read(out.source.file, max_bytes);
  } catch (const Error& e) {
    out.faults.push_back(fault(out.source.file, Severity::error, e.what(), e.hint()));
  }
  return out;
}

/// Root believes what stands below its root only where nobody else could have written it.
std::optional<Refusal> refuse_root(const Env& env, const Layout& layout) {
  if (!env.is_root()) return std::nullopt;
  const std::string store = layout.store();
  // and so the root, and every folder on the way
  for (const std::string& path :
       {store + "/HEAD", store + "/packed-refs", store + "/objects", store + "/refs", layout.audit()}) {
    const auto found = distrust(path);
    if (!found) continue;
    const bool of_store = found->path.starts_with(store);
    return Refusal{
        fmt::format("root does not trust what is in '{}': '{}' {}", layout.host_path("/"), found->path, found->why),
        of_store ? fmt::format("look at it (git --git-dir={0} log --all), then: chown -R root: {0}", store)
                 : fmt::format("run orctl as the owner, or choose a --root that only root can write to; if it "
                               "is to be root's: {}",
                               found->remedy)};
  }
  return std::nullopt;
}

}  // namespace

Config load_config(const Fs& fs, const Env& env, const Layout& layout) {
  if (auto refusal = refuse_root(env, layout)) {
    Config config;
    config.untrusted = std::move(refusal);
    return config;
  }
  std::vector<ConfigFile> files;
  if (auto host = read_host_file(fs, env, layout)) files.push_back(std::move(*host));
  if (auto user = read_users_file(fs, env)) files.push_back(std::move(*user));
  // also for who is not root there: what validate says is what root's apply will do
  return read_config(files, layout.whole_host() ? Policy::Risk::low : Policy::Risk::high, layout.config());
}

Config sound_config(const World& world) {
  Config config = load_config(world.fs, world.env, world.layout);
  if (config.untrusted) throw Error(Exit::refused, config.untrusted->text, config.untrusted->hint);
  for (const Diagnostic& d : config.found)
    if (d.severity == Severity::error)
      throw Error(Exit::usage, fmt::format("{}: {}", d.file, d.text), "orctl config view shows every fault");
  return config;
}

}  // namespace orctl
