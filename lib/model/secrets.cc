#include "model/secrets.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "base/text.h"

namespace orctl {
namespace {

constexpr const char* no_secret = "orctl:not-secret";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; }
bool is_base64(char c) {
  return is_letter(c) || is_digit(c) || c == '+' || c == '/' || c == '=' || c == '_' || c == '-';
}

/// How keys of services begin, and how many characters of a word follow at least.
struct Prefix {
  std::string_view begin;
  size_t least;
  const char* what;
};
constexpr std::array<Prefix, 26> prefixes = {{{"AKIA", 16, "an AWS access key"},
                                              {"ASIA", 16, "an AWS access key"},
                                              {"AIza", 35, "a Google API key"},
                                              {"ya29.", 20, "a Google access token"},
                                              {"ghp_", 36, "a GitHub token"},
                                              {"gho_", 36, "a GitHub token"},
                                              {"ghu_", 36, "a GitHub token"},
                                              {"ghs_", 36, "a GitHub token"},
                                              {"ghr_", 36, "a GitHub token"},
                                              {"github_pat_", 22, "a GitHub token"},
                                              {"glpat-", 20, "a GitLab token"},
                                              {"xoxb-", 10, "a Slack token"},
                                              {"xoxp-", 10, "a Slack token"},
                                              {"xoxa-", 10, "a Slack token"},
                                              {"xoxs-", 10, "a Slack token"},
                                              {"sk_live_", 16, "a Stripe key"},
                                              {"rk_live_", 16, "a Stripe key"},
                                              {"sk-ant-", 20, "an API key"},
                                              {"sk-proj-", 20, "an API key"},
                                              {"SG.", 16, "a SendGrid key"},
                                              {"npm_", 36, "an npm token"},
                                              {"hvs.", 20, "a Vault token"},
                                              {"dop_v1_", 40, "a DigitalOcean token"},
                                              {"AGE-SECRET-KEY-1", 20, "a private key"},
                                              {"AccountKey=", 40, "an Azure storage key"},
                                              {"eyJhbGciOi", 8, "a JSON web token"}}};

constexpr std::array<std::string_view, 4> password_names = {"password", "passwd", "passphrase", "pwd"};
constexpr std::array<std::string_view, 10> key_names = {"token",      "secret",     "apikey",     "accesskey",
                                                        "secretkey",  "authkey",    "signingkey", "encryptionkey",
                                                        "privatekey", "credentials"};

template <size_t N>
bool ends_with_one(const std::string& name, const std::array<std::string_view, N>& ends) {
  return std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return name.ends_with(end); });
}

/// "X-Api_Key" -> "xapikey".
std::string bare_name(std::string_view name) {
  std::string out;
  for (const char c : lower(std::string(name)))
    if (c != '_' && c != '-') out += c;
  return out;
}

/// Bits of information in a character of `text`, by how often each occurs in it.
double entropy(std::string_view text) {
  std::map<char, double> counts;
  for (const char c : text) ++counts[c];
  double bits = 0;
  for (const auto& [c, n] : counts)
    bits -= n / static_cast<double>(text.size()) * std::log2(n / static_cast<double>(text.size()));
  return bits;
}

/// Whether it was drawn by chance and not written by a human.
bool is_random(std::string_view text) {
  constexpr size_t shortest = 16;
  constexpr double bits = 3.2;
  return text.size() >= shortest &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_base64(c) || c == '.' || c == '~'; }) &&
         std::any_of(text.begin(), text.end(), is_digit) && std::any_of(text.begin(), text.end(), is_letter) &&
         entropy(text) >= bits;
}

/// Values that stand for a secret without being one.
bool is_placeholder(const std::string& value) {
  static const std::set<std::string> known = {"true",     "false",
                                              "null",     "none",
                                              "nil",      "on",
                                              "off",      "string",
                                              "required", "secret",
                                              "token",    "pass",
                                              "changeme", "change-me",
                                              "example",  "redacted",
                                              "password", "passwd",
                                              "passwort", "hidden",
                                              "default",  "default_password",
                                              "yes",      "no"};
  const std::string word = lower(value);
  const bool one_character = word.find_first_not_of(word.substr(0, 1)) == std::string::npos;
  return value.size() < 4 || known.contains(word) || one_character ||
         std::string_view("/.~$<{%*@").find(value[0]) != std::string_view::npos ||
         value.find("${") != std::string::npos || value.find("{{") != std::string::npos || word.starts_with("your") ||
         word.find("_file") != std::string::npos;
}

/// One line of a text, looked at from its front.
class Line {
 public:
  Line(std::string_view text, uint32_t number, std::vector<FoundSecret>& found)
      : text_(text), number_(number), found_(found) {}

  void look() {
    if (text_.find(no_secret) != std::string_view::npos) return;
    const size_t begin = text_.find("-----BEGIN ");
    for (const char* words : {"PRIVATE KEY-----", "PRIVATE KEY BLOCK-----"})
      if (begin != text_.npos && text_.find(words, begin) != text_.npos) add(begin, "a private key");
    if (text_.starts_with("PuTTY-User-Key-File-")) add(0, "a private key");
    for (const Prefix& p : prefixes) look_for(p);
    look_for_url();
    look_for_header();
    look_for_assignments();
  }

