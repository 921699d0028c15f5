#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "sys/clock.h"
#include "sys/trace.h"

namespace orctl {

/// Where an HTTP request goes: a unix socket, or an address "127.0.0.1:8080" / "[::1]:8080".
struct Endpoint {
  /// unchecked: TLS whose certificate proves nothing here, as for a listener of our own that is asked by its address.
  enum class Security { none, unchecked_tls };
  std::string unix_socket;
  std::string address;
  Security security = Security::none;
};

class Http {
 public:
  struct Response {
    int status = 0;
    std::string body;                                          ///< at most 64 MiB
    std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
    std::string header(const std::string& lower_name) const;   ///< "" when absent
  };
  using Headers = std::vector<std::pair<std::string, std::string>>;

  explicit Http(Trace trace) : trace_(std::move(trace)) {}

  /// GET; the Host header is "localhost" for a unix socket. No redirects, no proxy, no Expect header, no signals.
  /// Exit::unreachable when there is no answer (hint: is the instance running?), Exit::timeout past `limit` (total).
  Response get(const Endpoint& at, const std::string& path, Millis limit, const Headers& headers = {}) const;
  Response put(const Endpoint& at, const std::string& path, const std::string& body, Millis limit,
               const Headers& headers = {});
  /// DELETE.
  Response remove(const Endpoint& at, const std::string& path, Millis limit, const Headers& headers = {});
  /// Whether something accepts a TCP or unix connection there.
  bool accepts(const Endpoint& at, Millis limit) const;
  /// Whether a unix socket is there that nobody listens at.
  bool is_dead(const std::string& unix_socket) const;

 private:
  Trace trace_;
};

}  // namespace orctl
