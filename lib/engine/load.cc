#include "engine/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/parallel.h"
#include "base/text.h"
#include "engine/certificates.h"
#include "engine/overlay.h"
#include "model/secrets.h"

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

/// A file or folder that cannot be looked at is a fault of the command line, not of a manifest.
template <class Look>
auto usage_fault(Look look) {
  try {
    return look();
  } catch (const Error& e) {
    throw Error(Exit::usage, e.what(), "name a file or folder that you may read");
  }
}

/// Secrets are refused before anything of a text can get into the store, which keeps it for ever. The line is not
/// shown: it would show the secret.
void refuse_secrets(const std::string& file, const std::string& text, Diagnostics& found) {
  for (const FoundSecret& s : find_secrets(text))
    found.push_back({Severity::error, "secret", file, s.place, "", "this line holds " + s.what, secret_hint, ""});
}

/// The same for the name of a file, which the store has too.
void refuse_secret_name(const std::string& folder, const std::string& path, Diagnostics& found) {
  for (const FoundSecret& s : find_secrets(join(split(path, '/'), "\n")))
    found.push_back({Severity::error,
                     "secret",
                     folder,
                     {},
                     "",
                     "the name of a file in it holds " + s.what,
                     "give the file another name",
                     ""});
}

/// Takes out what else is wrong with a line that holds a secret: it would be shown with it.
void hide_secrets(Diagnostics& found) {
  std::set<std::pair<std::string, uint32_t>> lines;
  for (const Diagnostic& d : found)
    if (d.code == "secret") lines.emplace(d.file, d.place.line);
  std::erase_if(found, [&](const Diagnostic& d) {
    return d.code != "secret" && lines.contains({d.file, d.place.line});
  });
}

/// One file on its way from a name to an instance.
struct Item {
  std::string file;
  Diagnostics found;
  std::optional<Manifest> manifest;
  std::optional<Loaded> loaded;
};

/// Files are read, and instances made of them, each by itself and in parallel; what they have in common comes between
/// and after.
class Loader {
 public:
  Loader(Recurse recurse, const World& world) : recurse_(recurse), world_(world) {}

  Manifests run(const std::vector<std::string>& files) {
    for (const std::string& file : files) add(file);
    out_.files = items_.size();
    in_parallel(items_.size(), [this](size_t i) { read(items_[i]); });
    make_fleets();
    in_parallel(items_.size(), [this](size_t i) { make(items_[i]); });
    for (Item& item : items_) {
      hide_secrets(item.found);
      std::move(item.found.begin(), item.found.end(), std::back_inserter(out_.found));
      if (item.loaded) out_.instances.push_back(std::move(*item.loaded));
    }
    std::vector<const Instance*> all;
    all.reserve(out_.instances.size());
    for (const Loaded& loaded : out_.instances) all.push_back(&loaded.instance);
    check_together(all, out_.found);
    return std::move(out_);
  }

 private:
  void add(const std::string& path) {
    if (path == "-") return items_.push_back({path, {}, {}, {}});
    const auto stat = usage_fault([&] { return world_.fs.follow(path); });
    if (!stat)
      throw Error(Exit::usage, fmt::format("there is no file or folder '{}'", path),
                  "name an existing manifest, or a folder that holds some");
    if (stat->kind != Fs::Kind::folder) return add_file(path);
    if (!usage_fault([&] { return add_folder(path); }))
      throw Error(Exit::usage, fmt::format("the folder '{}' holds no manifests (*.toml, *.json)", path),
                  recurse_ == Recurse::no ? "look into its folders too with -R" : "see: orctl explain instance");
  }

  /// Whether the folder holds a manifest.
  bool add_folder(const std::string& path) {
    bool some = false;
    for (const Fs::Entry& entry : world_.fs.list(path)) {
      const std::string child = (ends_with(path, "/") ? path : path + "/") + entry.name;
      if (entry.kind == Fs::Kind::folder) {
        some = (recurse_ == Recurse::yes && add_folder(child)) || some;
      } else if (is_manifest_name(entry.name)) {
        add_file(child);
        some = true;
      }
    }
    return some;
  }

  void add_file(const std::string& path) {
    if (seen_.insert(world_.fs.absolute(path)).second)
      items_.push_back({path, {}, {}, {}});  // named twice is meant once
  }

