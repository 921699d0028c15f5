#include "manifest/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>

#include "base/parallel.h"
#include "base/text.h"
#include "base/tree_paths.h"
#include "manifest/certificate_files.h"
#include "manifest/find_manifests.h"
#include "manifest/kept_secrets.h"
#include "manifest/overlay.h"
#include "manifest/tree_size.h"
#include "model/secrets.h"

namespace orctl {
namespace {

std::string folder_of(const std::string& file) {
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : file.substr(0, slash);
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
  ManifestFile at;
  FileId id{};
  bool again = false;  ///< it is one that was read already, by another name
  Diagnostics found{};
  std::optional<Manifest> manifest{};
  std::optional<Loaded> loaded{};
  std::optional<Object> object{};
};

/// Files are read, and instances made of them, each by itself and in parallel; what they have in common comes between
/// and after.
class Loader {
 public:
  Loader(Recurse recurse, const World& world) : recurse_(recurse), world_(world) {}

  Manifests run(const std::vector<std::string>& files) {
    for (ManifestFile& file : find_manifests(files, recurse_, world_, out_.found)) items_.push_back({std::move(file)});
    in_parallel(items_.size(), [this](size_t i) { read(items_[i]); });
    drop_second_names();
    out_.files = items_.size();
    make_fleets();
    in_parallel(items_.size(), [this](size_t i) { make(items_[i]); });
    for (Item& item : items_) {
      hide_secrets(item.found);
      std::move(item.found.begin(), item.found.end(), std::back_inserter(out_.found));
      if (item.loaded) out_.instances.push_back(std::move(*item.loaded));
      if (item.object) out_.objects.push_back(std::move(*item.object));
    }
    std::vector<const Object*> all;
    all.reserve(out_.instances.size() + out_.objects.size());
    for (const Loaded& loaded : out_.instances) all.push_back(&loaded.instance);
    for (const Object& object : out_.objects) all.push_back(&object);
    check_together(all, out_.found);
    return std::move(out_);
  }

 private:
  using Origin = ManifestFile::Origin;

  /// Whether it is one that is handed over, and so lies nowhere.
  static bool has_no_folder(const ManifestFile& at) { return at.origin == Origin::input || at.origin == Origin::pipe; }

  void read(Item& item) {
    if (has_no_folder(item.at)) return read_input(item);
    const auto link = item.at.origin == Origin::named ? Folder::Link::inside : Folder::Link::refused;
    auto got = usage_fault([&] { return item.at.folder->read(item.at.below(), max_manifest_bytes, link); });
    if (const auto* unread = std::get_if<Unread>(&got)) return tell_unread(*unread, item.at, item.found);
    auto& file = std::get<Folder::File>(got);
    item.id = file.id;
    take_text(item, std::move(file.content));
  }

  void read_input(Item& item) {
    try {
      const bool pipe = item.at.origin == Origin::pipe;
      take_text(item, pipe ? world_.fs.read_pipe(item.at.file, max_manifest_bytes)
                           : world_.fs.read_stdin(max_manifest_bytes));
    } catch (const Error& e) {
      if (e.exit() != Exit::refused) throw;
      tell_too_large(item.at.file, e.what(), item.found);
    }
  }

  void take_text(Item& item, std::string text) {
    constexpr size_t worth_a_thread = size_t{128} << 10;  // bytes
    count_bytes(text.size());
    if (text.size() < worth_a_thread) {
      refuse_secrets(item.at.file, text, item.found);
      item.manifest = read_manifest({item.at.file, std::move(text)}, item.found);
      return;
    }
    Diagnostics faults;
    in_two([&] { refuse_secrets(item.at.file, text, item.found); },
           [&] {
             item.manifest = read_manifest({item.at.file, text}, faults);
           });
    std::move(faults.begin(), faults.end(), std::back_inserter(item.found));
  }

  void count_bytes(size_t bytes) {
    if (bytes_ += bytes; bytes_ > max_loaded_bytes)
      throw Error(Exit::usage,
                  fmt::format("the manifests and the files that they name have more than {} bytes", max_loaded_bytes),
                  "name fewer of them at a time");
  }

  /// What somebody else put there is a fault of the manifests; what the user named, of the command line.
  static void tell_unread(const Unread& unread, const ManifestFile& at, Diagnostics& found) {
    const bool named = at.origin == Origin::named;
    if (unread.why == Unread::Why::too_large)
      return tell_too_large(
          at.file, fmt::format("the manifest has {} bytes; at most {} are read", unread.size, max_manifest_bytes),
          found);
    if (named || unread.why == Unread::Why::absent)
      throw Error(Exit::usage, unread.text, unread.hint.empty() ? "name a file that you may read" : unread.hint);
    const bool link = unread.why == Unread::Why::symlink;
    found.push_back({Severity::error,
                     link ? "symlink" : "no-file",
                     at.file,
                     {},
                     "",
                     unread.text,
                     link ? unread.hint : "move it out of the folder",
                     ""});
  }

  static void tell_too_large(const std::string& file, const std::string& text, Diagnostics& found) {
    found.push_back(
        {Severity::error, "too-large", file, {}, "", text, "one manifest describes one instance; split it", ""});
  }

  /// A file that is named twice, or has two names (hard links), is meant once.
  void drop_second_names() {
    for (Item& item : items_) item.again = item.id != FileId{} && !read_.insert(item.id).second;
    std::erase_if(items_, [](const Item& item) { return item.again; });
  }

