#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "nginx/config.h"

namespace orctl::nginx {

/// How the arguments of a directive fit the kinds that its rule names.
struct Fit {
  enum class Verdict {
    fits,
    odd,     ///< another kind of value, or a very large one
    reaches  ///< a file, a socket or a variable that no overlay may name
  };
  Verdict verdict = Verdict::fits;
  std::string text;  ///< what is wrong, behind the directive's quoted name
  const char* hint = "";
};

/// Holds arguments against kinds (see Group::args): flag, num, size, time, name, zone (NAME:SIZE), word (no variable),
/// text (anything), off, path (inside the tree), addr (no unix socket), uri (no ".."), field (a header that the gateway
/// does not set itself), newvar (a variable that is none of the gateway's or the request's), cond (of `if`), conf (a
/// command of OpenSSL and its value).
Fit fit_of(std::string_view kinds, const std::vector<Arg>& args);

/// What any argument may be a regular expression for, whatever its directive: named captures set the variables of their
/// names. Those of the gateway are out of reach, and those of the request odd, as with newvar.
Fit fit_captures(std::string_view text);

/// Whether an argument of a directive that orctl does not know may name a file or a socket outside the tree.
bool looks_outside(std::string_view text);

}  // namespace orctl::nginx