 private:
  void add(size_t at, const std::string& what) {
    const bool known = !found_.empty() && found_.back().place.line == number_;
    if (!known) found_.push_back({{number_, static_cast<uint32_t>(characters(text_.substr(0, at)) + 1)}, what});
  }

  /// Past the characters from `at` on that are of a base64 word.
  size_t word_end(size_t at) const {
    while (at < text_.size() && is_base64(text_[at])) ++at;
    return at;
  }

  void look_for(const Prefix& p) {
    for (size_t at = text_.find(p.begin); at != std::string_view::npos; at = text_.find(p.begin, at + 1)) {
      const size_t begin = at + p.begin.size();
      const std::string_view word = text_.substr(begin, word_end(begin) - begin);
      const bool alone = at == 0 || !is_base64(text_[at - 1]) || text_[at - 1] == '=';
      if (alone && word.size() >= p.least && entropy(word) > 2) add(at, p.what);
    }
  }

  /// scheme://user:password@host
  void look_for_url() {
    for (size_t at = text_.find("://"); at != std::string_view::npos; at = text_.find("://", at + 3)) {
      const std::string_view rest = text_.substr(at + 3);
      const std::string_view authority = rest.substr(0, rest.find_first_of("/ \t\"'<>)`?#"));
      const size_t host = authority.rfind('@'), colon = authority.find(':');
      if (host == std::string_view::npos || colon == std::string_view::npos || colon > host) continue;
      if (!is_placeholder(std::string(authority.substr(colon + 1, host - colon - 1))))
        add(at + 3, "a password in a URL");
    }
  }

  void look_for_header() {
    if (text_.find("uthorization") == text_.npos && text_.find("UTHORIZATION") == text_.npos) return;
    const std::string line = lower(std::string(text_));
    for (const auto& [scheme, least] : {std::pair("basic ", size_t{8}), std::pair("bearer ", size_t{20})}) {
      const size_t at = line.find(scheme);
      if (at == std::string::npos) continue;
      const size_t begin = at + std::char_traits<char>::length(scheme);
      const std::string_view word = text_.substr(begin, word_end(begin) - begin);
      if (word.size() >= least && entropy(word) > 2.5) add(begin, "credentials of a header");
    }
  }

  void look_for_assignments() {
    for (size_t at = 0; at < text_.size();) {
      if (!is_word(text_[at])) {
        ++at;
        continue;
      }
      size_t end = at;
      while (end < text_.size() && is_word(text_[end])) ++end;
      const std::string name = bare_name(text_.substr(at, end - at));
      const bool password = ends_with_one(name, password_names);
      if (password || ends_with_one(name, key_names)) look_at_value(at, end, password);
      at = end;
    }
  }

  /// The value behind a name that ends at `at`: `name = "value"`, `"name": "value"`, `name value;`.
  void look_at_value(size_t name, size_t at, bool password) {
    const auto skip = [&](std::string_view characters) {
      const size_t begin = at;
      while (at < text_.size() && characters.find(text_[at]) != std::string_view::npos) ++at;
      return at > begin;
    };
    skip("\"']");
    const bool gap = skip(" \t");
    const bool assigned = skip("=:>");
    skip(" \t");
    if ((!gap && !assigned) || at >= text_.size()) return;
    const char quote = text_[at];
    const bool quoted = quote == '"' || quote == '\'';
    const size_t begin = quoted ? at + 1 : at;
    const size_t stop = quoted ? text_.find(quote, begin) : text_.find_first_of(" \t;,)}\"'", begin);
    const std::string value(text_.substr(begin, std::min(stop, text_.size()) - begin));
    if ((quoted && stop == std::string_view::npos) || is_placeholder(value)) return;
    if (quoted && trim(text_.substr(stop + 1)).starts_with("..")) return;  // a piece of what Lua puts together
    if (is_random(value) || (password && (assigned || quoted) && is_password(value, quoted, assigned)))
      add(name, password ? "a password" : "a secret");
  }

  /// A literal that a human may have chosen; code has calls, patterns and names in that place, and prose has words.
  static bool is_password(const std::string& value, bool quoted, bool assigned) {
    const bool digits = std::any_of(value.begin(), value.end(), is_digit);
    if (value.find_first_of(" \t") != std::string::npos || (!assigned && !digits)) return false;
    if (quoted) return digits || value.find_first_of("[]()\\|") == std::string::npos;
    const bool visible = std::all_of(value.begin(), value.end(), [](char c) {
      return is_word(c) || std::string_view("!@#%^&*+?").find(c) != std::string_view::npos;
    });
    return value.size() >= 6 && visible && digits && std::any_of(value.begin(), value.end(), is_letter);
  }

  std::string_view text_;
  uint32_t number_;
  std::vector<FoundSecret>& found_;
};

}  // namespace

std::vector<FoundSecret> find_secrets(std::string_view text) {
  std::vector<FoundSecret> found;
  for (uint32_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    Line(text.substr(0, end), number, found).look();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

}  // namespace orctl
