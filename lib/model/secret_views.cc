#include "model/secret_views.h"

#include <algorithm>

namespace orctl {
namespace {

constexpr const char* key_mark = "-----BEGIN PRIVATE KEY-----";  // what the bytes of one are shown as
constexpr size_t shortest_base64 = 24, shortest_hex = 24, fewest_codes = 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
int hex_value(char c) {
  return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/// The number that `digits` digits of base 16 or 10 at `at` make; -1 when they are none.
int number_at(std::string_view text, size_t at, size_t digits, int base) {
  if (at + digits > text.size()) return -1;
  int out = 0;
  for (size_t i = 0; i < digits; ++i) {
    const int value = hex_value(text[at + i]);
    if (value < 0 || value >= base) return -1;
    out = (out * base + value) & 0xffffff;
  }
  return out;
}

/// One escape behind a backslash: what it stands for, and how many characters it has.
struct Escape {
  int code = -1;
  size_t length = 0;
};

Escape escape_at(std::string_view text, size_t at) {
  const char c = at < text.size() ? text[at] : '\0';
  for (const auto& [letter, digits] : {std::pair('x', 2), std::pair('u', 4), std::pair('U', 8)})
    if (c == letter) return {number_at(text, at + 1, static_cast<size_t>(digits), 16), static_cast<size_t>(digits) + 1};
  if (is_digit(c)) {  // Lua counts in tens
    size_t digits = 1;
    while (digits < 3 && at + digits < text.size() && is_digit(text[at + digits])) ++digits;
    return {number_at(text, at, digits, 10), digits};
  }
  if (c == 'n' || c == 'r' || c == 't') return {'\n', 1};
  if (c == '"' || c == '\'' || c == '\\' || c == '/') return {c, 1};
  return {};
}

std::string without_escapes(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const Escape escape = text[at] == '\\' ? escape_at(text, at + 1) : Escape{};
    const int percent = text[at] == '%' ? number_at(text, at + 1, 2, 16) : -1;
    if (escape.code >= 0) {
      out += escape.code < 256 ? static_cast<char>(escape.code) : '?';
      at += escape.length;
    } else if (percent >= 0) {
      out += static_cast<char>(percent);
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

/// Past `"`, blanks, `..`, `+`, `,` or nothing, blanks, and `"`, when these stand at `at`; 0 when they do not. Over the
/// end of a line only what joins for certain does.
size_t joint_at(std::string_view text, size_t at) {
  constexpr size_t widest = 200;
  if (text[at] != '"' && text[at] != '\'') return 0;
  const size_t limit = std::min(text.size(), at + widest);
  size_t p = at + 1;
  bool lines = false, certain = false;
  for (; p < limit && (is_space(text[p]) || std::string_view("\\.+,&").find(text[p]) != std::string_view::npos); ++p) {
    lines = lines || text[p] == '\n';
    certain = certain || text[p] == '.' || text[p] == '+' || text[p] == '\\';
  }
  const bool open = p < limit && (text[p] == '"' || text[p] == '\'');
  return open && p > at + 1 && (certain || !lines) ? p + 1 : 0;
}

/// Whether bytes begin as the DER of a private key, of PKCS#12 or of an OpenSSH key does.
bool is_key(std::string_view bytes) {
  if (bytes.starts_with("openssh-key-v1")) return true;
  const auto byte = [&](size_t at) { return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0xffU; };
  if (byte(0) != 0x30) return false;
  const size_t head = byte(1) == 0x82 ? 4 : byte(1) == 0x81 ? 3 : byte(1) < 0x80 ? 2 : 99;
  if (byte(head) != 2 || byte(head + 1) != 1) return false;
  const unsigned version = byte(head + 2), next = byte(head + 3);
  return (version == 0 && (next == 2 || next == 0x30)) || (version == 1 && (next == 4 || next == 0x30)) ||
         (version == 3 && next == 0x30);
}

bool is_text(std::string_view bytes) {
  return !bytes.empty() && std::all_of(bytes.begin(), bytes.end(), [](unsigned char c) {
    return (c >= ' ' && c < 0x7f) || c == '\n' || c == '\r' || c == '\t';
  });
}

void add_text(std::string bytes, std::vector<View>& out) {
  if (is_key(bytes)) bytes = key_mark;
  if (is_text(bytes)) out.push_back({View::Kind::decoded, std::move(bytes)});
}

void add_key(std::string_view bytes, std::vector<View>& out) {
  if (is_key(bytes)) out.push_back({View::Kind::decoded, key_mark});
}

void decode_words(std::string_view text, std::vector<View>& out) {
  for (size_t at = 0; at < text.size();) {
    size_t end = at, hex = at;
    while (end < text.size() && base64_value(text[end]) >= 0) ++end;
    while (hex < end && hex_value(text[hex]) >= 0) ++hex;
    if (hex == end && end - at >= shortest_hex && (end - at) % 2 == 0) {
      std::string bytes;
      for (size_t p = at; p < end; p += 2) bytes += static_cast<char>(number_at(text, p, 2, 16));
      add_text(std::move(bytes), out);
    } else if (end - at >= shortest_base64) {
      add_text(from_base64(text.substr(at, end - at)), out);
    }
    at = end + 1;
  }
}

/// "45, 45, 66": characters by their numbers, as string.char() takes them.
void decode_codes(std::string_view text, std::vector<View>& out) {
  std::string bytes;
  const auto flush = [&] {
    if (bytes.size() >= fewest_codes) add_text(bytes, out);
    bytes.clear();
  };
  for (size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      if (text[at] != ',' && !is_space(text[at])) flush();
      ++at;
      continue;
    }
    const bool hex = text[at] == '0' && at + 1 < text.size() && text[at + 1] == 'x';
    size_t end = at + (hex ? 2 : 0);
    const size_t begin = end;
    while (end < text.size() && (hex ? hex_value(text[end]) >= 0 : is_digit(text[end]))) ++end;
    const int code = end - begin > 3 || end == begin ? -1 : number_at(text, begin, end - begin, hex ? 16 : 10);
    if (code >= 0 && code < 256)
      bytes += static_cast<char>(code);
    else
      flush();
    at = end;
  }
  flush();
}

/// "30:82:04:a3": bytes in hex, as openssl writes them.
void decode_pairs(std::string_view text, std::vector<View>& out) {
  std::string bytes;
  for (size_t at = 0; at <= text.size();) {
    const int byte = number_at(text, at, 2, 16);
    const bool more = byte >= 0 && at + 2 < text.size() && text[at + 2] == ':';
    if (byte >= 0 && (more || !bytes.empty())) bytes += static_cast<char>(byte);
    if (!more && bytes.size() >= fewest_codes) add_text(std::move(bytes), out);
    if (!more) bytes.clear();
    at += more ? 3 : 1;
  }
}

void decode(std::string_view text, std::vector<View>& out) {
  decode_words(text, out);
  decode_pairs(text, out);
  decode_codes(text, out);
}

}  // namespace

std::string from_base64(std::string_view word) {
  std::string out;
  unsigned bits = 0, count = 0;
  for (const char c : word) {
    const int value = base64_value(c);
    if (value < 0) break;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out;
}

std::vector<View> views_of(std::string_view line) {
  std::vector<View> out;
  const std::string plain = without_escapes(line);
  std::string joined;
  for (size_t at = 0; at < plain.size();) {
    const size_t past = joint_at(plain, at);
    if (past == 0) joined += plain[at];
    at = past == 0 ? at + 1 : past;
  }
  if (plain != line) out.push_back({View::Kind::spelled, plain});
  if (joined != plain) out.push_back({View::Kind::spelled, joined});
  std::vector<View> inner;
  for (size_t at = joined.find('\x30'); at != std::string::npos; at = joined.find('\x30', at + 1))
    if (at + 1 < joined.size() && (static_cast<unsigned char>(joined[at + 1]) & 0x80) != 0)
      add_key(std::string_view(joined).substr(at), inner);
  decode(joined, inner);
  for (const View& view : inner) {
    decode(view.text, out);
    out.push_back(view);
  }
  return out;
}

bool joins_strings(std::string_view text) {
  for (size_t at = text.find_first_of("\"'"); at != text.npos; at = text.find_first_of("\"'", at + 1))
    if (joint_at(text, at) != 0) return true;
  return false;
}

std::string joined_strings(std::string_view text, std::vector<uint32_t>& lines) {
  std::string out;
  uint32_t line = 1;
  for (size_t at = 0; at < text.size();) {
    const size_t past = joint_at(text, at), end = past == 0 ? at + 1 : past;
    if (past == 0) {
      out += text[at];
      lines.push_back(line);
    }
    line += static_cast<uint32_t>(
        std::count(text.begin() + static_cast<long>(at), text.begin() + static_cast<long>(end), '\n'));
    at = end;
  }
  return out;
}

bool begins_as_key(std::string_view base64) { return is_key(from_base64(base64.substr(0, 24))); }

}  // namespace orctl
