#include "kind/secret_files.h"

#include <exception>

#include "kind/kind.h"
#include "model/masked.h"

namespace orctl {
namespace {

/// The files with the secrets masked; none when the kind cannot write those, as of a secret that is no text.
Tree render_masked(const Kind& kind, const Value& spec) {
  try {
    return kind.render(spec, "");
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace

std::set<std::string> files_with_secrets(const Value& spec) {
  const Kind& kind = kind_of(spec);
  const Value shown = masked_spec(spec);
  if (kind.render == nullptr || shown == spec) return {};
  const Tree is = kind.render(spec, ""), would_be = render_masked(kind, shown);
  std::set<std::string> paths;
  for (const auto& [path, file] : is)
    if (const auto other = would_be.find(path); other == would_be.end() || !(other->second == file)) paths.insert(path);
  return paths;
}

}  // namespace orctl
