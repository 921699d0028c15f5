#include "nginx/arguments.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"

namespace orctl::nginx {
namespace {

using Verdict = Fit::Verdict;

constexpr const char* certs_hint =
    "put the file into certs/ and name it by its path in the tree, for example certs/site.pem";

/// Commands of SSL_CONF_cmd() that take no file.
constexpr std::array<std::string_view, 16> tls_commands = {"ciphersuites",
                                                           "cipherstring",
                                                           "options",
                                                           "minprotocol",
                                                           "maxprotocol",
                                                           "protocol",
                                                           "curves",
                                                           "groups",
                                                           "ecdhparameters",
                                                           "signaturealgorithms",
                                                           "clientsignaturealgorithms",
                                                           "numtickets",
                                                           "recordpadding",
                                                           "verifymode",
                                                           "asynccipher",
                                                           "ktlstxzerocopysendfile"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool has_variable(std::string_view text) { return text.find('$') != std::string_view::npos; }
bool starts_unix(std::string_view text) { return lower(std::string(text)).find("unix:") != std::string::npos; }

/// A path that stays in the tree: relative, without "..", and of the characters that names of overlay files have, so
/// without a variable, a quote, or a prefix (engine:, store:, data:, syslog:) that makes it something else.
bool inside_tree(std::string_view path) {
  return !path.empty() && path[0] != '/' && path.find("..") == std::string_view::npos &&
         std::all_of(path.begin(), path.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-' || c == '/';
         });
}

/// "64k", "1m": at most `largest` bytes; -1 stands for what is no size.
double bytes_of(std::string_view text) {
  const std::string unit = text.empty() ? "" : lower(std::string(1, text.back()));
  const size_t shift = unit == "k" ? 10 : unit == "m" ? 20 : unit == "g" ? 30 : 0;
  if (shift != 0) text.remove_suffix(1);
  if (text.empty() || text.size() > 15 || !std::all_of(text.begin(), text.end(), is_digit)) return -1;
  return std::stod(std::string(text)) * static_cast<double>(size_t{1} << shift);
}

bool is_size(std::string_view text, double largest) {
  const double bytes = bytes_of(text);
  return bytes >= 0 && bytes <= largest;
}

constexpr double largest_buffer = 1 << 30, largest_zone = 256 << 20, largest_number = 1000000;

bool is_zone(std::string_view text) {
  if (text.starts_with("zone=")) text.remove_prefix(5);
  const size_t colon = text.find(':');
  return colon != 0 && !has_variable(text) &&
         (colon == std::string_view::npos || is_size(text.substr(colon + 1), largest_zone));
}

bool is_time(std::string_view text) {
  return text == "off" ||
         (!text.empty() && is_digit(text[0]) && text.find_first_not_of("0123456789smhdwMy ") == std::string_view::npos);
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > ' ' && c < 0x7f && c != '$' && c != ':' && c != '"';
  });
}

bool is_ours(std::string_view variable) { return lower(std::string(variable)).starts_with("orctl_"); }

/// Whether nginx itself makes this variable of a request: the gateway decides by them.
bool is_of_request(std::string_view variable) {
  const std::string name = lower(std::string(variable));
  static constexpr std::array<std::string_view, 6> prefixes = {"http_", "sent_",   "upstream_",
                                                               "arg_",  "cookie_", "ssl_"};
  static constexpr std::array<std::string_view, 22> names = {
      "host",        "uri",        "request_uri",     "request",        "scheme",
      "https",       "args",       "server_protocol", "request_method", "is_args",
      "remote_addr", "request_id", "content_length",  "content_type",   "binary_remote_addr",
      "server_name", "status",     "server_port",     "remote_user",    "proxy_add_x_forwarded_for",
      "proxy_host",  "proxy_port"};
  return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) { return name.starts_with(p); }) ||
         std::find(names.begin(), names.end(), name) != names.end();
}

Fit odd(const std::string& text, const char* wanted) {
  return {Verdict::odd, "has '" + text + "' where it takes " + wanted, "see nginx's documentation of it"};
}

