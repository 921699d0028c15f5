#include "model/instance.h"

namespace orctl {

Instance as_instance(const Value& spec) {
  Instance instance;
  instance.name = known_name(spec.at("name").as_string());
  instance.spec = spec;
  return instance;
}

}  // namespace orctl
