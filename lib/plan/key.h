#pragma once
#include <compare>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace orctl {

/// One step on the way to a field of a spec: "weight", or of a list with the item's key, server[10.0.0.1:80].
struct KeyPart {
  std::string name;
  std::string item = {};  ///< "" where the part is no item of a list
  auto operator<=>(const KeyPart&) const = default;
};

/// A field of an instance's spec, as upstream[payment].server[10.0.0.1:8080].weight.
struct FieldKey {
  std::vector<KeyPart> parts;
  auto operator<=>(const FieldKey&) const = default;

  /// Whether it is the member `name` of the spec, or something in it.
  bool is_in(std::string_view name) const { return !parts.empty() && parts.front().name == name; }
  /// Whether it is an item of the spec's list `name` as a whole.
  bool is_item_of(std::string_view name) const { return parts.size() == 1 && is_in(name) && !parts[0].item.empty(); }
};

/// A file of the tree, by its path there.
struct FileKey {
  std::string path;
  auto operator<=>(const FileKey&) const = default;
};

/// A folder of the tree, by its path there; "." for the top itself.
struct FolderKey {
  std::string path;
  auto operator<=>(const FolderKey&) const = default;
};

/// What an instance has one of.
enum class Whole {
  instance,
  object,        ///< of another kind
  gateway,       ///< the gateway's own Lua
  phases,        ///< of nginx, that run the gateway's Lua
  largest_body,  ///< that nginx itself takes
  unit,
  process,
  boot,  ///< whether it starts at boot
};

/// What one difference of a plan is of.
using Key = std::variant<FieldKey, FileKey, FolderKey, Whole>;

/// The one form of a key, for people and for JSON: "nginx.keepalive", "file nginx.conf", "largest body".
std::string to_string(const Key& key);

/// The field that `key` is; nullptr when it is none.
inline const FieldKey* field_of(const Key& key) { return std::get_if<FieldKey>(&key); }

}  // namespace orctl
