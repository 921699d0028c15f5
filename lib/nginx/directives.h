#pragma once
#include <string_view>
#include <vector>

namespace orctl::nginx {

/// What a directive in an overlay may cost the host.
enum class Level {
  safe,  ///< changes only how the instance answers its own requests
  high,  ///< needs policy.risk = "high"
  never  ///< refused under every policy
};

/// Why a directive is not safe, behind its quoted name, and what to do instead.
struct Why {
  const char* text;
  const char* hint;
};

/// Directives that share a rule. `names` is separated by blanks; {a,b}_c stands for a_c and b_c. `args` is the kind of
/// each argument, see fit_of(); `|` separates alternatives, and the last of one may end with ?, * or +.
struct Group {
  Level level;
  const char* args;
  const Why* why;  ///< nullptr for what is safe
  const char* names;
};

extern const std::vector<Group> http_directives, proxy_directives, tls_directives, other_directives;

/// What is known of one directive.
struct Rule {
  Level level;
  std::string_view args;
  const Why* why;
};

/// The rule for a directive of nginx or ngx_lua; nullptr for one that none of these has.
const Rule* find_rule(std::string_view name);

/// The known name that is nearest to a mistyped one; empty when none is near.
std::string_view known_name_near(std::string_view name);

// Reasons that several tables give.
extern const Why sends, code, changes_gateway;

}  // namespace orctl::nginx
