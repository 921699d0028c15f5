#pragma once
#include <string>

#include "model/value.h"

namespace orctl {

/// Where `place` is in the text of a document, in bytes; npos when it is not.
size_t offset_of(const std::string& text, Place place);

/// Past the string of TOML or JSON whose quotes begin at `at`.
size_t string_end(const std::string& text, size_t at);

}  // namespace orctl
