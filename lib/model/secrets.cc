#include "model/secrets.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <unordered_set>

#include "base/text.h"
#include "model/secret_views.h"
#include "model/secret_words.h"

namespace orctl {
namespace {

constexpr size_t longest_word = 1000;
constexpr const char* no_secret = "orctl:not-secret";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; }
bool is_base64(char c) {
  return is_letter(c) || is_digit(c) || c == '+' || c == '/' || c == '=' || c == '_' || c == '-';
}

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
    look_at_text();
    look_for_assignments();
    for (const View& view : views_of(text_)) {
      Line line(view.text, number_, found_);
      line.look_at_text();
      if (view.kind == View::Kind::spelled) line.look_for_assignments();
    }
  }

  /// What is a secret wherever it stands.
  void look_at_text() {
    look_for_private_key();
    for (const Prefix& p : prefixes) look_for(p);
    look_for_words();
    look_for_url();
    look_for_header();
    look_for_login();
    look_for_hash();
  }

  /// The armour of a private key, however it is indented and spaced.
  void look_for_private_key() {
    if (text_.starts_with("PuTTY-User-Key-File-")) add(0, "a private key");
    const size_t begin = text_.find("BEGIN"), words = begin == text_.npos ? begin : text_.find("PRIVATE", begin);
    if (words == text_.npos || words - begin > 40) return;
    const std::string_view before = text_.substr(0, begin);
    const size_t last = before.find_last_not_of(" \t");
    const std::string_view rest = text_.substr(words + 7);
    const size_t key = rest.find_first_not_of(" \t_");
    if (last != text_.npos && before[last] == '-' && key != rest.npos && rest.substr(key).starts_with("KEY"))
      add(begin, "a private key");
  }

 private:
  void add(size_t at, const std::string& what) {
    const bool known = !found_.empty() && found_.back().place.line == number_;
    if (!known) found_.push_back({{number_, static_cast<uint32_t>(characters(text_.substr(0, at)) + 1)}, what});
  }

  /// Past the characters from `at` on that are of a base64 word; a very long one has several ends.
  size_t word_end(size_t at) const {
    const size_t limit = std::min(text_.size(), at + longest_word);
    while (at < limit && is_base64(text_[at])) ++at;
    return at;
  }

  void look_for(const Prefix& p) {
    for (size_t at = text_.find(p.begin); at != std::string_view::npos; at = text_.find(p.begin, at + 1)) {
      const size_t begin = at + p.begin.size();
      const std::string_view word = text_.substr(begin, word_end(begin) - begin);
      const bool alone =
          at == 0 || p.begin.find('/') != p.begin.npos || !is_base64(text_[at - 1]) || text_[at - 1] == '=';
      if (alone && word.size() >= p.least && entropy(word) > 2) add(at, p.what);
    }
  }

  /// Words of base64: a key without its armour, the two parts of a JSON web token.
  void look_for_words() {
    for (size_t at = 0; at < text_.size();) {
      const size_t end = word_end(at);
      const std::string_view word = text_.substr(at, end - at);
      if (word.size() >= 40 && begins_as_key(word)) add(at, "a private key");
      const bool token = word.size() >= 12 && word.starts_with("eyJ") && text_.substr(end).starts_with(".eyJ");
      if (token && word_end(end + 1) - end > 12) add(at, "a JSON web token");
      at = end + 1;
    }
  }

  /// user:password@host, -u user:password, machine … login … password …, requirepass …
  void look_for_login() {
    for (const char* option : {"-u ", "--user ", "-u=", "--user="})
      if (const size_t at = text_.find(option); at != text_.npos && text_.find("curl") < at)
        look_at_pair(at + std::char_traits<char>::length(option));
    for (size_t at = text_.find('@'); at != text_.npos; at = text_.find('@', at + 1)) {
      const size_t first = at - std::min(at, longest_word / 4);
      const std::string_view before = text_.substr(first, at - first);
      const std::string_view after = text_.substr(at + 1, longest_word / 4);
      const size_t begin = before.find_last_of(" \t\"'=(/,<@");
      const std::string_view address = after.substr(0, after.find_first_of(" \t\"'/,>)@"));
      if (address.find_first_of(".(:") != address.npos) look_at_pair(begin == before.npos ? first : first + begin + 1);
    }
    for (const char* word : {"requirepass ", "masterauth "}) {
      const size_t at = text_.find(word);
      if (at == text_.npos || (at > 0 && is_word(text_[at - 1]))) continue;
      const size_t value = at + std::char_traits<char>::length(word);
      const std::string_view given = trim(text_.substr(value, text_.find_first_of(" \t;#", value) - value));
      if (!is_placeholder(std::string(given))) add(at, "a password");
    }
    const size_t machine = text_.find("machine ");
    if (machine == text_.npos) return;
    std::vector<std::string> words;
    for (const std::string& word : split(text_.substr(machine, longest_word), ' '))
      if (!word.empty()) words.push_back(word);
    if (words.size() >= 6 && words[2] == "login" && words[4] == "password" && !is_placeholder(words[5]))
      add(machine, "a password");
  }

  /// USER:PASSWORD at `begin`, where the password is one that a human or a machine made up.
  void look_at_pair(size_t begin) {
    std::string_view pair = text_.substr(begin, longest_word);
    pair = pair.substr(0, pair.find_first_of(" \t\"'@;,"));
    const size_t colon = pair.find(':');
    if (colon == pair.npos || colon == 0 ||
        !std::all_of(pair.begin(), pair.begin() + static_cast<long>(colon),
                     [](char c) { return is_word(c) || c == '.'; }))
      return;
    const std::string password(pair.substr(colon + 1));
    const bool digits = std::any_of(password.begin(), password.end(), is_digit);
    const bool letters_too = std::any_of(password.begin(), password.end(), is_letter);
    if (password.size() >= 6 && digits && letters_too && password.find_first_of("[]()\\:") == password.npos &&
        !is_placeholder(password))
      add(begin, "a password");
  }

  void look_for_hash() {
    for (const std::string_view begin : hash_begins)
      for (size_t at = text_.find(begin); at != text_.npos; at = text_.find(begin, at + 1)) {
        const size_t start = at + begin.size();
        size_t end = start;
        while (end < text_.size() &&
               (is_base64(text_[end]) || text_[end] == '.' || text_[end] == '$' || text_[end] == ','))
          ++end;
        if (end - start >= 20 && entropy(text_.substr(start, end - start)) > 3) add(at, "the hash of a password");
      }
  }

  /// scheme://user:password@host, scheme://token@host
  void look_for_url() {
    for (size_t at = text_.find("://"); at != std::string_view::npos; at = text_.find("://", at + 3)) {
      const std::string_view rest = text_.substr(at + 3);
      const std::string_view authority = rest.substr(0, rest.find_first_of("/ \t\"'<>)`?#"));
      const size_t host = authority.rfind('@'), colon = authority.find(':');
      if (host == std::string_view::npos) continue;
      if (colon > host) {
        if (is_random(authority.substr(0, host))) add(at + 3, "a token in a URL");
        continue;
      }
      if (!is_placeholder(std::string(authority.substr(colon + 1, host - colon - 1))))
        add(at + 3, "a password in a URL");
    }
  }

  void look_for_header() {
    const std::string line = lower(std::string(text_));
    const size_t header = line.find("authorization");
    for (const auto& [scheme, least] : {std::pair("basic ", size_t{8}), std::pair("bearer ", size_t{20}),
                                        std::pair("token ", size_t{20}), std::pair("apikey ", size_t{16})})
      for (size_t at = line.find(scheme); at != std::string::npos; at = line.find(scheme, at + 1)) {
        const size_t begin = at + std::char_traits<char>::length(scheme);
        const std::string_view word = text_.substr(begin, word_end(begin) - begin);
        const bool named = header < at && word.size() >= least && entropy(word) > 2.5;
        if (named || (*scheme == 'b' && is_login(word))) add(begin, "credentials of a header");
      }
  }

  /// Whether base64 holds USER:PASSWORD.
  static bool is_login(std::string_view word) {
    const std::string login = from_base64(word);
    const size_t colon = login.find(':');
    return word.size() >= 12 && word.size() % 4 == 0 && colon != std::string::npos && colon > 0 &&
           colon + 1 < login.size() &&
           std::all_of(login.begin(), login.end(), [](char c) { return c > ' ' && c < 0x7f; });
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
      const bool pass = name.ends_with("pass") &&
                        (name == "pass" || text_.substr(at, end - at).find_first_of("_-") != text_.npos) &&
                        !ends_with_one(name, passes);
      const bool password = pass || ends_with_one(name, password_names);
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

namespace {

/// Keys whose armour, or whose base64, is joined from strings of several lines.
void look_over_lines(std::string_view text, std::vector<FoundSecret>& found) {
  if (!joins_strings(text)) return;
  std::vector<uint32_t> lines;
  const std::string joined = joined_strings(text, lines);
  for (size_t at = 0; at < joined.size();) {
    const size_t end = std::min(joined.find('\n', at), joined.size());
    if (at < end && lines[at] != lines[end - 1])
      Line(std::string_view(joined).substr(at, end - at), lines[at], found).look();
    at = end + 1;
  }
}

/// The private members of a JSON web key.
void look_for_web_key(std::string_view text, std::vector<FoundSecret>& found) {
  if (text.find("\"kty\"") == std::string_view::npos) return;
  for (const char* member : {"\"d\"", "\"k\"", "\"p\"", "\"q\""}) {
    const size_t at = text.find(member);
    if (at == std::string_view::npos) continue;
    const size_t value = text.find_first_not_of(" \t\r\n:", at + 3);
    if (value == std::string_view::npos || text[value] != '"') continue;
    size_t end = value + 1;
    while (end < text.size() && is_base64(text[end])) ++end;
    if (end - value < 17) continue;
    const auto line = static_cast<uint32_t>(std::count(text.begin(), text.begin() + static_cast<long>(at), '\n') + 1);
    found.push_back({{line, 1}, "a private key"});
  }
}

/// Each line once, in order, and none that says that it holds no secret.
std::vector<FoundSecret> in_order(std::string_view text, std::vector<FoundSecret> found) {
  if (found.empty()) return found;
  std::stable_sort(found.begin(), found.end(),
                   [](const FoundSecret& a, const FoundSecret& b) { return a.place.line < b.place.line; });
  found.erase(std::unique(found.begin(), found.end(),
                          [](const FoundSecret& a, const FoundSecret& b) { return a.place.line == b.place.line; }),
              found.end());
  uint32_t line = 1;
  std::set<uint32_t> marked;
  for (size_t at = 0; (at = text.find_first_of("\no", at)) != std::string_view::npos; ++at)
    if (text[at] == '\n')
      ++line;
    else if (text.substr(at).starts_with(no_secret))
      marked.insert(line);
  std::erase_if(found, [&](const FoundSecret& s) { return marked.contains(s.place.line); });
  return found;
}

}  // namespace

std::vector<FoundSecret> find_secrets(std::string_view text) {
  const std::string_view all = text;
  std::vector<FoundSecret> found;
  std::unordered_set<std::string_view> clean;  // a large manifest says most of its lines many times over
  for (uint32_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size()), before = found.size();
    const std::string_view line = text.substr(0, end);
    if (!clean.contains(line)) Line(line, number, found).look();
    if (found.size() == before) clean.insert(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  look_over_lines(all, found);
  look_for_web_key(all, found);
  return in_order(all, std::move(found));
}

}  // namespace orctl
