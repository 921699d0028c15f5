// Of config.h: the parser.
#include "nginx/config.h"

namespace orctl::nginx {
namespace {

constexpr int max_nesting = 32;

/// ngx_lua reads a block 4,096 bytes at a time, at least half of them ahead; a string, a comment or a bracket that lies
/// across the end of them is lost on it, and with it the end of the block.
constexpr size_t longest_lua_stretch = 2000;

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Config run() {
    Config top = block(0);
    if (at_ < text_.size()) fail("unexpected '}'");
    return top;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw Fault(line_, col_, what); }
  bool done() const { return at_ >= text_.size(); }
  char peek() const { return text_[at_]; }
  char take() {
    const char c = text_[at_++];
    if (c == '\n')
      ++line_, col_ = 1;
    else
      ++col_;
    return c;
  }

  void skip_blanks() {
    while (!done()) {
      if (blank(peek()))
        take();
      else if (peek() == '#')
        while (!done() && peek() != '\n') take();
      else
        return;
    }
  }

  Config block(int depth) {
    if (depth > max_nesting) fail("blocks are nested too deep");
    Config out;
    for (;;) {
      skip_blanks();
      if (done() || peek() == '}') return out;
      out.push_back(directive(depth));
    }
  }

  Directive directive(int depth) {
    Directive d;
    d.line = line_;
    d.col = col_;
    if (peek() == ';' || peek() == '{') fail(std::string("unexpected '") + peek() + "'");
    d.name = token().text;
    for (;;) {
      skip_blanks();
      if (done()) fail("'" + d.name + "' is not ended by ';'");
      if (peek() == ';') {
        take();
        return d;
      }
      if (peek() == '}') fail("unexpected '}' in '" + d.name + "'");
      if (peek() == '{') {
        take();
        d.has_block = true;
        if (d.is_lua()) {
          d.lua_line = line_;
          d.lua = lua_body();
          return d;
        }
        d.block = block(depth + 1);
        if (done()) fail("the block of '" + d.name + "' is not closed");
        take();
        return d;
      }
      d.args.push_back(token());
    }
  }

  Arg token() {
    Arg arg;
    const char quote = peek() == '"' || peek() == '\'' ? take() : '\0';
    if (quote != '\0') {
      while (!done() && peek() != quote) arg.text += character();
      if (done()) fail("a quoted string is not closed");
      take();
      if (!done() && !blank(peek()) && peek() != ';' && peek() != '{' && peek() != ')')
        fail(std::string("unexpected '") + peek() + "' after a quoted string");
      return arg;
    }
    for (bool variable = false; !done() && !blank(peek()) && peek() != ';';) {
      if (peek() == '{' && !variable) break;
      if (peek() != '{') variable = peek() == '$';  // no brace behind a "$" opens a block, however many there are
      arg.text += character();
    }
    return arg;
  }

  /// One character of a token. nginx drops the backslash only before quotes, backslash, t, r and n.
  std::string character() {
    const char c = take();
    if (c != '\\' || done()) return std::string(1, c);
    const char escaped = take();
    switch (escaped) {
      case '"':
      case '\'':
      case '\\':
        return std::string(1, escaped);
      case 't':
        return "\t";
      case 'r':
        return "\r";
      case 'n':
        return "\n";
      default:
        return std::string{'\\', escaped};
    }
  }

  std::string lua_body() {
    const size_t start = at_;
    size_t token_end = at_;
    for (int depth = 1; depth > 0;) {
      if (done()) fail("a Lua block is not closed");
      const char c = peek();
      if (c == '"' || c == '\'')
        lua_string();
      else if (c == '-' && text_.substr(at_, 2) == "--")
        lua_comment();
      else if (c == '[' && long_bracket() >= 0)
        lua_long(long_bracket());
      else if (take(); c == '{' || c == '}')
        depth += c == '{' ? 1 : -1;
      else
        continue;
      if (at_ - token_end > longest_lua_stretch)
        fail("a Lua block is too long to be sure of; put it into lua/NAME.lua");
      token_end = at_;
    }
    return std::string(text_.substr(start, at_ - start - 1));
  }
  void lua_string() {
    const char quote = take();
    while (!done() && peek() != quote && peek() != '\n') {
      if (take() == '\\' && !done() && peek() != '\n') take();
    }
    if (done() || peek() == '\n') fail("a Lua string is not closed");  // nginx takes such a quote for nothing at all
    take();
  }
  void lua_comment() {
    take(), take();
    if (!done() && peek() == '[' && long_bracket() >= 0) return lua_long(long_bracket());
    while (!done() && peek() != '\n') take();
  }
  /// Number of `=` if a long bracket opens here, -1 otherwise.
  int long_bracket() const {
    size_t p = at_ + 1;
    while (p < text_.size() && text_[p] == '=') ++p;
    return p < text_.size() && text_[p] == '[' ? static_cast<int>(p - at_ - 1) : -1;
  }
  void lua_long(int level) {
    const std::string close = "]" + std::string(static_cast<size_t>(level), '=') + "]";
    while (!done() && text_.substr(at_, close.size()) != close) take();
    if (done()) fail("a long Lua bracket is not closed");
    for (size_t i = 0; i < close.size(); ++i) take();
  }

  std::string_view text_;
  size_t at_ = 0, line_ = 1, col_ = 1;
};

}  // namespace

bool Directive::is_lua() const { return has_block && name.ends_with("_by_lua_block"); }

Config parse(std::string_view text) { return Parser(text).run(); }

}  // namespace orctl::nginx