Fit fit_path(const std::string& text) {
  if (inside_tree(text)) return {};
  return {Verdict::reaches, "reads a file from outside the tree", certs_hint};
}

Fit fit_new_variable(const std::string& text) {
  if (text.empty() || text[0] != '$') return odd(text, "the name of a variable");
  const bool braces = text.size() > 1 && text[1] == '{';
  const std::string_view name = std::string_view(text).substr(braces ? 2 : 1);
  if (is_of_request(name))
    return {Verdict::odd, "sets '" + text + "', a variable of the request", "give it another name"};
  if (!is_ours(name)) return {};
  return {Verdict::reaches, "sets '" + text + "', a variable of the gateway", "give it another name"};
}

Fit fit_address(const std::string& text) {
  if (!starts_unix(text)) return {};
  return {Verdict::reaches, "names a unix socket of the host", "let both ends use an address"};
}

Fit fit_uri(const std::string& text) {
  if (text.find("..") == std::string::npos) return {};
  return {Verdict::reaches, "leads out of the folder with '..'", "write the path without it"};
}

Fit fit_word(const std::string& text, std::string_view kind) {
  if (kind == "flag") return text == "on" || text == "off" ? Fit{} : odd(text, "on or off");
  if (kind == "size") return text == "off" || is_size(text, largest_buffer) ? Fit{} : odd(text, "at most 1g");
  if (kind == "time") return is_time(text) ? Fit{} : odd(text, "a time");
  if (kind == "zone") return is_zone(text) ? Fit{} : odd(text, "a zone of at most 256m");
  if (kind == "name") return is_name(text) ? Fit{} : odd(text, "a name");
  if (kind == "word") return has_variable(text) ? odd(text, "a word without variables") : Fit{};
  const std::string_view digits = text.starts_with('-') ? std::string_view(text).substr(1) : text;
  return is_size(digits, largest_number) && is_digit(digits.back()) ? Fit{} : odd(text, "a number up to 1000000");
}

/// Fields that say where a request goes and where it ends are the gateway's to set: a second one, or another value, is
/// a way past its routes.
Fit fit_field(const std::string& text) {
  static constexpr std::array framing = {
      "host", "connection",     "upgrade",        "transfer-encoding", "trailer",
      "te",   "content-length", "http2-settings", "keep-alive",        "proxy-connection"};
  const std::string name = lower(text);
  const bool sender = name == "x-real-ip" || name == "forwarded" || name.starts_with("x-forwarded-");
  if (!sender && std::find(framing.begin(), framing.end(), name) == framing.end()) return fit_word(text, "name");
  return {Verdict::odd, "sets '" + text + "', which the gateway itself sets", "leave it to the route"};
}

/// One argument of a kind that no other argument bears on.
Fit fit_one(const std::string& text, std::string_view kind) {
  if (kind == "text") return {};
  if (kind == "path") return fit_path(text);
  if (kind == "newvar") return fit_new_variable(text);
  if (kind == "field") return fit_field(text);
  if (kind == "addr") return fit_address(text);
  if (kind == "uri") return fit_uri(text);
  return fit_word(text, kind);
}

/// `if (-f PATH)`, `if ( !-e PATH )`: looks for a file.
Fit fit_condition(const std::vector<Arg>& args) {
  std::string all;
  for (const Arg& arg : args) all += arg.text + " ";
  const size_t test = all.find_first_not_of("( !");
  if (test == std::string::npos || all[test] != '-' || test + 1 >= all.size()) return {};
  std::string path = all.substr(test + 2);
  path = std::string(trim(path));
  while (!path.empty() && (path.back() == ')' || path.back() == ' ')) path.pop_back();
  if (inside_tree(path)) return {};
  return {Verdict::reaches, "looks for a file outside the tree", "ask for something of the request"};
}