  void read(Item& item) const {
    const auto too_large = [&](const std::string& text) {
      item.found.push_back(
          {Severity::error, "too-large", item.file, {}, "", text, "one manifest describes one instance; split it", ""});
    };
    try {
      std::string text = item.file == "-" ? world_.fs.read_stdin(max_manifest_bytes)
                                          : world_.fs.read(item.file, max_manifest_bytes + 1);
      refuse_secrets(item.file, text, item.found);
      item.manifest = read_manifest({item.file, std::move(text)}, item.found);
    } catch (const Error& e) {
      if (item.file == "-") return too_large(e.what());
      const auto stat = world_.fs.follow(item.file);
      if (!stat || stat->kind != Fs::Kind::file || static_cast<size_t>(stat->size) <= max_manifest_bytes)
        throw Error(Exit::usage, e.what(),
                    stat && stat->kind == Fs::Kind::other ? "hand it over on standard input: -f -"
                                                          : "name a file that you may read");
      too_large(fmt::format("the manifest has {} bytes; at most {} are read", stat->size, max_manifest_bytes));
    }
  }

  void make_fleets() {
    std::map<std::string, Item*> folders;
    for (Item& item : items_) {
      if (item.file != "-") folders.emplace(folder_of(item.file), &item);
      if (item.manifest && item.manifest->kind == "Fleet") make_fleet_of(*item.manifest, item.found);
    }
    for (const auto& [folder, item] : folders) find_fleet_beside(folder, *item);
  }

  void make_fleet_of(const Manifest& m, Diagnostics& found) {
    const std::string folder = folder_of(m.source.file);
    if (const auto other = fleets_.find(folder); other != fleets_.end()) {
      const Value& kind = m.document.at("kind");
      const std::string first = other->second ? other->second->file : "a faulty one";
      found.push_back({Severity::error, "duplicate", m.source.file, kind.place, "kind",
                       "this folder has a Fleet already: " + first, "keep one Fleet for each folder",
                       line_of(m.source.text, kind.place.line)});
      return;
    }
    auto fleet = orctl::make_fleet(m, found);
    if (fleet) out_.rules.push_back(fleet->rules);
    fleets_.emplace(folder, std::move(fleet));
  }

  /// The Fleet of a folder holds also when the user named one instance of it.
  void find_fleet_beside(const std::string& folder, Item& item) {
    for (const char* name : {"fleet.toml", "fleet.json"}) {
      const std::string path = folder + "/" + name;
      if (fleets_.contains(folder) || seen_.contains(world_.fs.absolute(path)) || !world_.fs.exists(path)) continue;
      std::string text = world_.fs.read(path, max_manifest_bytes + 1);
      refuse_secrets(path, text, item.found);
      auto manifest = read_manifest({path, std::move(text)}, item.found);
      if (manifest && manifest->kind == "Fleet") make_fleet_of(*manifest, item.found);
    }
  }

  void make(Item& item) const {
    if (!item.manifest || item.manifest->kind != "Instance") return;
    const auto fleet = fleets_.find(folder_of(item.file));
    const Fleet* common = fleet == fleets_.end() || !fleet->second ? nullptr : &*fleet->second;
    auto instance = make_instance(std::move(*item.manifest), common, item.found);
    if (!instance) return;
    Tree overlay;
    if (const Value* files = instance->spec.find("files")) {
      std::string folder = files->as_string();
      while (ends_with(folder, "/")) folder.pop_back();
      folder = folder_of(item.file) + "/" + folder;
      overlay = read_overlay(instance->source, *files, folder, world_, item.found);
      for (const auto& [path, file] : overlay) {
        refuse_secret_name(folder, path, item.found);
        if (path.compare(0, 6, "certs/") != 0)  // what is secret there is never committed: base/tree.h
          refuse_secrets(folder + "/" + path, file.content, item.found);
      }
    }
    check_certificate_files(*instance, overlay, item.found);
    check_modules(*instance, overlay, item.found);
    if (!has_errors(item.found)) item.loaded = {std::move(*instance), std::move(overlay)};
  }

  Recurse recurse_;
  const World& world_;
  Manifests out_;
  std::vector<Item> items_;
  std::map<std::string, std::optional<Fleet>> fleets_;  // by folder; nullopt: it has faults
  std::set<std::string> seen_;
};

}  // namespace

Manifests load(const std::vector<std::string>& files, Recurse recurse, const World& world) {
  return Loader(recurse, world).run(files);
}

std::vector<Loaded> load_valid(const std::vector<std::string>& files, Recurse recurse, const World& world,
                               const std::function<void(const Diagnostic&)>& report) {
  return valid_ones(load(files, recurse, world), report);
}

std::vector<Loaded> valid_ones(Manifests manifests, const std::function<void(const Diagnostic&)>& report) {
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
