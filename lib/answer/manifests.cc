#include "answer/manifests.h"

namespace orctl {

Value manifest_item(const Object& object) {
  return Value(Value::Object{{"name", id_of(object.spec)}, {"file", object.source.file}});
}

Value rendered_item(const std::string& name, const Rendered& rendered) {
  Value files = Value::array();
  for (const auto& [path, file] : rendered.tree) files.push(path);
  return Value(Value::Object{{"name", name}, {"digest", rendered.digest}, {"files", std::move(files)}});
}

}  // namespace orctl
