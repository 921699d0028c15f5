#include "plan/key.h"

#include <array>
#include <map>
#include <optional>

#include "base/error.h"
#include "model/schema.h"

namespace orctl {
namespace {

constexpr std::string_view file_word = "file ", folder_word = "folder ";

constexpr std::array<std::pair<Whole, std::string_view>, 8> wholes = {{{Whole::instance, "instance"},
                                                                       {Whole::object, "object"},
                                                                       {Whole::gateway, "gateway"},
                                                                       {Whole::phases, "phases"},
                                                                       {Whole::largest_body, "largest body"},
                                                                       {Whole::unit, "unit"},
                                                                       {Whole::process, "process"},
                                                                       {Whole::boot, "boot"}}};

using Parts = std::vector<KeyPart>;
using Node = Schema::Node;

/// Reads the key of a field. Keys of items may hold brackets and dots (addresses of IPv6, paths), so the schema says
/// where one ends.
class FieldReader {
 public:
  std::optional<Parts> read(std::string_view text, const Node& node) {
    for (const auto& p : node.properties) {
      if (!text.starts_with(p.name)) continue;
      const std::string_view rest = text.substr(p.name.size());
      if (rest.starts_with('[')) {
        if (auto found = read_item(p.name, rest, *p.node)) return found;
      } else if (auto found = read_rest(rest, *p.node)) {
        return in(KeyPart{p.name}, std::move(*found));
      }
    }
    // where any names are allowed, they may hold dots, and what they name has nothing in it
    if (node.additional != nullptr && !text.empty()) return Parts{KeyPart{std::string(text)}};
    return std::nullopt;
  }

 private:
  static Parts in(KeyPart first, Parts rest) {
    rest.insert(rest.begin(), std::move(first));
    return rest;
  }

  /// An item of `list`, whose key begins `text` in brackets.
  std::optional<Parts> read_item(const std::string& name, std::string_view text, const Node& list) {
    const auto hopeless = hopeless_.find(&list);
    if (list.key.empty() || (hopeless != hopeless_.end() && text.data() >= hopeless->second)) return std::nullopt;
    for (size_t end = text.find(']', 2); end != text.npos; end = text.find(']', end + 1))
      if (auto found = read_rest(text.substr(end + 1), *list.items))
        return in(KeyPart{name, std::string(text.substr(1, end - 1))}, std::move(*found));
    hopeless_[&list] = text.data();
    return std::nullopt;
  }

  /// What stands in something that `node` describes; empty where that itself is meant.
  std::optional<Parts> read_rest(std::string_view text, const Node& node) {
    if (text.empty()) return Parts{};
    return text[0] == '.' ? read(text.substr(1), node) : std::nullopt;
  }

  std::map<const Node*, const char*> hopeless_;  // where no end was found, there is none behind either
};

std::string text_of(const Parts& parts) {
  std::string out;
  for (const KeyPart& part : parts) {
    if (!out.empty()) out += ".";
    out += part.name;
    if (!part.item.empty()) out += "[" + part.item + "]";
  }
  return out;
}

}  // namespace

std::string to_string(const Key& key) {
  struct Namer {
    std::string operator()(const FieldKey& k) const { return text_of(k.parts); }
    std::string operator()(const FileKey& k) const { return std::string(file_word) + k.path; }
    std::string operator()(const FolderKey& k) const { return std::string(folder_word) + k.path; }
    std::string operator()(Whole whole) const {
      for (const auto& [one, name] : wholes)
        if (one == whole) return std::string(name);
      return {};
    }
  };
  return std::visit(Namer{}, key);
}

Key key_from(std::string_view text) {
  for (const auto& [whole, name] : wholes)
    if (name == text) return whole;
  if (text.starts_with(file_word)) return FileKey{std::string(text.substr(file_word.size()))};
  if (text.starts_with(folder_word)) return FolderKey{std::string(text.substr(folder_word.size()))};
  if (auto parts = FieldReader().read(text, Schema::get("instance").root())) return FieldKey{std::move(*parts)};
  throw Error(Exit::refused, "'" + std::string(text) + "' is nothing that a plan changes",
              "make one with: orctl plan -f MANIFEST --out plan.json");
}

}  // namespace orctl
