#include "engine/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "nginx/config.h"

namespace orctl {
namespace {

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}
bool is_manifest_name(const std::string& name) { return ends_with(name, ".toml") || ends_with(name, ".json"); }

std::string folder_of(const std::string& file) {
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : file.substr(0, slash);
}

/// What a file laid over the tree may be called, and how large it may be.
std::string overlay_fault(const std::string& path, const TreeFile& file) {
  const std::string folder = path.substr(0, path.find('/'));
  const bool place = (folder == "http.d" || folder == "streams.d") ? ends_with(path, ".conf")
                     : folder == "lua"                             ? ends_with(path, ".lua")
                                                                   : folder == "certs";
  if (!place || path.find('/') == std::string::npos)
    return "does not belong into a tree; only http.d/*.conf, streams.d/*.conf, lua/*.lua and certs/* do";
  if (path.compare(0, 10, "lua/orctl/") == 0) return "stands where the gateway's own Lua is";
  for (const std::string& part : split(path, '/')) {
    const bool fine = !part.empty() && part.size() <= 64 && part[0] != '.' && part[0] != '-' &&
                      std::all_of(part.begin(), part.end(), [](unsigned char c) {
                        return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
                      });
    if (!fine) return "has a name with other characters than a-z, A-Z, 0-9, '.', '_' and '-', or longer than 64";
  }
  if (file.content.size() > (size_t{1} << 20)) return "is larger than 1 MiB";
  if (!is_utf8(file.content) || file.content.find('\0') != std::string::npos) return "is not UTF-8 text";
  return {};
}

/// A file or folder that cannot be looked at is a fault of the command line, not of a manifest.
template <class Look>
auto usage_fault(Look look) {
  try {
    return look();
  } catch (const Error& e) {
    throw e.as(Exit::usage);
  }
}

class Loader {
 public:
  Loader(Recurse recurse, const World& world) : recurse_(recurse), world_(world) {}

  Manifests run(const std::vector<std::string>& files) {
    for (const std::string& file : files) add(file);
    make_fleets();
    for (Manifest& m : manifests_)
      if (m.kind == "Instance") make(std::move(m));
    std::vector<const Instance*> all;
    all.reserve(out_.instances.size());
    for (const Loaded& loaded : out_.instances) all.push_back(&loaded.instance);
    check_together(all, out_.found);
    return std::move(out_);
  }

 private:
  void add(const std::string& path) {
    if (path == "-") return read_input();
    const auto stat = usage_fault([&] { return world_.fs.follow(path); });
    if (!stat)
      throw Error(Exit::usage, fmt::format("there is no file or folder '{}'", path),
                  "name an existing manifest, or a folder that holds some");
    if (stat->kind != Fs::Kind::folder) return read_file(path);
    const size_t before = out_.files;
    usage_fault([&] { add_folder(path); });
    if (out_.files == before)
      throw Error(Exit::usage, fmt::format("the folder '{}' holds no manifests (*.toml, *.json)", path),
                  recurse_ == Recurse::no ? "look into its folders too with -R" : "see: orctl explain instance");
  }

  void read_input() {
    ++out_.files;
    try {
      read({"-", world_.fs.read_stdin(max_manifest_bytes)});
    } catch (const Error& e) {
      out_.found.push_back(
          {Severity::error, "too-large", "-", {}, "", e.what(), "one manifest describes one instance; split it", ""});
    }
  }

  void add_folder(const std::string& path) {
    for (const Fs::Entry& entry : world_.fs.list(path)) {
      const std::string child = (ends_with(path, "/") ? path : path + "/") + entry.name;
      if (entry.kind == Fs::Kind::folder) {
        if (recurse_ == Recurse::yes) add_folder(child);
      } else if (is_manifest_name(entry.name)) {
        read_file(child);
      }
    }
  }

  void read_file(const std::string& path) {
    if (!seen_.insert(world_.fs.absolute(path)).second) return;  // named twice is meant once
    ++out_.files;
    try {
      read({path, world_.fs.read(path, max_manifest_bytes + 1)});
    } catch (const Error& e) {
      const auto stat = world_.fs.follow(path);
      if (stat && stat->kind == Fs::Kind::file && static_cast<size_t>(stat->size) > max_manifest_bytes)
        out_.found.push_back(
            {Severity::error,
             "too-large",
             path,
             {},
             "",
             fmt::format("the manifest has {} bytes; at most {} are read", stat->size, max_manifest_bytes),
             "one manifest describes one instance; split it",
             ""});
      else
        throw e.as(Exit::usage);
    }
  }

  void read(Source source) {
    if (auto manifest = read_manifest(std::move(source), out_.found)) manifests_.push_back(std::move(*manifest));
  }

  void make_fleets() {
    for (const Manifest& m : manifests_)
      if (m.kind == "Fleet") make_fleet_of(m);
    std::set<std::string> folders;
    for (const Manifest& m : manifests_)
      if (m.source.file != "-") folders.insert(folder_of(m.source.file));
    for (const std::string& folder : folders) find_fleet_beside(folder);
  }

