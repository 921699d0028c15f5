#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace orctl {

/// What one certificate says, as OpenSSL reads it.
struct Certificate {
  std::vector<std::string>
      names;  ///< DNS names, lower case; the common name only where there are none (RFC 6125 6.4.4)
  std::vector<std::string> addresses;     ///< IP addresses as canonical_host() writes them
  int64_t not_before = 0, not_after = 0;  ///< seconds since 1970
  std::string subject, issuer;            ///< "CN=shop.example,O=Shop", printable
  std::string sha256;                     ///< fingerprint, 64 digits
  std::string key_type;                   ///< "RSA", "RSA-PSS", "ECDSA", "EdDSA": a handshake has room for one of each
  int key_strength = 0;                   ///< bits of security of its key: 112 of RSA with 2048
  int signature_strength = 0;             ///< the same of its signature; 0 when not known
  uint32_t line = 1;                      ///< where its block begins
  int issued_by = -1;     ///< index in its file of the one whose key has signed it; its own when that is itself
  bool may_serve = true;  ///< its extended key usage, if it has one, names TLS servers

  bool is_self_signed(size_t index) const { return issued_by == static_cast<int>(index); }
};

/// A file of certificates, the server's own first, and the private key that is said to belong to it.
struct CertificatePair {
  std::vector<Certificate> chain;  ///< empty when the file is faulty
  std::string certificate_fault;   ///< "is no certificate in PEM"; "" when there is none
  std::string key_fault;
  int key_of = -1;  ///< index of the certificate that the key belongs to; -1: none of them
};

/// Reads both. Takes any bytes; asks nobody for a passphrase.
CertificatePair read_pair(const std::string& certificate, const std::string& key);

/// The first certificate of a file alone, by itself; nullopt when there is none.
std::optional<Certificate> first_certificate(const std::string& pem);

/// Whether `text` can be a host of a certificate: a name, or "*." and a name. lua/orctl/tls/pair.lua says the same.
bool is_certificate_host(std::string_view text);

/// Whether `pattern`, a name of a certificate, is for `host`, which may be a pattern itself.
bool certificate_names(const std::string& pattern, const std::string& host);

/// "2026-11-24T12:00:00Z"
std::string utc_text(int64_t seconds);

}  // namespace orctl
