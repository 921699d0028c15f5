#include "model/certificate_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "model/network.h"
#include "model/serving.h"

namespace orctl {
namespace {

constexpr int least_strength = 112;  // bits: RSA with 2048, curves of 224

class Judge {
 public:
  Judge(const std::vector<GivenCertificate>& given, const Value& spec, int64_t now)
      : given_(given), spec_(spec), now_(now), serving_(offered(given)) {}

  std::vector<CertificateFault> run() {
    for (size_t i = 0; i < given_.size(); ++i) {
      const CertificatePair& pair = given_[i].pair;
      if (!pair.certificate_fault.empty())
        error(i, "certificate", pair.certificate_fault, "openssl x509 -in FILE writes one");
      if (!pair.key_fault.empty())
        error(i, "key", pair.key_fault, "openssl pkey -in FILE -out FILE writes a plain one");
      if (pair.chain.empty()) continue;
      if (pair.key_fault.empty()) check_key(i);
      if (pair.key_of > 0) continue;  // the file is in the wrong order, and all else follows from that
      if (has_https()) check_time(i);
      check_use(i);
      check_chain(i);
      check_hosts(i);
    }
    check_overlaps();
    check_routes();
    return std::move(found_);
  }

 private:
  static std::vector<Offered> offered(const std::vector<GivenCertificate>& given) {
    std::vector<Offered> all;
    for (const GivenCertificate& one : given) {
      const auto& chain = one.pair.chain;
      all.push_back({one.hosts(), chain.empty() ? "" : chain[0].key_type, chain.empty() ? "" : chain[0].sha256});
    }
    return all;
  }

  const std::string& path(size_t i, const char* member) const { return given_[i].entry->at(member).as_string(); }

  void add(Severity severity, const char* code, size_t i, const std::string& member, std::string text,
           std::string hint) {
    const Value* at = given_[i].entry->find(member);
    found_.push_back({severity, code, at == nullptr ? &given_[i].entry->at("name") : at,
                      fmt::format("certificate[{}]{}", i, member.empty() ? "" : "." + member), "", 0, std::move(text),
                      std::move(hint)});
  }
  void error(size_t i, const char* member, const std::string& text, std::string hint) {
    add(Severity::error, "bad-certificate", i, member, fmt::format("'{}' {}", path(i, member), text), std::move(hint));
  }

  /// A warning about the block of a file that begins with a certificate of the chain.
  void warn_in_file(size_t i, size_t link, const char* code, std::string text, std::string hint) {
    add(Severity::warning, code, i, "certificate", std::move(text), std::move(hint));
    found_.back().file = path(i, "certificate");
    found_.back().line = given_[i].pair.chain[link].line;
  }

  void check_key(size_t i) {
    const int of = given_[i].pair.key_of;
    if (of == 0) return;
    const std::string& certificate = path(i, "certificate");
    error(
        i, "key",
        of < 0 ? fmt::format("does not belong to the certificate '{}'", certificate)
               : fmt::format("belongs to the certificate in line {} of '{}', and the one that is served is the first",
                             given_[i].pair.chain[static_cast<size_t>(of)].line, certificate),
        of < 0 ? "put the certificate and the key of one pair there" : "put that certificate first, its issuer below");
  }

  void check_time(size_t i) {
    const auto& chain = given_[i].pair.chain;
    if (const std::string fault = time_fault(chain[0], now_); !fault.empty())
      add(Severity::warning, certificate_time, i, "certificate",
          fmt::format("'{}': the certificate {}", path(i, "certificate"), fault), "put one there that is valid now");
    for (size_t link = 1; link < chain.size(); ++link)
      if (const std::string fault = time_fault(chain[link], now_); !fault.empty())
        warn_in_file(i, link, "chain", fmt::format("the issuer '{}' {}", chain[link].subject, fault),
                     "ask who issued the certificate for its newer one");
  }

