#include "model/certificates.h"

#include "fuzz.h"

using namespace orctl;
using namespace orctl::fuzz;

// certs.json of a tree on disk, which anybody may have edited.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Tree tree;
  tree["certs.json"] = {std::string(text_of(data, size))};
  tree["certs/site.pem"] = {"-----BEGIN CERTIFICATE-----\n"};
  tree["certs/site.key"] = {"-----BEGIN PRIVATE KEY-----\n"};
  tree["http.d/a.conf"] = {"ssl_certificate certs/other.pem;\n"};
  require(hot_files(tree).contains("certs.json"), "the list itself is hot");
  require(!hot_files(tree).contains("http.d/a.conf") || tree["certs.json"].content.find("http.d") != std::string::npos,
          "only what the list names is hot");
  require(certificates_digest(tree) == certificates_digest(tree), "a digest is a function of the tree");
  require(is_utf8(certificates_body(tree)), "what is sent is UTF-8");
  return 0;
}
