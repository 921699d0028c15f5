#pragma once
#include <regex.h>

#include <stdexcept>
#include <string>

#include "model/schema.h"

namespace orctl {

/// A compiled POSIX extended regular expression, as schemas write it.
struct Schema::Node::Pattern {
  explicit Pattern(const std::string& text) {
    if (regcomp(&compiled, text.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
      throw std::logic_error("schema: bad pattern " + text);
  }
  ~Pattern() { regfree(&compiled); }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  bool matches(const std::string& text) const {
    // glibc reads the range from pmatch even with REG_NOSUB; without it a NUL would end the text early
    regmatch_t range{0, static_cast<regoff_t>(text.size())};
    return regexec(&compiled, text.data(), 0, &range, REG_STARTEND) == 0;
  }
  regex_t compiled{};
};

}  // namespace orctl
