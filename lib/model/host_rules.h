#pragma once
#include <functional>
#include <optional>
#include <string>

#include "model/policy.h"
#include "model/schema.h"
#include "model/value.h"

namespace orctl {

/// Receives a faulty item of a list, its field ("allow_listen[2]"), what is wrong with it, and a hint.
using ListFault = std::function<void(const Value&, const std::string&, std::string, std::string)>;

/// Takes the lists that stand in `given`, the [policy] of a configuration, into `policy`; each replaces what was there.
void read_lists(const Value& given, Policy& policy, const ListFault& report);

// What each policy refuses of one field: nullopt when it is allowed. The text goes behind the value in quotes.

std::optional<Refusal> refuse_name(const std::string& name, const Policy& policy);
std::optional<Refusal> refuse_binary(const std::string& path, const Policy& policy);
std::optional<Refusal> refuse_user(const std::string& user, const Policy& policy);
std::optional<Refusal> refuse_layout(const std::string& layout, const Policy& policy);
/// `name` is the instance's: its own folder of secrets is always allowed.
std::optional<Refusal> refuse_secret_file(const std::string& path, const std::string& name, const Policy& policy);
std::optional<Refusal> refuse_certificate_file(const std::string& path, const Policy& policy);
/// Without a port all ports of the address are asked for; of what is no address, as the name of a network interface is,
/// whether instances may listen anywhere.
std::optional<Refusal> refuse_listen(const std::string& address, std::optional<int64_t> port, const Policy& policy);
/// `listen` is "ADDRESS:PORT".
std::optional<Refusal> refuse_admin_listen(const std::string& listen, const Policy& policy);
/// `source` is like instance.source, and need not have a port; also what its password would have to pass.
std::optional<Refusal> refuse_source(const Value& source, const Policy& policy);
/// The port that stands beside an address in `object`.
std::optional<int64_t> port_of(const Value& object);

/// The keys of config.policy that fields with this mark are held against: "policy.binaries"; "" for none.
std::string policy_keys(Authority authority);

/// The folder of an instance's own secrets: "/etc/orctl/secrets/NAME/", below the root.
std::string secrets_folder(const std::string& name);

}  // namespace orctl
