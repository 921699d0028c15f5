#include "manifest/certificate_files.h"

#include <fmt/format.h>

#include "model/certificate_rules.h"
#include "model/origin.h"

namespace orctl {
namespace {

bool says(const TreeFile& file, const char* words) { return file.content.find(words) != std::string::npos; }

/// What is wrong with a file as a certificate, to be seen without reading it; "" when nothing is.
std::string certificate_fault(const TreeFile& file) {
  return says(file, "-----BEGIN CERTIFICATE-----") || says(file, "-----BEGIN TRUSTED CERTIFICATE-----") ||
                 says(file, "-----BEGIN X509 CERTIFICATE-----")
             ? ""
             : "holds no certificate in PEM";
}

std::string key_fault(const TreeFile& file) {
  return says(file, "PRIVATE KEY-----") ? "" : "holds no private key in PEM";
}

/// One file of a certificate; nullptr, and a fault in `found`, when it is not there.
const TreeFile* file_of(const Instance& instance, const Tree& overlay, const Value& path, const std::string& field,
                        Diagnostics& found) {
  const auto file = overlay.find(path.as_string());
  if (file != overlay.end()) return &file->second;
  const Value* files = instance.spec.find("files");
  found.push_back(fault_of(instance, Severity::error, "bad-certificate", path, field,
                           files == nullptr
                               ? "'" + path.as_string() + "' is a file of the overlay, and this manifest has none"
                               : "there is no file '" + path.as_string() + "' in '" + files->as_string() + "'",
                           files == nullptr ? "add files = \"FOLDER/\", with the file in it" : "put it there"));
  return nullptr;
}

CertificatePair pair_of(const TreeFile* certificate, const TreeFile* key) {
  CertificatePair pair;
  if (certificate != nullptr && key != nullptr) pair = read_pair(certificate->content, key->content);
  // what is plain to see is said in plainer words
  const auto prefer = [](std::string& fault, const TreeFile* file, std::string (*plain)(const TreeFile&)) {
    if (file == nullptr) return fault.clear();
    if (std::string text = plain(*file); !text.empty()) fault = std::move(text);
  };
  prefer(pair.certificate_fault, certificate, certificate_fault);
  prefer(pair.key_fault, key, key_fault);
  return pair;
}

Diagnostic diagnostic_of(const Instance& instance, const std::string& folder, const CertificateFault& fault) {
  Diagnostic d = fault_of(instance, fault.severity, fault.code, *fault.at, fault.field, fault.text, fault.hint);
  if (fault.file.empty()) return d;
  d.file = folder + "/" + fault.file;
  d.place = {fault.line, 1};
  d.source_line.clear();
  return d;
}

}  // namespace

void check_certificate_files(const Instance& instance, const Tree& overlay, const std::string& folder, int64_t now,
                             Diagnostics& found) {
  const auto& certificates = instance.list("certificate");
  std::vector<GivenCertificate> given;
  for (size_t i = 0; i < certificates.size(); ++i) {
    const auto file = [&](const char* member) {
      return file_of(instance, overlay, certificates[i].at(member), fmt::format("certificate[{}].{}", i, member),
                     found);
    };
    const TreeFile *certificate = file("certificate"), *key = file("key");
    given.push_back({&certificates[i], pair_of(certificate, key)});
  }
  for (const CertificateFault& fault : judge_certificates(given, instance.spec, now))
    if (found.size() < max_faults) found.push_back(diagnostic_of(instance, folder, fault));
}

}  // namespace orctl
