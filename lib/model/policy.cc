#include "model/policy.h"

#include <fmt/format.h>

#include "base/text.h"
#include "base/tree_paths.h"
#include "model/address.h"
#include "model/host_rules.h"
#include "model/origin.h"
#include "model/pattern.h"
#include "model/upstream_health.h"

namespace orctl {
namespace {

struct Reserved {
  const char* network;
  const char* why;  ///< behind "ADDRESS is"
};

// IANA's registries of special-purpose addresses, and where clouds answer whoever asks with credentials of the machine.
constexpr Reserved reserved[] = {
    {"0.0.0.0/8", "in 0.0.0.0/8, which no server has"},
    {"169.254.0.0/16", "link-local"},
    {"169.254.169.254/32", "a cloud's metadata service"},
    {"169.254.170.2/32", "a cloud's metadata service"},
    {"100.100.100.200/32", "a cloud's metadata service"},
    {"168.63.129.16/32", "a cloud's metadata service"},
    {"192.0.0.192/32", "a cloud's metadata service"},
    {"224.0.0.0/4", "multicast"},
    {"240.0.0.0/4", "reserved"},
    {"255.255.255.255/32", "broadcast"},
    {"::/96", "an IPv4-compatible address, which nothing routes"},
    {"64:ff9b:1::/48", "translated to an IPv4 address that nobody can tell here"},
    {"2001::/32", "tunnelled to an IPv4 address that nobody can tell here"},
    {"fd00:ec2::254/128", "a cloud's metadata service"},
    {"fd20:ce::254/128", "a cloud's metadata service"},
    {"fe80::/10", "link-local"},
    {"fec0::/10", "site-local, which is no more"},
    {"ff00::/8", "multicast"},
};

/// What decides about one address: nothing, a network of ours, or one of the configuration.
struct Decision {
  const Reserved* ours = nullptr;
  const Policy::Rule* theirs = nullptr;
  unsigned bits = 0;

  bool denied() const { return theirs != nullptr ? theirs->verdict == Policy::Verdict::deny : ours != nullptr; }
  std::string why() const {
    return theirs != nullptr ? fmt::format("in \"{}\" of deny_upstreams ({})", theirs->text, theirs->origin)
                             : ours->why;
  }
};

const std::vector<std::pair<Network, const Reserved*>>& reserved_networks() {
  static const auto all = [] {
    std::vector<std::pair<Network, const Reserved*>> out;
    std::string fault, hint;
    for (const Reserved& one : reserved) out.emplace_back(parse_networks(one.network, fault, hint).at(0), &one);
    return out;
  }();
  return all;
}

Decision decide(const IpAddress& address, const Policy& policy) {
  static constexpr IpAddress loopback_v6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};  // within ::/96
  Decision best;
  for (const auto& [network, ours] : reserved_networks())
    if (network.bits >= best.bits && network.holds(address) && address != loopback_v6)
      best = {ours, nullptr, network.bits};
  for (const Policy::Rule& rule : policy.rules)  // of equal networks the last one stands, and that denies
    if (rule.network.bits >= best.bits && rule.network.holds(address)) best = {nullptr, &rule, rule.network.bits};
  return best;
}

bool is_loopback_v4(const IpAddress& a) { return a[10] == 0xff && a[12] == 127; }

std::string v4_text(const IpAddress& a) { return fmt::format("{}.{}.{}.{}", a[12], a[13], a[14], a[15]); }

std::string without_brackets(const std::string& host) {
  return host[0] == '[' ? host.substr(1, host.size() - 2) : host;
}

class PolicyCheck {
 public:
  PolicyCheck(const Object& object, const Policy& policy) : object_(object), policy_(policy) {}

  Diagnostics run(const Tree& overlay) {
    schema_of(object_.spec)
        .visit_authority(object_.spec,
                         [&](Authority authority, const Value& value, const Value& parent, const std::string& field) {
                           for (const auto& refusal : refusals(authority, value, parent))
                             add(refusal.code.c_str(), value, field,
                                 fmt::format("{} {}", to_json(value), refusal.what.text), refusal.what.hint);
                         });
    if (policy_.risk == Policy::Risk::low && is_instance()) check_risk(overlay);
    return std::move(found_);
  }

 private:
  void add(const char* code, const Value& at, std::string field, std::string text, std::string hint) {
    if (found_.size() >= max_faults) return;
    found_.push_back(fault_of(object_, Severity::error, code, at, std::move(field), std::move(text), std::move(hint)));
  }

  struct Coded {
    std::string code;
    Refusal what;
  };

  bool is_instance() const { return kind_name_of(object_.spec) == "Instance"; }

  /// A source as an instance has it, whatever the field of its host is called.
  static Value with_host(const Value& source, const std::string& host) {
    Value out = source.is_object() ? source : Value::object();
    out.set("host", host);
    return out;
  }

