#pragma once
#include <string>

#include "model/instance.h"
#include "plan/plan.h"

namespace orctl {

/// A manifest that gives a document, as spec and as text.
struct AdoptedManifest {
  Value spec;
  std::string name, text;  ///< as Version has them
};

/// The manifest of `stored` with the upstreams and routes that `document` has. Its text is edited where only servers
/// and weights differ and its style allows that, and else written anew as JSON. Exit::guard when the fields of a
/// manifest cannot say what the document does.
AdoptedManifest manifest_of_document(const std::string& instance, const Version& stored, const std::string& document);

/// `spec` checked as a manifest; its name was checked by the fleet it came from, which the store does not hold.
/// Exit::refused, with `refusal` before the fault, when it is none.
Instance checked_instance(const Value& spec, const std::string& name, const std::string& refusal);

}  // namespace orctl