  void check_use(size_t i) {
    const Certificate& own = given_[i].pair.chain[0];
    if (!own.may_serve)
      warn_in_file(i, 0, "certificate-use", "the certificate is not for servers, by its extended key usage",
                   "ask for one with serverAuth");
    if (own.key_strength < least_strength)
      warn_in_file(i, 0, "weak-certificate",
                   fmt::format("its {} key is short ({} bits of security): nginx and clients may refuse it",
                               own.key_type, own.key_strength),
                   "use RSA with 2048 bits, or ECDSA with P-256");
    else if (own.signature_strength != 0 && own.signature_strength < least_strength && !own.is_self_signed(0))
      warn_in_file(i, 0, "weak-certificate", "it is signed with a digest that nginx and clients may refuse",
                   "ask for one that is signed with SHA-256");
  }

  void check_chain(size_t i) {
    const auto& chain = given_[i].pair.chain;
    for (size_t link = 0; link < chain.size(); ++link) {
      const Certificate& one = chain[link];
      if (one.is_self_signed(link)) {
        if (link + 1 < chain.size())
          warn_in_file(
              i, link + 1, "chain",
              fmt::format("'{}' stands below a root, and has issued nothing above it", chain[link + 1].subject),
              "take it out");
        return;
      }
      if (link + 1 == chain.size()) return check_end(i, link);
      if (one.issued_by == static_cast<int>(link) + 1) continue;
      if (one.issued_by >= 0)
        warn_in_file(i, link + 1, "chain",
                     fmt::format("'{}' stands where the issuer of '{}' belongs, which is in line {}",
                                 chain[link + 1].subject, one.subject, chain[static_cast<size_t>(one.issued_by)].line),
                     "order it: the server's own first, below each the one that has issued it");
      else
        warn_in_file(i, link + 1, "chain",
                     fmt::format("'{}' has not issued the certificate above it, which is by '{}'",
                                 chain[link + 1].subject, one.issuer),
                     "put that issuer there, and take out what does not belong to it");
      return;
    }
  }

  void check_end(size_t i, size_t link) {
    if (link != 0) return;  // clients know the root that an intermediate is by
    const Certificate& own = given_[i].pair.chain[link];
    warn_in_file(i, link, "chain",
                 fmt::format("its issuer '{}' is not in the file: clients that do not know it refuse the certificate",
                             own.issuer),
                 "put the issuer's certificate below it (also when it is a root)");
  }

  /// Hosts that the manifest gives to a certificate that does not name them.
  void check_hosts(size_t i) {
    const Value* hosts = given_[i].entry->find("hosts");
    if (hosts == nullptr) return;
    for (size_t j = 0; j < hosts->items().size(); ++j) {
      const Value& host = hosts->items()[j];
      if (parse_ip(host.as_string())) {
        add(Severity::warning, "address-as-host", i, "",
            fmt::format("'{}' is an address, which no handshake names: the certificate is chosen for nobody by it",
                        host.as_string()),
            "take the host out; clients of an address get the first certificate");
        found_.back().at = &host;
        found_.back().field += fmt::format(".hosts[{}]", j);
        continue;
      }
      if (is_named(i, host.as_string())) continue;
      add(Severity::warning, "host-not-named", i, "",
          fmt::format("'{}' does not name '{}', so clients refuse it there", path(i, "certificate"), host.as_string()),
          "take the host out, or put a certificate for it there");
      found_.back().at = &host;
      found_.back().field += fmt::format(".hosts[{}]", j);
    }
  }

  bool is_named(size_t i, const std::string& host) const {
    if (given_[i].pair.chain.empty()) return true;  // that is told already
    const Certificate& own = given_[i].pair.chain[0];
    return std::any_of(own.names.begin(), own.names.end(),
                       [&](const std::string& name) { return certificate_names(name, host); }) ||
           std::find(own.addresses.begin(), own.addresses.end(), host) != own.addresses.end();
  }

