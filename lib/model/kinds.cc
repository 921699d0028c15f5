#include "model/kinds.h"

#include "base/text.h"

namespace orctl {

const std::vector<std::string>& kind_names() {
  static const std::vector<std::string> names = {"Instance", "Fleet"};
  return names;
}

std::optional<Manifest> read_manifest(Source source, Diagnostics& found) {
  auto document = read_document(source, found);
  if (!document) return std::nullopt;
  const auto fault = [&](const char* code, Place at, std::string text, std::string hint) {
    found.push_back({Severity::error, code, source.file, at, "kind", std::move(text), std::move(hint),
                     line_of(source.text, at.line)});
    return std::nullopt;
  };
  const Value* kind = document->find("kind");
  if (kind == nullptr)
    return fault("missing-field", document->place, "this field is required", "add kind = \"Instance\"");
  if (!kind->is_string())
    return fault("wrong-type", kind->place, "must be a string", "for example kind = \"Instance\"");
  const std::string name = kind->as_string();
  for (const std::string& known : kind_names())
    if (name == known) return Manifest{std::move(source), std::move(*document), name};
  const auto near = nearest(name, kind_names());
  return fault("not-a-choice", kind->place, to_json(*kind) + " is not a kind",
               near ? "did you mean \"" + *near + "\"?" : "one of " + join(kind_names(), ", "));
}

}  // namespace orctl
