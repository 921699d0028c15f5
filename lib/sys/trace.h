#pragma once
#include <functional>
#include <string>

namespace orctl {

/// Receives one line per side effect: "write /etc/…", "+ nginx -t …", "PUT …/v1/config". May be empty.
using Trace = std::function<void(const std::string&)>;

}  // namespace orctl
