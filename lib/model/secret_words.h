#pragma once
#include <array>
#include <string_view>

/// The words by which secrets.cc knows a secret.
namespace orctl {

/// How keys of services begin, and how many characters of a word follow at least.
struct Prefix {
  std::string_view begin;
  size_t least;
  const char* what;
};
inline constexpr std::array<Prefix, 75> prefixes = {{{"AKIA", 16, "an AWS access key"},
                                                     {"ASIA", 16, "an AWS access key"},
                                                     {"ABIA", 16, "an AWS access key"},
                                                     {"ACCA", 16, "an AWS access key"},
                                                     {"AIza", 35, "a Google API key"},
                                                     {"ya29.", 20, "a Google access token"},
                                                     {"GOCSPX-", 20, "a Google client secret"},
                                                     {"ghp_", 36, "a GitHub token"},
                                                     {"gho_", 36, "a GitHub token"},
                                                     {"ghu_", 36, "a GitHub token"},
                                                     {"ghs_", 36, "a GitHub token"},
                                                     {"ghr_", 36, "a GitHub token"},
                                                     {"github_pat_", 22, "a GitHub token"},
                                                     {"glpat-", 20, "a GitLab token"},
                                                     {"glptt-", 20, "a GitLab token"},
                                                     {"gldt-", 20, "a GitLab token"},
                                                     {"glrt-", 20, "a GitLab token"},
                                                     {"xoxb-", 10, "a Slack token"},
                                                     {"xoxp-", 10, "a Slack token"},
                                                     {"xoxa-", 10, "a Slack token"},
                                                     {"xoxs-", 10, "a Slack token"},
                                                     {"xoxe-", 10, "a Slack token"},
                                                     {"xoxe.xoxp-", 10, "a Slack token"},
                                                     {"xapp-", 10, "a Slack token"},
                                                     {"hooks.slack.com/services/", 30, "a Slack webhook"},
                                                     {"sk_live_", 16, "a Stripe key"},
                                                     {"rk_live_", 16, "a Stripe key"},
                                                     {"sk_test_", 16, "a Stripe key"},
                                                     {"rk_test_", 16, "a Stripe key"},
                                                     {"whsec_", 24, "a Stripe key"},
                                                     {"sk-ant-", 20, "an API key"},
                                                     {"sk-proj-", 20, "an API key"},
                                                     {"sk-svcacct-", 20, "an API key"},
                                                     {"sk-or-v1-", 40, "an API key"},
                                                     {"sk-", 40, "an API key"},
                                                     {"gsk_", 40, "an API key"},
                                                     {"hf_", 30, "a Hugging Face token"},
                                                     {"r8_", 30, "an API key"},
                                                     {"nvapi-", 40, "an API key"},
                                                     {"SG.", 16, "a SendGrid key"},
                                                     {"xkeysib-", 40, "a Brevo key"},
                                                     {"npm_", 36, "an npm token"},
                                                     {"pypi-AgE", 40, "a PyPI token"},
                                                     {"rubygems_", 40, "a RubyGems key"},
                                                     {"dckr_pat_", 20, "a Docker token"},
                                                     {"hvs.", 20, "a Vault token"},
                                                     {"hvb.", 20, "a Vault token"},
                                                     {"hvr.", 20, "a Vault token"},
                                                     {"dop_v1_", 40, "a DigitalOcean token"},
                                                     {"doo_v1_", 40, "a DigitalOcean token"},
                                                     {"dor_v1_", 40, "a DigitalOcean token"},
                                                     {"shpat_", 24, "a Shopify token"},
                                                     {"shpss_", 24, "a Shopify secret"},
                                                     {"shpca_", 24, "a Shopify token"},
                                                     {"shppa_", 24, "a Shopify token"},
                                                     {"sq0atp-", 20, "a Square token"},
                                                     {"sq0csp-", 30, "a Square secret"},
                                                     {"lin_api_", 30, "a Linear key"},
                                                     {"ATATT3", 40, "an Atlassian token"},
                                                     {"ATCTT3", 40, "an Atlassian token"},
                                                     {"figd_", 30, "a Figma token"},
                                                     {"glsa_", 30, "a Grafana token"},
                                                     {"glc_", 40, "a Grafana token"},
                                                     {"dp.pt.", 30, "a Doppler token"},
                                                     {"dp.st.", 30, "a Doppler token"},
                                                     {"PMAK-", 40, "a Postman key"},
                                                     {"NRAK-", 20, "a New Relic key"},
                                                     {"dapi", 32, "a Databricks token"},
                                                     {"sbp_", 36, "a Supabase token"},
                                                     {"tskey-", 20, "a Tailscale key"},
                                                     {"AGE-SECRET-KEY-1", 20, "a private key"},
                                                     {"AccountKey=", 40, "an Azure storage key"},
                                                     {"SharedAccessKey=", 40, "an Azure key"},
                                                     {"SharedAccessSignature sr=", 20, "an Azure signature"},
                                                     {"eyJhbGciOi", 8, "a JSON web token"}}};

inline constexpr std::array<std::string_view, 4> password_names = {"password", "passwd", "passphrase", "pwd"};
inline constexpr std::array<std::string_view, 24> key_names = {
    "token",      "secret",      "apikey",     "accesskey", "secretkey", "authkey",    "signingkey", "encryptionkey",
    "privatekey", "credentials", "credential", "sharedkey", "masterkey", "sessionkey", "hmackey",    "appkey",
    "psk",        "storagekey",  "servicekey", "deploykey", "cookiekey", "passkey",    "jwtkey",     "bearer"};
/// Names that end so without being a password.
inline constexpr std::array<std::string_view, 7> passes = {"proxypass", "fastcgipass",   "uwsgipass", "scgipass",
                                                           "grpcpass",  "memcachedpass", "tunnelpass"};
/// Hashes of passwords, as crypt(3), htpasswd and LDAP write them.
inline constexpr std::array<std::string_view, 12> hash_begins = {"$apr1$", "$1$", "$2a$",    "$2b$",   "$2y$",  "$5$",
                                                                 "$6$",    "$y$", "$argon2", "{SSHA}", "{SHA}", "$7$"};

}  // namespace orctl
