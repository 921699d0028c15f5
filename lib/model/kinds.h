#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/diagnostic.h"
#include "model/name.h"
#include "model/read.h"
#include "model/value.h"

namespace orctl {

/// One manifest as it was read; `kind` is one of kind_names().
struct Manifest {
  Source source;
  Value document;
  std::string kind;
};

/// "Instance", "Fleet". The schema of a kind is its name in lower case.
const std::vector<std::string>& kind_names();

/// Reads a manifest and finds its kind; faults go to `found`.
std::optional<Manifest> read_manifest(Source source, Diagnostics& found);

/// What a Fleet gives to its instances where they do not say it themselves, as it stands in its file.
struct Defaults {
  Source source;
  Value values;  ///< members labels, layout, nginx as an instance has them
};

/// What the instances of one folder have in common.
struct Fleet {
  std::string file;
  NameRules rules;
  std::shared_ptr<const Defaults> defaults = {};  ///< nullptr: none
};

std::optional<Fleet> make_fleet(const Manifest& manifest, Diagnostics& found);

/// One instance as it is meant to be.
struct Instance {
  Name name;
  Value spec;     ///< the manifest with the fleet's and the schema's defaults; canonical: equal meaning, equal value
  Source source;  ///< the manifest as written
  std::shared_ptr<const Defaults> given = {};  ///< by its Fleet

  const Value::Array& list(std::string_view field) const { return spec.at(field).items(); }
};

/// Checks everything that one manifest can say about one instance; nullopt when there is an error.
/// Warnings do not stop it.
std::optional<Instance> make_instance(Manifest manifest, const Fleet* fleet, Diagnostics& found);

/// Checks what several instances must agree on: unique names and env_module_seq, addresses and ports.
void check_together(const std::vector<const Instance*>& instances, Diagnostics& found);

}  // namespace orctl
