#include "answer/manifests.h"

namespace orctl {

Value manifest_item(const Instance& instance) {
  return Value(Value::Object{{"name", instance.name.str()}, {"file", instance.source.file}});
}

Value rendered_item(const std::string& name, const Rendered& rendered) {
  Value files = Value::array();
  for (const auto& [path, file] : rendered.tree) files.push(path);
  return Value(Value::Object{{"name", name}, {"digest", rendered.digest}, {"files", std::move(files)}});
}

}  // namespace orctl
