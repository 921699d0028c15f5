#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/tree.h"
#include "model/network.h"
#include "model/object.h"

namespace orctl {

/// What a host allows: [policy] of its configuration (schemas/config.json).
struct Policy {
  /// low: no nginx snippets and no Lua of one's own, which may do whatever the workers may.
  enum class Risk { low, high };
  enum class Verdict { allow, deny };
  /// One entry of allow_upstreams or deny_upstreams.
  struct Rule {
    Network network;
    Verdict verdict;
    std::string text;    ///< as it is written
    std::string origin;  ///< "/etc/orctl/config.toml:7"
  };

  /// What the schema says of a host that says nothing.
  Policy();

  Risk risk = Risk::high;
  std::vector<Rule> rules;  ///< allow_upstreams, then deny_upstreams
  std::vector<std::string> names, users;
  std::optional<std::vector<std::string>> layouts;                     ///< nullopt: those that name their instance
  std::vector<std::string> binaries, secret_files, certificate_files;  ///< paths; of folders with a slash at the end
  std::vector<Endpoints> allow_listen, allow_admin, allow_sources, clear_secrets;
  std::string max_impact = "restart";
  bool require_reason = false;
  std::string require_ticket;  ///< what the whole of a ticket must be, a POSIX extended regular expression; "": none
  std::optional<std::vector<std::string>> may_skip_guards;  ///< nullopt: everybody may
  std::string file = "/etc/orctl/config.toml";              ///< where to change it

 private:
  explicit Policy(std::nullptr_t) {}  // without defaults
};

/// Whether `text` can be a require_ticket.
bool is_ticket_pattern(const std::string& text);
/// Whether `ticket` is one as the policy requires it.
bool fits_ticket(const std::string& ticket, const Policy& policy);

/// Why something may not be, and what to do about it.
struct Refusal {
  std::string text, hint;
};

/// Whether the policy lets requests go to `host`, an IPv4 address or a bracketed IPv6 address. The smallest network
/// that holds it decides, ours or the configuration's; an address that a translator or a tunnel turns into an IPv4 one
/// is also judged by that.
std::optional<Refusal> refuse_host(const std::string& host, const Policy& policy);

/// The same for "HOST:PORT", and for whatever is wrong with its spelling.
std::optional<Refusal> refuse_address(const std::string& address, const Policy& policy);

/// Every place where `object`, with `overlay` laid over its tree, says what the policy refuses, at its place in the
/// manifest. The code is "policy-risk", or "policy-" and what the field acts with (Authority): "policy-binary". It goes
/// over every field that the schema marks, so that a new one is held against the policy by its mark alone.
Diagnostics check_policy(const Object& object, const Tree& overlay, const Policy& policy);

}  // namespace orctl