  void make_fleet_of(const Manifest& m) {
    const std::string folder = folder_of(m.source.file);
    if (const auto other = fleets_.find(folder); other != fleets_.end()) {
      const Value& kind = m.document.at("kind");
      out_.found.push_back({Severity::error, "duplicate", m.source.file, kind.place, "kind",
                            "this folder has a Fleet already: " + other->second.file, "keep one Fleet for each folder",
                            line_of(m.source.text, kind.place.line)});
      return;
    }
    auto fleet = orctl::make_fleet(m, out_.found);
    if (fleet) {
      out_.rules.push_back(fleet->rules);
      fleets_.emplace(folder, std::move(*fleet));
    } else
      broken_.insert(folder);
  }

  /// The Fleet of a folder holds also when the user named one instance of it.
  void find_fleet_beside(const std::string& folder) {
    if (fleets_.contains(folder) || broken_.contains(folder)) return;
    for (const char* name : {"fleet.toml", "fleet.json"}) {
      const std::string path = folder + "/" + name;
      if (seen_.contains(world_.fs.absolute(path)) || !world_.fs.exists(path)) continue;
      auto manifest = read_manifest({path, world_.fs.read(path, max_manifest_bytes + 1)}, out_.found);
      if (manifest && manifest->kind == "Fleet") make_fleet_of(*manifest);
    }
  }

  void make(Manifest m) {
    const auto fleet = fleets_.find(folder_of(m.source.file));
    auto instance = make_instance(std::move(m), fleet == fleets_.end() ? nullptr : &fleet->second, out_.found);
    if (!instance) return;
    const Value* files = instance->spec.find("files");
    const size_t before = out_.found.size();
    Tree overlay = files == nullptr ? Tree{} : read_overlay(instance->source, *files);
    const bool fine = std::none_of(out_.found.begin() + static_cast<std::ptrdiff_t>(before), out_.found.end(),
                                   [](const Diagnostic& d) { return d.severity == Severity::error; });
    if (fine) out_.instances.push_back({std::move(*instance), std::move(overlay)});
  }

  Tree read_overlay(const Source& source, const Value& files) {
    const auto fault = [&](const std::string& text, const std::string& hint) {
      out_.found.push_back({Severity::error, "bad-files", source.file, files.place, "files", text, hint,
                            line_of(source.text, files.place.line)});
    };
    std::string folder = files.as_string();
    while (ends_with(folder, "/")) folder.pop_back();
    folder = folder_of(source.file) + "/" + folder;
    const auto stat = world_.fs.stat(folder);
    if (!stat || stat->kind != Fs::Kind::folder) {
      fault("there is no folder '" + folder + "'",
            "the path is relative to the manifest; make the folder or take the field out");
      return {};
    }
    Tree overlay;
    try {
      overlay = world_.fs.read_tree(folder);
    } catch (const Error& e) {
      fault(e.what(), e.hint());
    }
    for (const auto& [path, file] : overlay) {
      if (const std::string text = overlay_fault(path, file); !text.empty())
        fault("'" + folder + "/" + path + "' " + text, "move it out of the folder");
      else if (ends_with(path, ".conf"))
        lint(folder + "/" + path, file.content);
    }
    return overlay;
  }

  void lint(const std::string& path, const std::string& content) {
    for (const nginx::Finding& f : nginx::check_overlay(content))
      out_.found.push_back({Severity::error,
                            "nginx",
                            path,
                            {static_cast<uint32_t>(f.line), static_cast<uint32_t>(f.col)},
                            "",
                            f.text,
                            f.hint,
                            line_of(content, static_cast<uint32_t>(f.line))});
  }

  Recurse recurse_;
  const World& world_;
  Manifests out_;
  std::vector<Manifest> manifests_;
  std::map<std::string, Fleet> fleets_;  // by folder
  std::set<std::string> broken_, seen_;
};

}  // namespace

Manifests load(const std::vector<std::string>& files, Recurse recurse, const World& world) {
  return Loader(recurse, world).run(files);
}

std::vector<Loaded> load_valid(const std::vector<std::string>& files, Recurse recurse, const World& world,
                               const std::function<void(const Diagnostic&)>& report) {
  Manifests manifests = load(files, recurse, world);
  for (const Diagnostic& d : manifests.found) report(d);
  if (!manifests.valid()) {
    const auto errors = std::count_if(manifests.found.begin(), manifests.found.end(),
                                      [](const Diagnostic& d) { return d.severity == Severity::error; });
    throw Error(Exit::refused,
                fmt::format("{} in the manifests; nothing was changed", count(static_cast<size_t>(errors), "error")),
                "mend what is marked above, then run the same command again");
  }
  if (manifests.instances.empty())
    throw Error(Exit::refused, "the manifests describe no instance", "add a manifest with kind = \"Instance\"");
  return std::move(manifests.instances);
}

}  // namespace orctl
