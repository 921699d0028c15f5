#pragma once
#include <optional>
#include <string>
#include <vector>

#include "model/value.h"
#include "sys/world.h"

namespace orctl {

/// What an answer may take where nobody says another time.
constexpr Millis ask_limit(5000);

/// What one worker says it serves.
struct WorkerReport {
  int pid = 0;
  int64_t generation = 0;
  std::string digest, tree, certs, error;
  int64_t override_version = 0;
};

/// Answer of GET /v1/status.
struct GatewayStatus {
  std::string name, digest, tree;
  int64_t generation = 0;
  int64_t worker = 0;  ///< pid of the one that answered; 0: an older gateway does not say
  int64_t worker_count = 0;
  int64_t override_version = 0;
  double uptime = 0;  ///< seconds
  std::vector<WorkerReport> workers;
  std::string source_error;  ///< why the source, if there is one, does not give what is served; "" when it does
  Value raw;                 ///< the whole answer

  /// The document digest that every worker serves; "" when they differ, or not all have reported.
  std::string common_digest() const;
  std::string common_tree() const;
  std::string common_certs() const;
  /// Whether every worker has reported, keeps nothing old for an error, and is at `generation` and
  /// `override_version`.
  bool settled() const;
};

/// What an answer of GET /v1/status says; members that are missing or of another type stay as they are by default.
GatewayStatus gateway_status_of(Value answer);

/// Asks the admin socket. Exit::unreachable or Exit::timeout when there is no answer, Exit::target when it is no
/// status.
GatewayStatus gateway_status(const World& world, const std::string& socket, Millis limit);

/// Error(Exit::target) when it is another instance that answers on this one's socket: somebody has put that there.
void require_own_gateway(const GatewayStatus& status, const std::string& name);

/// GET of a path of the admin endpoint, as a document; errors as above, and a problem document becomes Exit::target.
Value gateway_get(const World& world, const std::string& socket, const std::string& path, Millis limit = ask_limit);

/// The lists that a gateway tells.
enum class ListOf { upstreams, overrides, health, certificates };
/// The items of such an answer, as schemas/answers.json has them; Exit::target when it is none.
Value::Array gateway_items(const Value& answer, ListOf what);
/// Throws Error(Exit::target) when `answer` is not what schemas/answers.json calls `kind`; `fault` says so.
void require_answer(const Value& answer, const std::string& kind, const std::string& fault);
/// GET of a list; errors as above.
Value::Array gateway_list(const World& world, const std::string& socket, ListOf what, Millis limit = ask_limit);
/// The one upstream of that name as it stands in the list of them; nullopt when the gateway has none.
std::optional<Value> upstream_at(const World& world, const std::string& socket, const std::string& name);

/// The gateway's own words for a refusal (RFC 9457): Exit::conflict for 412, Exit::target for others.
Error gateway_problem(const Http::Response& response, const std::string& what);
/// The body of an answer, which must be a JSON object: Exit::target otherwise.
Value gateway_answer(const Http::Response& response, const std::string& what);

/// Replaces the gateway document by the one that the tree on disk holds now; refused with the gateway's own words
/// (Exit::target). A change by somebody else in between is Exit::conflict and is not lost; one that puts what was
/// there, or what is wanted, is looked at again.
void put_document(World& world, const std::string& socket, const std::string& document);

/// Replaces the gateway's certificates by those of the tree on disk; `body` as certificates_body() makes it.
void put_certificates(World& world, const std::string& socket, const std::string& body);

}  // namespace orctl
