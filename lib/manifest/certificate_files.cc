#include "manifest/certificate_files.h"

#include <fmt/format.h>

#include "model/origin.h"

namespace orctl {
namespace {

bool says(const TreeFile& file, const char* words) { return file.content.find(words) != std::string::npos; }

/// What is wrong with a file as a certificate; "" when nothing is to be seen.
std::string certificate_fault(const TreeFile& file) {
  return says(file, "-----BEGIN CERTIFICATE-----") || says(file, "-----BEGIN TRUSTED CERTIFICATE-----")
             ? ""
             : "holds no certificate in PEM";
}

std::string key_fault(const TreeFile& file) {
  if (!says(file, "PRIVATE KEY-----")) return "holds no private key in PEM";
  return says(file, "ENCRYPTED") ? "holds a key that is encrypted, and nginx has nobody to ask for the passphrase" : "";
}

}  // namespace

void check_certificate_files(const Instance& instance, const Tree& overlay, Diagnostics& found) {
  const auto& certificates = instance.list("certificate");
  for (size_t i = 0; i < certificates.size(); ++i)
    for (const std::string member : {"certificate", "key"}) {
      const Value& path = certificates[i].at(member);
      const auto file = overlay.find(path.as_string());
      std::string text, hint;
      if (file == overlay.end()) {
        const Value* files = instance.spec.find("files");
        text = files == nullptr ? "'" + path.as_string() + "' is a file of the overlay, and this manifest has none"
                                : "there is no file '" + path.as_string() + "' in '" + files->as_string() + "'";
        hint = files == nullptr ? "add files = \"FOLDER/\", with the file in it" : "put it there";
      } else if (const std::string fault = member == "key" ? key_fault(file->second) : certificate_fault(file->second);
                 !fault.empty()) {
        text = "'" + path.as_string() + "' " + fault;
        hint =
            member == "key" ? "openssl pkey -in FILE -out FILE writes a plain one" : "openssl x509 -in FILE writes one";
      }
      if (!text.empty())
        found.push_back(fault_of(instance, Severity::error, "bad-certificate", path,
                                 fmt::format("certificate[{}].{}", i, member), text, hint));
    }
}

}  // namespace orctl
