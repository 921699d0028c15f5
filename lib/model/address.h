#pragma once
#include <string>
#include <string_view>

namespace orctl {

/// What is wrong with an IPv4 address or a bracketed IPv6 address; "" when it is one.
std::string address_fault(std::string_view host);

/// The same for one that requests are sent to: also refuses the unspecified, broadcast and multicast addresses.
std::string server_host_fault(std::string_view host);

/// What is wrong with "HOST:PORT" as a server's address; "" when nothing is.
std::string server_address_fault(std::string_view address);

/// The one spelling of an address: [0:0::1] and [::1] are both [::1]. Anything that is no address comes back as it is.
std::string canonical_host(std::string_view host);

/// The same for "HOST:PORT".
std::string canonical_address(std::string_view address);

/// Whether `host` stands for every address of its family: 0.0.0.0 or [::].
bool is_wildcard(std::string_view host);

}  // namespace orctl
