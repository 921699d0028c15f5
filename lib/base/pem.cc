#include "base/pem.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace orctl {
namespace {

constexpr int sequence = 0x30, integer = 0x02, bit_string = 0x03;

/// Kinds of blocks, and the tags of what their outermost sequence holds; a private key has others in each case (RSA
/// nine integers, PKCS#8 an integer first).
struct Label {
  std::string_view name;
  size_t least, most;
  std::array<int, 3> tags;
};
constexpr std::array<Label, 10> labels = {{{"CERTIFICATE", 3, 3, {sequence, sequence, bit_string}},
                                           {"X509 CERTIFICATE", 3, 3, {sequence, sequence, bit_string}},
                                           {"X509 CRL", 3, 3, {sequence, sequence, bit_string}},
                                           {"CERTIFICATE REQUEST", 3, 3, {sequence, sequence, bit_string}},
                                           {"NEW CERTIFICATE REQUEST", 3, 3, {sequence, sequence, bit_string}},
                                           {"PUBLIC KEY", 2, 2, {sequence, bit_string, 0}},
                                           {"RSA PUBLIC KEY", 2, 2, {integer, integer, 0}},
                                           {"DH PARAMETERS", 2, 3, {integer, integer, integer}},
                                           {"X9.42 DH PARAMETERS", 3, 3, {integer, integer, integer}},
                                           {"TRUSTED CERTIFICATE", 3, 3, {sequence, sequence, bit_string}}}};

/// One element of DER at the front of a text.
struct Element {
  int tag;
  std::string_view content;
};

std::optional<Element> take_element(std::string_view& der) {
  if (der.size() < 2) return std::nullopt;
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(der[at]); };
  size_t length = byte(1), head = 2;
  if (length > 0x80) {
    const size_t more = length - 0x80;
    if (more > 4 || der.size() < 2 + more) return std::nullopt;
    length = 0;
    for (; head < 2 + more; ++head) length = length * 256 + byte(head);
  } else if (length == 0x80) {
    return std::nullopt;
  }
  if (der.size() - head < length) return std::nullopt;
  const Element out{byte(0), der.substr(head, length)};
  der.remove_prefix(head + length);
  return out;
}

bool has_shape(std::string_view der, const Label& label) {
  const auto outer = take_element(der);
  if (!outer || outer->tag != sequence) return false;
  if (!der.empty()) {  // what openssl trusts a certificate for
    const auto trust = take_element(der);
    if (label.name != "TRUSTED CERTIFICATE" || !trust || trust->tag != sequence || !der.empty()) return false;
  }
  std::string_view inner = outer->content;
  size_t elements = 0;
  for (; !inner.empty(); ++elements) {
    const auto one = take_element(inner);
    if (!one || elements == label.most || one->tag != label.tags[elements]) return false;
  }
  return elements >= label.least;
}

int value_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/// The bytes of base64 without blanks; nullopt when it is none.
std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  text.remove_suffix(padding);
  std::string out;
  unsigned bits = 0, count = 0;
  for (const char c : text) {
    const int value = value_of(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  if ((bits & ((1U << count) - 1)) != 0) return std::nullopt;  // what the padding hides
  return out;
}

/// The next line, without its end.
std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

const Label* label_of(std::string_view line) {
  for (const Label& label : labels)
    if (line == "-----BEGIN " + std::string(label.name) + "-----") return &label;
  return nullptr;
}

}  // namespace

std::optional<PemDoubt> doubt_of_pem(std::string_view text) {
  for (uint32_t number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if (line.empty()) continue;
    const Label* label = label_of(line);
    if (label == nullptr) {
      const bool begins = line.starts_with("-----BEGIN ");
      return PemDoubt{number, begins
                                  ? "it begins a block of another kind than certificates, revocation lists, requests, "
                                    "public keys and parameters"
                                  : "it stands outside of every PEM block"};
    }
    const uint32_t first = number;
    const std::string end = "-----END " + std::string(label->name) + "-----";
    std::string body;
    for (bool ended = false; !ended; ++number) {
      if (text.empty()) return PemDoubt{first, "the block that it begins has no end"};
      const std::string_view inner = take_line(text);
      ended = inner == end;
      if (!ended) body += inner;
    }
    const auto der = from_base64(body);
    if (!der || !has_shape(*der, *label)) return PemDoubt{first, "the block that it begins is not what it says it is"};
  }
  return std::nullopt;
}

bool is_public_pem(std::string_view text) { return !doubt_of_pem(text); }

}  // namespace orctl