  /// Two of the same key type for one host: the second is served to nobody.
  void check_overlaps() {
    for (size_t i = 0; i < given_.size(); ++i) {
      const Value* written = given_[i].entry->find("hosts");
      const std::vector<std::string> hosts = given_[i].hosts();
      std::set<std::string> told;
      for (size_t j = 0; j < hosts.size(); ++j) {
        const size_t other = winner(hosts[j], i);
        if (other == i) continue;
        const bool both = written != nullptr && given_[other].entry->find("hosts") != nullptr;
        const std::string field = written == nullptr ? "certificate" : fmt::format("hosts[{}]", j);
        const std::string& type = serving_.all()[i].key_type;
        if (!both && !told.insert(std::to_string(other)).second) continue;  // once for each pair of certificates
        add(both ? Severity::error : Severity::warning, both ? "duplicate" : "shadowed-certificate", i, "certificate",
            both ? fmt::format("'{}' stands already in certificate[{}]", hosts[j], other)
                 : fmt::format(
                       "'{}' is in certificate[{}] ('{}') too, and both have {} keys: that one is served for it, "
                       "this one to nobody",
                       hosts[j], other, path(other, "certificate"), type),
            "keep it in one of the two; one RSA and one ECDSA certificate for a host are both served");
        if (written != nullptr) found_.back().at = &written->items()[j];
        found_.back().field = fmt::format("certificate[{}].{}", i, field);
      }
    }
  }

  /// The certificate of i's key type that is served for a host.
  size_t winner(const std::string& host, size_t i) const {
    for (const size_t one : serving_.slots().at(host))
      if (serving_.all()[one].key_type == serving_.all()[i].key_type) return one;
    return i;
  }

  void check_routes() {
    const Value* routes = spec_.find("route");
    if (routes == nullptr || given_.empty() || !has_https()) return;
    std::set<std::string> told;
    for (size_t r = 0; r < routes->items().size(); ++r) {
      const Value& route = routes->items()[r];
      if (const Value* host = route.find("host")) check_route_host(*host, fmt::format("route[{}].host", r), told);
      const Value* hosts = route.find("hosts");
      for (size_t j = 0; hosts != nullptr && j < hosts->items().size(); ++j)
        check_route_host(hosts->items()[j], fmt::format("route[{}].hosts[{}]", r, j), told);
    }
  }

  bool has_https() const {
    const Value* listeners = spec_.find("listener");
    return listeners != nullptr &&
           std::any_of(listeners->items().begin(), listeners->items().end(),
                       [](const Value& one) { return one.at("protocol").as_string() == "https"; });
  }

  void check_route_host(const Value& at, std::string field, std::set<std::string>& told) {
    const std::string& host = at.as_string();
    const auto& served = serving_.for_host(host);
    if (std::all_of(served.begin(), served.end(), [&](size_t i) { return is_named(i, host); })) return;
    if (!told.insert(host).second) return;
    const size_t wrong = *std::find_if(served.begin(), served.end(), [&](size_t i) { return !is_named(i, host); });
    found_.push_back({Severity::warning, "host-without-certificate", &at, std::move(field), "", 0,
                      fmt::format("no certificate names '{}': over https its clients get '{}', and refuse it", host,
                                  path(wrong, "certificate")),
                      parse_ip(host) ? "put a certificate that names it first: no handshake names an address"
                                     : fmt::format("add a [[certificate]] for {}", host)});
  }

  const std::vector<GivenCertificate>& given_;
  const Value& spec_;
  const int64_t now_;
  const Serving serving_;
  std::vector<CertificateFault> found_;
};

}  // namespace

std::vector<std::string> GivenCertificate::hosts() const {
  std::vector<std::string> out;
  if (const Value* given = entry->find("hosts"))
    for (const Value& host : given->items()) out.push_back(host.as_string());
  else if (!pair.chain.empty())
    out = pair.chain[0].names;
  return out;
}

std::string time_fault(const Certificate& one, int64_t now) {
  if (now >= one.not_after) return "ended on " + utc_text(one.not_after);
  return now < one.not_before ? "begins on " + utc_text(one.not_before) : "";
}

std::vector<CertificateFault> judge_certificates(const std::vector<GivenCertificate>& given, const Value& spec,
                                                 int64_t now) {
  return Judge(given, spec, now).run();
}

}  // namespace orctl
