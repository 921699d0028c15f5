#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "model/secrets.h"
#include "samples.h"

// Security bar S10: 50 secrets are found, and at most one file of a hundred that hold none is taken for one that does.
using namespace orctl;
using namespace orctl::test;

namespace {

const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const std::string words = letters + "0123456789";

/// Made by chance, so that this file holds none itself.
std::string drawn(Random& r, size_t length, const std::string& alphabet = words) {
  std::string out;
  while (out.size() < length) out += alphabet[r.below(alphabet.size())];
  return out;
}

std::vector<std::string> secrets() {
  Random r(17);
  const std::string begin = "-----BEGIN ", end = " KEY-----\n", upper = letters.substr(0, 26) + "0123456789",
                    hex = "0123456789abcdef";
  std::vector<std::string> out;
  for (const char* kind :
       {"PRIVATE", "RSA PRIVATE", "EC PRIVATE", "DSA PRIVATE", "ENCRYPTED PRIVATE", "OPENSSH PRIVATE"})
    out.push_back(begin + kind + end + drawn(r, 64) + "\n");
  out.push_back(begin + "PGP PRIVATE KEY BLOCK-----\n");
  out.push_back("PuTTY-User-Key-File-3: ssh-ed25519\n");
  for (const auto& [prefix, length] : std::vector<std::pair<std::string, size_t>>{{"AIza", 35},
                                                                                  {"ghp_", 36},
                                                                                  {"gho_", 36},
                                                                                  {"ghs_", 36},
                                                                                  {"github_pat_", 60},
                                                                                  {"glpat-", 20},
                                                                                  {"xoxb-", 40},
                                                                                  {"xoxp-", 40},
                                                                                  {"sk_live_", 24},
                                                                                  {"rk_live_", 24},
                                                                                  {"npm_", 36},
                                                                                  {"hvs.", 24},
                                                                                  {"ya29.", 60},
                                                                                  {"SG.", 60}})
    out.push_back("key: " + prefix + drawn(r, length));
  for (const char* prefix : {"AKIA", "ASIA"}) out.push_back("# " + (prefix + drawn(r, 16, upper)));
  out.push_back("dop_v1_" + drawn(r, 64, hex));
  out.push_back("AGE-SECRET-KEY-1" + drawn(r, 58, upper));
  out.push_back("AccountName=a;AccountKey=" + drawn(r, 86) + "==");
  out.push_back("\"eyJhbGciOiJIUzI1NiJ9." + drawn(r, 40) + "." + drawn(r, 40) + "\"");
  out.push_back("aws_secret_access_key = \"" + drawn(r, 40) + "\"");
  for (const char* line :
       {"password = \"hunter2\"", "password = 'Tr0ub4dor&3'", "\"password\": \"s3cr3t!\"", "db_password=\"letmein\"",
        "PASSWD: 'qwerty1'", "redis_password = \"p4ss\"", "passphrase = \"correct-horse-battery\"",
        "# password = hunter2", "local password = \"swordfish9\"", "set $password 'x9!kQ2mz';",
        "  \"adminPassword\" : \"Zx81zx81\",", "pwd = \"abcd1234\"", "password=hunter2x",
        "url = \"redis://user:hunter2@10.0.0.1:6379\"", "https://admin:s3same@example.com/",
        "proxy_set_header Authorization \"Basic YWRtaW46aHVudGVyMg==\";"})
    out.emplace_back(line);
  for (const char* name : {"token = \"", "api_key = \"", "\"client_secret\": \"", "X-Api-Key = \"", "secret: \"",
                           "signing_key = '", "auth_token = \""})
    out.push_back(name + drawn(r, 40) + (std::string(name).back() == '\'' ? "'" : "\""));
  out.push_back("Authorization = \"Bearer " + drawn(r, 43) + "\"");
  return out;
}

/// Files that hold no secret, of this project and of the machine.
std::vector<std::filesystem::path> clean_files() {
  namespace fs = std::filesystem;
  const std::string top = ORCTL_SOURCE;
  std::vector<fs::path> out;
  for (const std::string& folder :
       {top + "/examples", top + "/tests", top + "/lua", top + "/schemas", top + "/lib", top + "/cmd",
        std::string("/usr/share/lua"), std::string("/etc/nginx"), std::string("/usr/share/nginx"),
        std::string("/usr/share"), std::string("/usr/lib"), std::string("/etc")}) {
    std::error_code bad;
    for (auto at = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, bad);
         at != fs::end(at); at.increment(bad)) {
      const std::string end = at->path().extension();
      const bool text = end == ".lua" || end == ".conf" || end == ".toml" || end == ".json" || end == ".txtar" ||
                        end == ".cc" || end == ".h";
      const std::string name = at->path().filename();
      if (bad || !text || !at->is_regular_file(bad) || at->is_symlink(bad) || at->file_size(bad) > 300000) continue;
      if (name.find("secret") == std::string::npos && name != "tls_test.py") out.push_back(at->path());
      if (out.size() == 1000) return out;
    }
  }
  return out;
}

}  // namespace

TEST_CASE("50 secrets are found, each where it stands, and none is repeated in what is told") {
  const auto all = secrets();
  CHECK(all.size() >= 50);
  for (const std::string& secret : all) {
    CAPTURE(secret);
    const auto found = find_secrets("kind = \"Instance\"\n\n" + secret + "\n");
    REQUIRE(found.size() == 1);
    CHECK(found[0].place.line == 3);
    CHECK(found[0].place.col > 0);
    CHECK(found[0].what.size() < 40);
    CHECK(find_secrets(split(secret, '\n')[0] + " # orctl:not-secret").empty());
  }
}

TEST_CASE("what names a secret, or stands for one, is none") {
  for (const char* line :
       {"password_file = \"/etc/orctl/redis.password\"", "token_file = \"/etc/orctl/admin.token\"",
        "key = \"certs/site.key\"", "ssl_certificate_key certs/site.key;", "auth_basic_user_file certs/htpasswd;",
        "local password = read(path)", "local token = ngx.var.http_authorization", "password = \"${PASSWORD}\"",
        "token = os.getenv(\"TOKEN\")", "if token == \"\" then", "password = \"changeme\"",
        "secret = \"your-secret-here\"", "url = \"https://example.com/a@b:c\"", "redis://user:$PASSWORD@host",
        "digest = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"", "-----BEGIN CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----", "Authorization: Bearer TOKEN", "limit_req_zone $token zone=a:1m;"}) {
    CAPTURE(line);
    CHECK(find_secrets(line).empty());
  }
}

TEST_CASE("of 1,000 files without a secret at most one in a hundred is refused") {
  size_t refused = 0;
  const auto files = clean_files();
  for (const auto& path : files) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    const auto found = find_secrets(text.str());
    refused += found.empty() ? 0 : 1;
    if (!found.empty()) MESSAGE(path.string() << ":" << found[0].place.line << ": " << found[0].what);
  }
  MESSAGE("refused " << refused << " of " << files.size() << " clean files");
  CHECK(files.size() >= 300);
  CHECK(refused * 100 <= files.size());
}
