#pragma once
#include <optional>
#include <string>

#include "kind/kind.h"
#include "model/diagnostic.h"
#include "model/object.h"
#include "model/read.h"
#include "model/value.h"

namespace orctl {

/// One manifest as it was read; `kind` is one of kind_names().
struct Manifest {
  Source source;
  Value document;
  std::string kind;
};

/// Reads a manifest and finds its kind; faults go to `found`.
std::optional<Manifest> read_manifest(Source source, Diagnostics& found);

/// The object of a manifest whose kind lives in files, checked by its schema and its kind; nullopt when there is an
/// error.
std::optional<Object> make_object(Manifest manifest, Diagnostics& found);

/// Checks what the objects of each kind must agree upon: names that are unique, and what the kind itself says.
void check_together(const std::vector<const Object*>& objects, Diagnostics& found);

}  // namespace orctl
