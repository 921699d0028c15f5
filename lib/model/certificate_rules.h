#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/diagnostic.h"
#include "model/value.h"
#include "model/x509.h"

namespace orctl {

/// One [[certificate]] and what its files say.
struct GivenCertificate {
  const Value* entry;  ///< of the manifest
  CertificatePair pair;

  /// The hosts that it is for: those of the manifest, else those in it.
  std::vector<std::string> hosts() const;
};

/// What is wrong with one of an instance's certificates, and where.
struct CertificateFault {
  Severity severity;
  const char* code;
  const Value* at;    ///< the value of the manifest that it is about
  std::string field;  ///< "certificate[0].key"
  std::string file;   ///< a path of the tree, when it stands in there, at `line`
  uint32_t line;
  std::string text, hint;
};

/// The code of what only time does to a certificate: it has ended, or has not begun. What is served already may stay so
/// (change/served_dates.h); as a manifest it is faulty.
inline constexpr const char* certificate_time = "certificate-time";

/// Judges an instance's certificates as they would be served at `now` (seconds since 1970): key, chain, dates, hosts of
/// the certificates and of the routes of `spec`.
std::vector<CertificateFault> judge_certificates(const std::vector<GivenCertificate>& given, const Value& spec,
                                                 int64_t now);

/// "ended on 2026-11-24T12:00:00Z" or "begins on …", when a certificate is not valid at `now`; "" when it is.
std::string time_fault(const Certificate& one, int64_t now);

}  // namespace orctl