  /// The one place where a mark of the schema becomes a question to the policy. `risk` is asked of an instance's files
  /// and code together (check_risk), and a port with its address. What is no text is asked as it would be written.
  std::vector<Coded> refusals(Authority authority, const Value& value, const Value& parent) const {
    std::vector<Coded> all;
    const std::string text = value.is_string() ? value.as_string() : to_json(value);
    const auto take = [&](std::string_view code, std::optional<Refusal> refusal) {
      if (refusal) all.push_back({fmt::format("policy-{}", code), std::move(*refusal)});
    };
    const bool is_port = value.is_int();
    switch (authority) {
      case Authority::name:
        take("name", refuse_name(text, policy_));
        break;
      case Authority::binary:
        take("binary", refuse_binary(text, policy_));
        break;
      case Authority::user:
        take("user", refuse_user(text, policy_));
        break;
      case Authority::layout:
        take("layout", refuse_layout(text, policy_));
        break;
      case Authority::connect:
        if (is_port) break;
        // of another kind the port may stand in a field of its own, or be the same for all
        take("address", server_host_fault(text).empty() ? refuse_host(text, policy_) : refuse_address(text, policy_));
        break;
      case Authority::source:
        if (is_port) break;
        take("address", refuse_host(text, policy_));
        take("source", refuse_source(with_host(parent, text), policy_));
        break;
      case Authority::secret_file:
        take("secret", refuse_secret_file(text, id_of(object_.spec), policy_));
        break;
      case Authority::certificate_file:
        take("certificate", refuse_certificate_file(text, policy_));
        break;
      case Authority::listen:
        if (is_port) break;
        take("listen", refuse_listen(text, port_of(parent), policy_));
        break;
      case Authority::admin_listen:
        take("listen", refuse_admin_listen(text, policy_));
        break;
      case Authority::overlay:
      case Authority::code:
        if (!is_instance() && policy_.risk == Policy::Risk::low)
          take("risk", Refusal{"is code, and the policy of this host has risk \"low\"", risk_hint()});
        break;
      case Authority::none:
      case Authority::host:
      case Authority::instance:
        break;
    }
    return all;
  }

  std::string risk_hint() const {
    return fmt::format(
        "if whoever writes these files may do what the workers may: risk = \"high\" under [policy] in {}",
        policy_.file);
  }

  void check_risk(const Tree& overlay) {
    const std::string hint = risk_hint();
    std::vector<std::string> files;
    for (const auto& [path, file] : overlay)
      if (path.starts_with(tree_path::lua)) files.push_back(path);  // snippets are looked at directive by directive
    const Value* folder = object_.spec.find("files");
    if (!files.empty() && folder != nullptr)
      add("policy-risk", *folder, "files",
          fmt::format("the folder holds {}{}, which is code, and the policy of this host has risk \"low\"", files[0],
                      files.size() > 1 ? fmt::format(" and {} more", files.size() - 1) : ""),
          hint);
    visit_check_modules(object_.spec, [&](const Value& module, const std::string& field) {
      add("policy-risk", module, field, "this check runs Lua, and the policy of this host has risk \"low\"", hint);
    });
  }

  const Object& object_;
  const Policy& policy_;
  Diagnostics found_;
};

}  // namespace

std::optional<Refusal> refuse_host(const std::string& host, const Policy& policy) {
  if (const auto fault = server_host_fault(host); !fault.empty())
    return Refusal{fault, "for example \"10.0.0.1\" or \"[2001:db8::1]\""};
  const auto address = parse_ip(host);
  if (!address) return Refusal{"is no address", "for example \"10.0.0.1\" or \"[2001:db8::1]\""};
  const std::string hint = fmt::format("if that is meant: allow_upstreams = [\"{}\"] under [policy] in {}",
                                       without_brackets(canonical_host(host)), policy.file);
  const Decision direct = decide(*address, policy);
  if (direct.denied()) {
    const bool exactly = direct.theirs != nullptr && direct.bits == 128;
    return Refusal{"is " + direct.why(), exactly ? "take it out of deny_upstreams in " + policy.file : hint};
  }
  if (direct.theirs != nullptr && direct.bits == 128) return std::nullopt;  // this one address is meant
  const auto v4 = carried_v4(*address);
  if (!v4) return std::nullopt;
  const std::string leads = fmt::format("leads to {}, which is ", v4_text(*v4));
  if (is_loopback_v4(*v4)) return Refusal{leads + "loopback", hint};
  const Decision carried = decide(*v4, policy);
  return carried.denied() ? std::optional(Refusal{leads + carried.why(), hint}) : std::nullopt;
}

std::optional<Refusal> refuse_address(const std::string& address, const Policy& policy) {
  if (const auto fault = server_address_fault(address); !fault.empty())
    return Refusal{fault, "for example \"10.0.0.1:8080\" or \"[2001:db8::1]:8080\""};
  return refuse_host(address.substr(0, address.rfind(':')), policy);
}

Diagnostics check_policy(const Object& object, const Tree& overlay, const Policy& policy) {
  return PolicyCheck(object, policy).run(overlay);
}

namespace {

constexpr size_t longest_ticket = 200;

/// The pattern for the whole of a text.
std::string whole_pattern(const std::string& text) { return "^(" + text + ")$"; }

}  // namespace

bool is_ticket_pattern(const std::string& text) {
  for (const std::string& one : {text, whole_pattern(text)}) try {
      const Schema::Node::Pattern pattern(one);
    } catch (const std::logic_error&) {
      return false;
    }
  return text.find('\0') == std::string::npos;
}

bool fits_ticket(const std::string& ticket, const Policy& policy) {
  if (policy.require_ticket.empty()) return true;
  if (ticket.empty() || ticket.size() > longest_ticket || ticket.find('\n') != std::string::npos) return false;
  return Schema::Node::Pattern(whole_pattern(policy.require_ticket)).matches(ticket);
}

}  // namespace orctl
