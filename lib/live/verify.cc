#include "live/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/hash.h"
#include "base/layout.h"
#include "base/text.h"
#include "gateway/gateway.h"
#include "host/nginx_words.h"
#include "host/supervisor.h"
#include "live/evidence.h"
#include "live/last_word.h"
#include "live/saved_document.h"
#include "model/address.h"
#include "model/certificates.h"
#include "model/listener.h"
#include "render/render.h"

namespace orctl {
namespace {

constexpr Millis request_limit(2000), hasty_limit(250), poll_interval(20), watch_interval(50);

std::string reachable(const std::string& address) {
  return address == "0.0.0.0" ? "127.0.0.1" : address == "[::]" ? "[::1]" : address;
}

/// What keeps the workers from being right; "" when nothing does.
std::string fault_of_workers(const GatewayStatus& status, const Version& version,
                             const std::function<bool(const std::string&)>& is_wanted_document,
                             const std::string& certificates, const std::vector<int>& old_workers) {
  if (static_cast<int64_t>(status.workers.size()) != status.worker_count)
    return fmt::format("{} of {} workers have reported", status.workers.size(), status.worker_count);
  // what the new ones have reported, an old one tells too: that they answer, only they can show
  if (std::find(old_workers.begin(), old_workers.end(), status.worker) != old_workers.end())
    return fmt::format("worker {}, which is from before the reload, answers, and no new one", status.worker);
  for (const WorkerReport& w : status.workers) {
    if (!w.error.empty()) return fmt::format("worker {} keeps the old document: {}", w.pid, w.error);
    // until one worker has published it, all serve what they inherited, as generation 0
    if (w.generation == 0 || w.generation != status.generation)
      return fmt::format("worker {} is at generation {} of {}", w.pid, w.generation, status.generation);
    if (std::find(old_workers.begin(), old_workers.end(), w.pid) != old_workers.end())
      return fmt::format("worker {} is from before the reload", w.pid);
    if (w.tree != version.digest) return fmt::format("worker {} runs another tree ({})", w.pid, w.tree.substr(0, 12));
    if (!version.has_source() && !is_wanted_document(w.digest))
      return fmt::format("worker {} serves another document ({})", w.pid, w.digest.substr(0, 12));
    if (w.certs != certificates)
      return fmt::format("worker {} serves other certificates ({})", w.pid, w.certs.substr(0, 12));
  }
  return status.workers.empty() ? "no worker has reported" : "";
}

/// A request for the proof path, over TLS where that is spoken: the certificates are proved by the workers' digests.
std::string fault_of_http(const World& world, const Value& listener, const std::string& path, Millis limit) {
  const std::string at =
      fmt::format("{}:{}", reachable(listener.at("address").as_string()), listener.at("port").as_int());
  const bool tls = listener.at("protocol").as_string() == "https";
  try {
    const Endpoint endpoint = {"", at, tls ? Endpoint::Security::unchecked_tls : Endpoint::Security::none};
    const int status = world.http.get(endpoint, path, limit).status;
    if (status != 204) return fmt::format("the listener {} does not serve this tree (it answered {})", at, status);
  } catch (const Error& e) {
    return fmt::format("the listener {} does not answer: {}", at, e.what());
  }
  return {};
}

/// Of what no request of ours can reach that much can be known: this master holds the socket.
std::string fault_of_socket(const World& world, const Value& listener, int master) {
  using Transport = Proc::Transport;
  const std::string address = listener.at("address").as_string();
  const Transport transport = is_udp(listener) ? Transport::udp : Transport::tcp;
  // where a snippet listens on all addresses, nginx binds no single one of the same port
  for (const std::string& one : {address, std::string(address.front() == '[' ? "[::]" : "0.0.0.0")})
    if (world.proc.listens(master, transport, fmt::format("{}:{}", one, listener.at("port").as_int()))) return {};
  return fmt::format("nginx (pid {}) does not listen on {}", master, socket_name(listener));
}

std::string fault_of_listeners(const World& world, const Version& version, int master, Millis limit) {
  const std::string path = proof_path(version.digest);
  const bool shut_off = !world.proc.shares_network(master);
  for (const Value& listener : version.spec.at("listener").items()) {
    std::string fault = shut_off || is_stream(listener) ? fault_of_socket(world, listener, master)
                                                        : fault_of_http(world, listener, path, limit);
    if (!fault.empty()) return fault;
  }
  return {};
}

/// Why waiting any longer is of no use.
Error hopeless(const Layout& layout, const std::string& name, const std::string& why) {
  return {Exit::target, why, next_step(why, layout.logs(name) + "/error.log")};
}

/// Asks for the status until `fault_of` finds no fault in it, and returns it.
GatewayStatus await_status(const World& world, const std::string& name, const Supervisor& supervisor, const Value& spec,
                           Evidence& evidence, Millis limit,
                           const std::function<std::string(const GatewayStatus&, Millis)>& fault_of) {
  const Deadline deadline = Deadline::in(limit);
  LastWord fault;
  for (;;) {
    evidence.look(world, supervisor.master(world));
    std::optional<std::vector<WorkerReport>> reports;
    const Millis most = evidence.can_answer() ? request_limit : hasty_limit;
    const Millis each = std::max(Millis(1), std::min(most, deadline.left()));
    try {
      const GatewayStatus status = gateway_status(world, world.layout.admin_socket(name), each);
      reports = status.workers;
      const std::string found = fault_of(status, each);
      if (found.empty()) return status;
      if (each == most || fault.empty()) fault.told(found);  // of a hurried look, the lack of time may be the fault
    } catch (const Error& e) {
      if (each == most || fault.empty()) fault.silent(e.what());
      if (const std::string crowd = supervisor.crowd(world, supervisor.master(world), spec); !crowd.empty())
        fault.told(crowd);
      if (e.exit() == Exit::target && !reports) reports.emplace();  // it answers, and has none to tell
    }
    if (const std::string why = evidence.failure(world, reports); !why.empty()) throw hopeless(world.layout, name, why);
    if (interrupted() != 0) throw Error(Exit::target, "interrupted while waiting for the proof that it serves");
    if (deadline.passed())
      throw Error(Exit::timeout, fmt::format("after {} s {}", static_cast<double>(limit.count()) / 1000, fault.text()),
                  "see " + world.layout.logs(name) + "/error.log");
    world.clock.pause(poll_interval);
  }
}

}  // namespace

void watch_workers(const World& world, const std::string& name, Evidence& evidence, const Proof& proof, Millis span) {
  for (const Deadline end = Deadline::in(span);; world.clock.pause(watch_interval)) {
    if (const std::string ended = evidence.casualty(world, proof.workers); !ended.empty())
      throw Error(
          Exit::target, "nginx says: " + ended,
          fmt::format("see {}/error.log; --watch-log 0s takes the change all the same", world.layout.logs(name)));
    if (interrupted() != 0) throw Error(Exit::target, "interrupted while watching the workers");
    if (end.passed()) return;
  }
}

Proof verify(const World& world, const std::string& name, const Version& version, Evidence& evidence, Millis limit,
             Saved saved) {
  const std::string document = sha256(version.document()), certificates = certificates_digest(version.tree);
  const auto is_wanted_document = [&](const std::string& digest) {
    return digest == document ||
           (saved == Saved::may_be_served && digest == saved_document_digest(name, version.document(), world));
  };
  const Supervisor supervisor(world.layout, name, world.layout.tree(tree_folder(version.spec)));
  const GatewayStatus status =
      await_status(world, name, supervisor, version.spec, evidence, limit, [&](const GatewayStatus& now, Millis each) {
        const std::string fault =
            fault_of_workers(now, version, is_wanted_document, certificates, evidence.old_workers());
        return fault.empty() ? fault_of_listeners(world, version, supervisor.master(world), each) : fault;
      });
  Proof proof{status.generation, {}};
  for (const WorkerReport& w : status.workers) proof.workers.push_back(w.pid);
  std::sort(proof.workers.begin(), proof.workers.end());
  return proof;
}

void await_tree(const World& world, const std::string& name, const Version& version, Evidence& evidence, Millis limit) {
  const Supervisor supervisor(world.layout, name, world.layout.tree(tree_folder(version.spec)));
  await_status(world, name, supervisor, version.spec, evidence, limit, [&](const GatewayStatus& now, Millis) {
    return now.tree == version.digest ? "" : "the workers still run another tree";
  });
}

}  // namespace orctl
