#include "fuzz.h"
#include "model/certificate_rules.h"
#include "model/x509.h"

using namespace orctl;
using namespace orctl::fuzz;

// A file of an overlay that a manifest names as a certificate and as its key.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(text_of(data, size));
  const CertificatePair pair = read_pair(text, text);
  require(pair.chain.empty() == !pair.certificate_fault.empty(), "a chain or a fault");
  for (const Certificate& one : pair.chain) {
    require(is_utf8(one.subject) && printable_line(one.subject) == one.subject, "what is shown moves no cursor");
    require(one.sha256.size() == 64, "a fingerprint is whole");
    for (const std::string& name : one.names) require(is_certificate_host(name), "names are hosts");
  }
  require(pair.key_of < static_cast<int>(pair.chain.size()) || pair.chain.empty(), "a key is of one that is there");
  const Value entry(Value::Object{{"name", "a"}, {"certificate", "certs/a.pem"}, {"key", "certs/a.key"}});
  Value spec = Value::object();
  spec.set("route", Value(Value::Array{}));
  for (const CertificateFault& fault : judge_certificates({{&entry, pair}, {&entry, pair}}, spec, 1800000000))
    require(is_utf8(fault.text) && fault.at != nullptr, "a fault has words and a place");
  return 0;
}
