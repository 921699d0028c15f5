#pragma once
#include <string>
#include <string_view>

#include "base/error.h"

namespace orctl {

/// A fault of an expression on the command line: Error(Exit::usage) that shows `text` with a caret below byte `at`.
Error syntax_error(std::string_view text, size_t at, const std::string& fault, const std::string& hint = {});

}  // namespace orctl