Fit fit_command(const std::vector<Arg>& args) {
  const std::string command = args.empty() ? "" : lower(args[0].text);
  const bool known = std::find(tls_commands.begin(), tls_commands.end(), command) != tls_commands.end();
  if (args.size() == 2 && known && args[1].text.find_first_of("/$") == std::string::npos) return {};
  return {
      Verdict::reaches, "gives OpenSSL the command '" + (args.empty() ? "" : args[0].text) + "', which may read files",
      "Ciphersuites, Options, MinProtocol, MaxProtocol, Groups and SignatureAlgorithms are fine; for a certificate: "
      "ssl_certificate certs/site.pem"};
}

struct Kind {
  std::string_view name;
  size_t least = 1, most = 1;
};

std::vector<Kind> kinds_of(std::string_view text) {
  std::vector<Kind> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    Kind kind{text.substr(0, end)};
    const char count = kind.name.back();
    if (count == '?' || count == '*') kind.least = 0;
    if (count == '+' || count == '*') kind.most = 99;
    if (std::string_view("?*+").find(count) != std::string_view::npos) kind.name.remove_suffix(1);
    out.push_back(kind);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool takes(const std::vector<Kind>& kinds, size_t args) {
  size_t least = 0, most = 0;
  for (const Kind& kind : kinds) least += kind.least, most += kind.most;
  return least <= args && args <= most;
}

Fit fit_all(const std::vector<Kind>& kinds, const std::vector<Arg>& args) {
  size_t at = 0;
  Fit worst;
  for (const Kind& kind : kinds)
    for (size_t n = 0; n < kind.most && at < args.size(); ++n, ++at) {
      const Fit fit = fit_one(args[at].text, kind.name);
      if (fit.verdict > worst.verdict) worst = fit;
    }
  return worst;
}

/// Whether arguments of these kinds can name what no overlay may.
bool can_reach(std::string_view kinds) {
  for (const char* kind : {"path", "newvar", "addr", "uri"})
    if (kinds.find(kind) != std::string_view::npos) return true;
  return false;
}

}  // namespace

Fit fit_of(std::string_view kinds, const std::vector<Arg>& args) {
  if (kinds == "conf") return fit_command(args);
  if (kinds == "cond") return fit_condition(args);
  if (kinds == "off") {
    if (args.size() == 1 && args[0].text == "off") return {};
    return {Verdict::reaches, "", ""};
  }
  for (const std::string& alternative : split(kinds, '|'))
    if (const auto all = kinds_of(alternative); takes(all, args.size())) return fit_all(all, args);
  return {can_reach(kinds) ? Verdict::reaches : Verdict::odd, "has another number of arguments than orctl knows of",
          "see nginx's documentation of it"};
}

Fit fit_captures(std::string_view text) {
  Fit worst;
  for (size_t at = text.find("(?"); at != std::string_view::npos; at = text.find("(?", at + 2)) {
    std::string_view name = text.substr(at + 2);
    if (name.starts_with('P')) name.remove_prefix(1);
    if (!name.starts_with('<') && !name.starts_with('\'')) continue;
    name.remove_prefix(1);
    const auto part = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
    name = name.substr(0, static_cast<size_t>(std::find_if_not(name.begin(), name.end(), part) - name.begin()));
    constexpr const char* hint = "give it another name";
    if (is_ours(name)) return {Verdict::reaches, "captures a variable of the gateway", hint};
    if (is_of_request(name))
      worst = {Verdict::odd, "captures '$" + std::string(name) + "', a variable of the request", hint};
  }
  return worst;
}

bool looks_outside(std::string_view text) {
  const std::string all = lower(std::string(text));
  const auto starts = [&](const char* begin) { return all.starts_with(begin); };
  return (all.size() > 1 && all[0] == '/') || all.find("../") != std::string::npos ||
         all.find("=/") != std::string::npos || all == ".." || all.find("unix:") != std::string::npos ||
         starts("file:") || starts("data:") || starts("engine:") || starts("store:") || starts("syslog:") ||
         starts("memory:") || starts("pkcs11:");
}

}  // namespace orctl::nginx
