#pragma once
#include <string>
#include <vector>

#include "model/value.h"

namespace orctl {

enum class Severity { error, warning };

/// One fault of a manifest, as a value: all of them are collected and shown, not the first.
struct Diagnostic {
  Severity severity = Severity::error;
  std::string code;  ///< stable, e.g. "unknown-field"
  std::string file;  ///< as the user named it; "-" is standard input; empty: no file
  Place place{};
  std::string field;        ///< e.g. "upstream[0].server[1].weight"
  std::string text;         ///< what is wrong
  std::string hint;         ///< the command or value to use
  std::string source_line;  ///< the line at `place`, for the caret; empty when there is none
};

using Diagnostics = std::vector<Diagnostic>;

/// So many faults of one manifest are told; more would help nobody.
inline constexpr size_t max_faults = 1000;

bool has_errors(const Diagnostics& all);

/// `error: FILE:LINE:COL: field: text`, the source line with a caret, `hint: …`; each line ends in \n.
std::string to_text(const Diagnostic& d);

/// {"code","message","severity","file","line","column","field","hint"}, empty ones left out.
Value to_value(const Diagnostic& d);

}  // namespace orctl
