#include "model/x509.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>

#include "base/text.h"
#include "model/address.h"

namespace orctl {
namespace {

template <auto Free>
struct Frees {
  template <class T>
  void operator()(T* what) const {
    Free(what);
  }
};
using Bio = std::unique_ptr<BIO, Frees<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Frees<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Frees<EVP_PKEY_free>>;

/// A key that is encrypted has no passphrase: OpenSSL would ask on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

Bio bio_of(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(std::min(text.size(), size_t{1} << 30))));
}

/// OpenSSL's own files of settings say nothing about certificates, and a command that only looks reads none.
void begin() { OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr); }

int64_t seconds_of(const ASN1_TIME* time) {
  const std::unique_ptr<ASN1_TIME, Frees<ASN1_TIME_free>> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0, seconds = 0;
  return ASN1_TIME_diff(&days, &seconds, epoch.get(), time) == 1 ? int64_t{days} * 86400 + seconds : 0;
}

std::string name_text(const X509_NAME* name) {
  const Bio out(BIO_new(BIO_s_mem()));
  if (X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) return "?";
  const char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  constexpr size_t most = 200;
  const std::string_view all(text, size < 0 ? 0 : static_cast<size_t>(size));
  return all.empty() ? "no name" : printable_line(all.substr(0, most));
}

void add_name(std::vector<std::string>& names, std::string_view text) {
  std::string name = lower(std::string(text));
  if (name.ends_with('.')) name.pop_back();
  if (is_certificate_host(name) && std::find(names.begin(), names.end(), name) == names.end())
    names.push_back(std::move(name));
}

std::string address_text(const ASN1_OCTET_STRING* bytes) {
  const unsigned char* b = ASN1_STRING_get0_data(bytes);
  const int length = ASN1_STRING_length(bytes);
  if (length == 4) return fmt::format("{}.{}.{}.{}", b[0], b[1], b[2], b[3]);
  if (length != 16) return {};
  std::string out;
  for (int i = 0; i < 16; i += 2) out += fmt::format("{}{:x}", i == 0 ? "[" : ":", b[i] * 256 + b[i + 1]);
  return canonical_host(out + "]");
}

void read_names(X509* x509, Certificate& out) {
  using Names = std::unique_ptr<GENERAL_NAMES, Frees<GENERAL_NAMES_free>>;
  const Names list(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; list && i < sk_GENERAL_NAME_num(list.get()); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(list.get(), i), &type);
    if (type == GEN_DNS) {
      const auto* text = static_cast<const ASN1_STRING*>(value);
      const auto* bytes = static_cast<const void*>(ASN1_STRING_get0_data(text));
      add_name(out.names, {static_cast<const char*>(bytes), static_cast<size_t>(ASN1_STRING_length(text))});
    } else if (type == GEN_IPADD) {
      if (std::string text = address_text(static_cast<const ASN1_OCTET_STRING*>(value)); !text.empty())
        out.addresses.push_back(std::move(text));
    }
  }
  if (!out.names.empty()) return;
  std::array<char, 256> text{};
  const int length = X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_commonName, text.data(),
                                               static_cast<int>(text.size()));
  if (length > 0) add_name(out.names, {text.data(), static_cast<size_t>(length)});
}

std::string type_of(const EVP_PKEY* key) {
  switch (key == nullptr ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_NONE:
      return "unknown";
    case EVP_PKEY_RSA:
      return "RSA";
    case EVP_PKEY_RSA_PSS:
      return "RSA-PSS";
    case EVP_PKEY_EC:
      return "ECDSA";
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
      return "EdDSA";
    default:
      return printable_line(OBJ_nid2sn(EVP_PKEY_get_base_id(key)));
  }
}

Certificate facts_of(X509* x509) {
  Certificate out;
  out.not_before = seconds_of(X509_get0_notBefore(x509));
  out.not_after = seconds_of(X509_get0_notAfter(x509));
  out.subject = name_text(X509_get_subject_name(x509));
  out.issuer = name_text(X509_get_issuer_name(x509));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(x509, EVP_sha256(), digest.data(), &size);
  for (unsigned i = 0; i < size; ++i) out.sha256 += fmt::format("{:02x}", digest[i]);
  const EVP_PKEY* key = X509_get0_pubkey(x509);
  out.key_type = type_of(key);
  if (key != nullptr) out.key_strength = EVP_PKEY_get_security_bits(key);
  X509_get_signature_info(x509, nullptr, nullptr, &out.signature_strength, nullptr);
  out.may_serve = (X509_get_extended_key_usage(x509) & XKU_SSL_SERVER) != 0;
  read_names(x509, out);
  return out;
}

