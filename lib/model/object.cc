#include "model/object.h"

namespace orctl {

std::string word_of(std::string_view kind) {
  std::string word;
  for (const char c : kind) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !word.empty()) word += '_';
    word += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return word;
}

std::string kind_name_of(const Value& document) {
  const Value* kind = document.find("kind");
  return kind == nullptr ? "Instance" : kind->as_string();
}

const Schema& schema_of(const Value& document) { return Schema::get(word_of(kind_name_of(document))); }

std::string id_of(const Value& spec) {
  const std::string kind = kind_name_of(spec), &name = spec.at("name").as_string();
  return kind == "Instance" ? name : word_of(kind) + "/" + name;
}

IdParts parts_of_id(std::string_view id) {
  const size_t slash = id.find('/');
  if (slash == std::string_view::npos) return {"instance", std::string(id)};
  return {std::string(id.substr(0, slash)), std::string(id.substr(slash + 1))};
}

}  // namespace orctl
