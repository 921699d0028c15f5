#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/pem.h"
#include "base/tree.h"

using namespace orctl;

namespace {

std::string base64(const std::string& bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    unsigned bits = 0;
    for (size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (size_t j = 0; j < 4; ++j) out += i + j > bytes.size() ? '=' : digits[bits >> (18 - 6 * j) & 63];
  }
  return out;
}

/// One DER element; long ones have a length of two bytes.
std::string der(char tag, const std::string& content) {
  if (content.size() < 128) return std::string{tag, static_cast<char>(content.size())} + content;
  return std::string{tag, '\x82', static_cast<char>(content.size() >> 8), static_cast<char>(content.size())} + content;
}
std::string number(size_t bytes = 1) { return der(2, std::string(bytes, 'n')); }

std::string pem(const std::string& label, const std::string& body) {
  std::string text = base64(body), out = "-----BEGIN " + label + "-----\n";
  for (size_t at = 0; at < text.size(); at += 64) out += text.substr(at, 64) + "\n";
  return out + "-----END " + label + "-----\n";
}

const std::string certificate_der =
    der('0', der('0', std::string(300, 'c')) + der('0', "alg") + der(3, std::string(64, 's')));
const std::string certificate = pem("CERTIFICATE", certificate_der);
const std::string pkcs8 = der('0', number() + der('0', "alg") + der(4, std::string(64, 'k')));
const std::string rsa = der('0', number() + number(64) + number(3) + number(64) + number(32) + number(32) + number(32) +
                                     number(32) + number(32));
const std::string ec = der('0', number() + der(4, std::string(32, 'k')) + der('\xa0', "oid"));

}  // namespace

TEST_CASE("what is public is proved: certificates, lists, requests, public keys and parameters, and blank lines") {
  for (const std::string& text : {certificate, certificate + certificate, "\n" + certificate + "\n\n" + certificate,
                                  pem("X509 CRL", certificate_der), pem("CERTIFICATE REQUEST", certificate_der),
                                  pem("TRUSTED CERTIFICATE", certificate_der + der('0', "trust")),
                                  pem("PUBLIC KEY", der('0', der('0', "alg") + der(3, std::string(64, 'p')))),
                                  pem("RSA PUBLIC KEY", der('0', number(64) + number(3))),
                                  pem("DH PARAMETERS", der('0', number(256) + number()))}) {
    CAPTURE(text);
    CHECK(is_public_pem(text));
    CHECK_FALSE(is_secret("certs/a.pem", {text}));
    std::string with_cr;
    for (const char c : text) with_cr += c == '\n' ? "\r\n" : std::string(1, c);
    CHECK(is_public_pem(with_cr));
    CHECK_FALSE(is_public_pem(text.substr(0, text.size() - 8)));
  }
}

TEST_CASE("what is not wholly public is a secret in certs/, whatever its format") {
  std::string indented = pem("RSA PRIVATE KEY", rsa);
  indented.insert(0, "  ");
  for (const std::string& secret :
       {pem("PRIVATE KEY", pkcs8), pem("RSA PRIVATE KEY", rsa), pem("EC PRIVATE KEY", ec),
        pem("ENCRYPTED PRIVATE KEY", pkcs8), pem("OPENSSH PRIVATE KEY", std::string("openssh-key-v1\0abc", 18)),
        indented,
        // under a name that is not theirs
        pem("CERTIFICATE", pkcs8), pem("CERTIFICATE", rsa), pem("CERTIFICATE", ec), pem("PUBLIC KEY", pkcs8),
        pem("X509 CRL", rsa), pem("RSA PUBLIC KEY", rsa), pem("DH PARAMETERS", rsa),
        pem("TRUSTED CERTIFICATE", certificate_der + ec.substr(0, 3)), pem("CERTIFICATE", certificate_der + pkcs8),
        pem("TRUSTED CERTIFICATE", certificate_der + der('0', "a") + ec), pem("PKCS7", certificate_der),
        pem("PKCS12", pkcs8), pem("DSA PARAMETERS", rsa), pem("PGP PRIVATE KEY BLOCK", "x"), pkcs8, rsa,
        certificate_der, base64(pkcs8), base64(certificate_der), std::string("\xfe\xed\xfe\xed", 4),
        std::string("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"),
        std::string("-----BEGIN CERTIFICATE-----\nX-Key: hunter2\n") + certificate.substr(28),
        std::string("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
        std::string("PuTTY-User-Key-File-3: x\n"), std::string("{\"kty\":\"EC\",\"d\":\"x\"}"),
        std::string("admin:$apr1$x\n"), std::string(48, '\x81'), std::string("words\n"), std::string("# subject=x\n"),
        std::string(" "), std::string("\xef\xbb\xbf") + certificate}) {
    CAPTURE(secret);
    CHECK_FALSE(is_public_pem(secret));
    CHECK(is_secret("certs/a.pem", {secret}));
    CHECK(is_secret("certs/deep/b.crt", {certificate + secret}));
    if (secret[0] != '\xef') CHECK(is_secret("certs/b.crt", {secret + certificate}));
    CHECK(is_secret("certs/b.crt", {certificate + secret + certificate}));
  }
}

TEST_CASE("a file without anything in it, or of blank lines only, has no secret") {
  for (const char* text : {"", "\n", "\r\n\n"}) {
    CAPTURE(text);
    CHECK_FALSE(is_secret("certs/a.pem", {text}));
  }
}

TEST_CASE("the first line that is in doubt is named, and nothing of it is told") {
  const auto doubt = [](const std::string& text) {
    const auto found = doubt_of_pem(text);
    return found ? std::to_string(found->line) + " " + found->why : "none";
  };
  CHECK(doubt(certificate) == "none");
  CHECK(doubt("hunter2") == "1 it stands outside of every PEM block");
  const auto lines = std::to_string(std::count(certificate.begin(), certificate.end(), '\n') + 2);
  CHECK(doubt("\n" + certificate + "hunter2\n" + certificate) == lines + " it stands outside of every PEM block");
  CHECK(doubt("\n" + certificate + pem("PKCS7", certificate_der)).starts_with(lines + " it begins a block of another"));
  CHECK(doubt(certificate + "\n" + pem("PUBLIC KEY", pkcs8)) ==
        lines + " the block that it begins is not what it says it is");
  CHECK(doubt("\n" + certificate + "-----BEGIN CERTIFICATE-----\n") == lines + " the block that it begins has no end");
}

TEST_CASE("outside certs/ a private key is one all the same, and nothing else is") {
  CHECK(is_secret("lua/a.lua", {"x = [[-----BEGIN EC PRIVATE KEY-----]]"}));
  CHECK_FALSE(is_secret("lua/a.lua", {"return {}"}));
}
