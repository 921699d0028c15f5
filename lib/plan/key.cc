#include "plan/key.h"

#include <array>
#include <utility>

namespace orctl {
namespace {

constexpr std::array<std::pair<Whole, std::string_view>, 8> wholes = {{{Whole::instance, "instance"},
                                                                       {Whole::object, "object"},
                                                                       {Whole::gateway, "gateway"},
                                                                       {Whole::phases, "phases"},
                                                                       {Whole::largest_body, "largest body"},
                                                                       {Whole::unit, "unit"},
                                                                       {Whole::process, "process"},
                                                                       {Whole::boot, "boot"}}};

std::string text_of(const std::vector<KeyPart>& parts) {
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
    std::string operator()(const FileKey& k) const { return "file " + k.path; }
    std::string operator()(const FolderKey& k) const { return "folder " + k.path; }
    std::string operator()(Whole whole) const {
      for (const auto& [one, name] : wholes)
        if (one == whole) return std::string(name);
      return {};
    }
  };
  return std::visit(Namer{}, key);
}

}  // namespace orctl
