#include "kind/kind.h"

#include <algorithm>
#include <stdexcept>

namespace orctl {
namespace {

template <class Is>
const Kind* find(Is is) {
  const auto found = std::find_if(kinds().begin(), kinds().end(), is);
  return found == kinds().end() ? nullptr : &*found;
}

}  // namespace

const std::vector<std::string>& kind_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Kind& one : kinds()) all.push_back(one.name);
    return all;
  }();
  return names;
}

const Kind* find_kind(std::string_view name) {
  return find([&](const Kind& one) { return one.name == name; });
}

const Kind* find_kind_by_word(std::string_view word) {
  return find([&](const Kind& one) { return one.word() == word; });
}

const Kind& kind_of(const Value& spec) {
  if (const Kind* found = find_kind(kind_name_of(spec))) return *found;
  throw std::logic_error("no kind is called " + kind_name_of(spec));
}

std::string object_folder(const Kind& kind, const std::string& name) {
  return "/etc/orctl/" + kind.plural + "/" + name;
}

bool can_be_object_name(std::string_view name) {
  constexpr size_t longest = 64;
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
  return !name.empty() && name.size() <= longest && name[0] >= 'a' && name[0] <= 'z' &&
         std::all_of(name.begin(), name.end(), fits);
}

}  // namespace orctl
