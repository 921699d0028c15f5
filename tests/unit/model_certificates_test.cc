#include <doctest/doctest.h>

#include "model/certificates.h"
#include "model/read.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

Tree tree_with(const std::string& pem, const std::string& key) {
  const Value list = array({object({{"name", "a"}, {"certificate", "certs/a.pem"}, {"key", "certs/a.key"}})});
  return {{"certs.json", {certificates_file(list)}},
          {"certs/a.pem", {pem}},
          {"certs/a.key", {key, 0600}},
          {"certs/ca.pem", {"another"}},
          {"nginx.conf", {"ssl_certificate certs/a.pem;"}}};
}

}  // namespace

TEST_CASE("certificates are hot unless another file of the tree names them") {
  Tree tree = tree_with("p", "k");
  CHECK(hot_files(tree) == std::set<std::string>{"certs.json", "certs/a.key", "certs/a.pem"});
  tree["http.d/x.conf"] = {"ssl_trusted_certificate certs/a.pem;"};
  CHECK(hot_files(tree) == std::set<std::string>{"certs.json", "certs/a.key"});
  CHECK(hot_files({{"certs/a.pem", {"p"}}}).empty());
  CHECK(hot_files({{"certs.json", {"{\"certificates\": [{}, 1]}"}}}) == std::set<std::string>{"certs.json"});
}

TEST_CASE("a certificate that may be named next is hot before, unless something may read it by itself") {
  const std::string pem = "-----BEGIN CERTIFICATE-----\n";
  const auto is_hot = [&](const char* path, const std::string& text) {
    Tree tree = tree_with(pem, "k");
    tree["certs/next.pem"] = {pem};
    tree["certs/next.key"] = {"-----BEGIN PRIVATE KEY-----\n", 0600};
    tree[path] = {text};
    const auto hot = hot_files(tree);
    CHECK(hot.contains("certs/a.pem"));
    CHECK_FALSE(hot.contains("certs/ca.pem"));
    return hot.contains("certs/next.pem");
  };
  CHECK(is_hot("http.d/x.conf", "ssl_certificate certs/own.pem; # and 'certs/other.pem'"));
  CHECK(is_hot("gateway.json", R"({"routes": [{"path": "/certs/"}, {"path": "/certs/next.pem"}]})"));
  for (const char* text : {"ssl_certificate certs/next.pem;", "ssl_certificate certs/$ssl_server_name.pem;",
                           "include certs/*.conf;", "load('certs/' .. name)", "ssl_certificate certs/${x};"})
    CHECK_FALSE(is_hot("http.d/x.conf", text));
  CHECK_FALSE(is_hot("nginx.conf", "ssl_certificate certs/a.pem;\nlua_ssl_trusted_certificate certs/next.pem;"));
  CHECK(hot_files({{"certs/a.pem", {pem}}}).empty());
}

TEST_CASE("the digest tells pairs and hosts apart, and none from some") {
  const std::string digest = certificates_digest(tree_with("p", "k"));
  CHECK(digest.size() == 64);
  CHECK(certificates_digest(tree_with("q", "k")) != digest);
  CHECK(certificates_digest(tree_with("p", "l")) != digest);
  Tree hosts = tree_with("p", "k");
  hosts["certs.json"] = {certificates_file(array({object(
      {{"name", "a"}, {"hosts", array({"a.test"})}, {"certificate", "certs/a.pem"}, {"key", "certs/a.key"}})}))};
  CHECK(certificates_digest(hosts) != digest);
  CHECK(certificates_digest({}).empty());
  CHECK(certificates_file(Value::array()).empty());
}

TEST_CASE("what is sent to a gateway holds the texts of the files") {
  CHECK(certificates_body(tree_with("p\n", "k")) == R"({"items":[{"name":"a","certificate":"p\n","key":"k"}]})");
  CHECK(certificates_body({}) == R"({"items":[]})");
}
