#pragma once
#include <string>

#include "model/instance.h"
#include "model/value.h"
#include "render/render.h"

namespace orctl {

/// An instance that a manifest describes, and the file that does.
Value manifest_item(const Object& object);

/// The files that an instance's manifest becomes.
Value rendered_item(const std::string& name, const Rendered& rendered);

}  // namespace orctl
