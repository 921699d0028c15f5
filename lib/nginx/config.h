#pragma once
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace orctl::nginx {

/// One argument of a directive. Equality is of what nginx gets to see.
struct Arg {
  std::string text;       ///< after quotes and backslashes
  bool variables = true;  ///< a `$` in it names a variable; false: `$` is meant literally (written ${orctl_dollar})
  bool operator==(const Arg&) const = default;
};

/// One directive of an nginx configuration, with its block.
struct Directive {
  std::string name;
  std::vector<Arg> args;
  std::vector<Directive> block;
  bool has_block = false;
  std::string lua;           ///< body of a *_by_lua_block, between its braces
  size_t line = 0, col = 0;  ///< from 1; 0 for one that was not read
  size_t lua_line = 0;       ///< where `lua` begins

  bool is_lua() const;
  bool operator==(const Directive& o) const {
    return name == o.name && args == o.args && has_block == o.has_block && block == o.block && lua == o.lua;
  }
};

using Config = std::vector<Directive>;

/// A fault with its place in the text (line and column from 1).
struct Fault : std::runtime_error {
  Fault(size_t at_line, size_t at_col, const std::string& text)
      : std::runtime_error(text), line(at_line), col(at_col) {}
  size_t line, col;
};

/// Reads a configuration as nginx does (ngx_conf_read_token), and the bodies of *_by_lua_block as ngx_lua does:
/// up to the brace that closes the block, past Lua's strings, long brackets and comments. Throws Fault.
Config parse(std::string_view text);

/// Writes a configuration so that nginx and parse() read the same tree back, whatever bytes the arguments hold.
/// A NUL or a line break in an argument throws Fault: no value that orctl renders has one.
std::string write(const Config& config);

/// One argument as text. `"` and `\` are escaped; a literal `$` becomes ${orctl_dollar}, which every rendered
/// http block defines by `geo`.
std::string quote(const Arg& arg);

/// How much a finding weighs.
enum class Weight {
  forbidden,  ///< no policy allows it
  risky,      ///< needs policy.risk = "high"
  unknown     ///< needs it too, as no table of directives has its name
};

/// A directive that a file laid over the tree may not hold everywhere, or a fault of its syntax.
struct Finding {
  size_t line = 0, col = 0;
  std::string text, hint;
  Weight weight = Weight::forbidden;
};

/// Holds a file laid over the tree against what is known of nginx's directives (directives.h). What it says nothing of
/// is safe under every policy.
std::vector<Finding> check_overlay(std::string_view text);

/// A piece of Lua inside a configuration, padded with empty lines so that its line numbers are the file's.
struct LuaChunk {
  size_t line = 0;
  std::string code;
};
std::vector<LuaChunk> lua_chunks(const Config& config);

}  // namespace orctl::nginx