  void make_fleets() {
    std::map<FileId, Item*> folders;
    for (Item& item : items_) {
      if (!has_no_folder(item.at)) folders.emplace(item.at.place, &item);
      if (item.manifest && item.manifest->kind == "Fleet") make_fleet_of(*item.manifest, item.at.place, item.found);
    }
    for (const auto& [folder, item] : folders) find_fleet_beside(*item);
  }

  void make_fleet_of(const Manifest& m, FileId folder, Diagnostics& found) {
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
  void find_fleet_beside(Item& item) {
    for (const char* name : {"fleet.toml", "fleet.json"}) {
      if (fleets_.contains(item.at.place)) continue;
      ManifestFile at{Origin::found, folder_of(item.at.file) + "/" + name, item.at.folder, item.at.above, name,
                      item.at.place};
      auto got = usage_fault([&] { return at.folder->read(at.below(), max_manifest_bytes); });
      if (const auto* unread = std::get_if<Unread>(&got)) {
        const bool known = std::any_of(items_.begin(), items_.end(), [&](const Item& other) {
          return other.at.place == at.place && other.at.name == at.name;
        });
        if (unread->why != Unread::Why::absent && !known) tell_unread(*unread, at, item.found);
        continue;
      }
      auto& file = std::get<Folder::File>(got);
      if (!read_.insert(file.id).second) continue;  // it is one of the items, and no Fleet
      count_bytes(file.content.size());
      refuse_secrets(at.file, file.content, item.found);
      auto manifest = read_manifest({at.file, std::move(file.content)}, item.found);
      if (manifest && manifest->kind == "Fleet") make_fleet_of(*manifest, at.place, item.found);
    }
  }

  void make(Item& item) {
    if (!item.manifest) return;
    const Kind::Lives lives = find_kind(item.manifest->kind)->lives;
    if (lives == Kind::Lives::in_files) item.object = make_object(std::move(*item.manifest), item.found);
    if (lives != Kind::Lives::in_process) return;
    const auto fleet = fleets_.find(item.at.place);
    const Fleet* common = fleet == fleets_.end() || !fleet->second ? nullptr : &*fleet->second;
    auto instance = make_instance(std::move(*item.manifest), common, item.found);
    if (!instance) return;
    Tree overlay = overlay_for(*instance, item);
    // of an overlay that was not read whole the size is not known
    const bool whole = !has_errors(item.found);
    check_certificate_files(*instance, overlay, shown_overlay(*instance, item), world_.clock.now(), item.found);
    check_modules(*instance, overlay, item.found);
    std::string document = whole ? check_size(*instance, overlay, item.found) : "";
    if (!has_errors(item.found)) item.loaded = {std::move(*instance), std::move(overlay), std::move(document)};
  }

  /// The folder of an instance's overlay as people see it; "" without one.
  static std::string shown_overlay(const Instance& instance, const Item& item) {
    const Value* files = instance.spec.find("files");
    return files == nullptr || !item.at.folder ? "" : item.at.folder->shown(overlay_folder(*files, item.at.above));
  }

  Tree overlay_for(const Instance& instance, Item& item) {
    const Value* files = instance.spec.find("files");
    if (files == nullptr) return {};
    if (!item.at.folder) throw Error(Exit::usage, "the current folder cannot be looked at", "change to another one");
    Tree overlay =
        usage_fault([&] { return read_overlay(instance.source, *files, *item.at.folder, item.at.above, item.found); });
    const std::string folder = shown_overlay(instance, item);
    for (const auto& [path, file] : overlay) count_bytes(file.content.size());
    refuse_overlay_secrets(folder, overlay, item.found);
    warn_kept_as_secret(instance, overlay, folder, item.found);
    return overlay;
  }

  Recurse recurse_;
  const World& world_;
  Manifests out_;
  std::vector<Item> items_;
  std::map<FileId, std::optional<Fleet>> fleets_;  // by the folder that it is in; nullopt: it has faults
  std::set<FileId> read_;
  std::atomic<size_t> bytes_ = 0;
};

}  // namespace

void refuse_overlay_secrets(const std::string& folder, const Tree& overlay, Diagnostics& found) {
  for (const auto& [path, file] : overlay) {
    refuse_secret_name(folder, path, found);
    if (!path.starts_with(tree_path::certs))  // what is secret there is never committed: base/tree.h
      refuse_secrets(folder + "/" + path, file.content, found);
  }
}

Manifests load(const std::vector<std::string>& files, Recurse recurse, const World& world) {
  return Loader(recurse, world).run(files);
}

std::vector<Loaded> load_valid(const std::vector<std::string>& files, Recurse recurse, const World& world,
                               const std::function<void(const Diagnostic&)>& report) {
  Manifests manifests = valid_ones(load(files, recurse, world), report);
  if (!manifests.objects.empty())
    throw Error(Exit::refused, fmt::format("'{}' is no instance", id_of(manifests.objects.front().spec)),
                "name manifests of instances only");
  return std::move(manifests.instances);
}

Manifests valid_ones(Manifests manifests, const std::function<void(const Diagnostic&)>& report) {
  for (const Diagnostic& d : manifests.found) report(d);
  if (!manifests.valid()) {
    const auto errors = std::count_if(manifests.found.begin(), manifests.found.end(),
                                      [](const Diagnostic& d) { return d.severity == Severity::error; });
    throw Error(Exit::refused,
                fmt::format("{} in the manifests; nothing was changed", count(static_cast<size_t>(errors), "error")),
                "mend what is marked above, then run the same command again");
  }
  if (manifests.instances.empty() && manifests.objects.empty())
    throw Error(Exit::refused, "the manifests describe no instance", "add a manifest with kind = \"Instance\"");
  return manifests;
}

}  // namespace orctl