/// The certificates of a file and, of each, the line on which it begins.
struct Parsed {
  std::vector<X509Ptr> certificates;
  std::vector<uint32_t> lines;
  std::string fault;
};

uint32_t line_at(const std::string& text, size_t end) {
  const size_t begin = text.rfind("-----BEGIN ", end == 0 ? 0 : end - 1);
  const auto stop = text.begin() + static_cast<std::ptrdiff_t>(begin == std::string::npos ? 0 : begin);
  return static_cast<uint32_t>(std::count(text.begin(), stop, '\n')) + 1;
}

Parsed parse(const std::string& pem, size_t most) {
  begin();
  Parsed out;
  const Bio bio = bio_of(pem);
  while (out.certificates.size() < most) {
    X509Ptr one(out.certificates.empty() ? PEM_read_bio_X509_AUX(bio.get(), nullptr, no_passphrase, nullptr)
                                         : PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
    if (!one) break;
    out.lines.push_back(line_at(pem, pem.size() - BIO_ctrl_pending(bio.get())));
    out.certificates.push_back(std::move(one));
  }
  const unsigned long error = ERR_peek_last_error();
  const bool ended = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (out.certificates.empty())
    out.fault = "is no certificate in PEM";
  else if (out.certificates.size() < most && !ended)
    out.fault = fmt::format("is no certificate in PEM below its first {}", out.certificates.size());
  ERR_clear_error();
  return out;
}

bool has_issued(X509* issuer, X509* subject) {
  const bool has =
      X509_check_issued(issuer, subject) == X509_V_OK && X509_verify(subject, X509_get0_pubkey(issuer)) == 1;
  ERR_clear_error();
  return has;
}

int issuer_among(const std::vector<X509Ptr>& all, size_t index) {
  X509* subject = all[index].get();
  // what stands where it belongs is found first
  std::vector<size_t> order = {index};
  if (index + 1 < all.size()) order.push_back(index + 1);
  for (size_t i = 0; i < all.size(); ++i)
    if (i != index && i != index + 1) order.push_back(i);
  for (const size_t i : order)
    if (has_issued(all[i].get(), subject)) return static_cast<int>(i);
  return -1;
}

}  // namespace

CertificatePair read_pair(const std::string& certificate, const std::string& key) {
  constexpr size_t longest_chain = 16;  // what an overlay may make us verify has an end
  CertificatePair out;
  const Parsed parsed = parse(certificate, longest_chain);
  out.certificate_fault = parsed.fault;
  for (size_t i = 0; parsed.fault.empty() && i < parsed.certificates.size(); ++i) {
    out.chain.push_back(facts_of(parsed.certificates[i].get()));
    out.chain.back().line = parsed.lines[i];
    out.chain.back().issued_by = issuer_among(parsed.certificates, i);
  }
  const Bio bio = bio_of(key);
  const KeyPtr pkey(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!pkey)
    out.key_fault = key.find("ENCRYPTED") != std::string::npos
                        ? "holds a key that is encrypted, and nginx has nobody to ask for the passphrase"
                        : "is no private key in PEM";
  for (size_t i = 0; pkey && out.key_of < 0 && i < parsed.certificates.size(); ++i)
    if (X509_check_private_key(parsed.certificates[i].get(), pkey.get()) == 1) out.key_of = static_cast<int>(i);
  ERR_clear_error();
  return out;
}

std::optional<Certificate> first_certificate(const std::string& pem) {
  const Parsed parsed = parse(pem, 1);
  if (parsed.certificates.empty()) return std::nullopt;
  return facts_of(parsed.certificates.front().get());
}

bool is_certificate_host(std::string_view text) {
  if (text.size() > 253) return false;
  if (text.starts_with("*.")) text.remove_prefix(2);
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && alphanumeric(text.front()) && text.back() != '.' && text.back() != '-' &&
         text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [&](char c) { return alphanumeric(c) || c == '.' || c == '-'; });
}

bool certificate_names(const std::string& pattern, const std::string& host) {
  if (pattern == host) return true;
  const size_t dot = host.find('.');
  return pattern.starts_with("*.") && !host.starts_with("*.") && dot != std::string::npos && dot != 0 &&
         pattern.compare(1, std::string::npos, host, dot, std::string::npos) == 0;
}

std::string utc_text(int64_t seconds) {
  using namespace std::chrono;
  const sys_seconds at{std::chrono::seconds(seconds)};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss time(at - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

}  // namespace orctl
