#include "engine/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/hash.h"
#include "base/text.h"
#include "engine/gateway.h"
#include "model/address.h"
#include "model/certificates.h"
#include "model/listener.h"
#include "render/render.h"

namespace orctl {
namespace {

/// What nginx said in one line of its log, without time, level and pid#tid.
std::string nginx_words(const std::string& line) {
  size_t at = line.find("] ", line.find('['));
  if (at == std::string::npos) return line;
  at += 2;
  const size_t colon = line.find(": ", at);
  const bool process = colon != std::string::npos && line.find_first_not_of("0123456789#", at) == colon;
  return line.substr(process ? colon + 2 : at);
}

constexpr Millis request_limit(2000), poll_interval(20);
constexpr size_t log_window = size_t{1} << 20;  // what nginx says of its own start stands well before that

/// The fatal line that nginx logged since `offset`, "" when there is none (yet). Single bind failures are not final:
/// nginx tries five times.
std::string fatal_line(const World& world, const Layout& layout, const std::string& name, int64_t offset) {
  if (offset < 0) return {};
  const std::string log = world.fs.read_from(layout.logs(name) + "/error.log", offset, log_window);
  std::string bind, found;
  for (const std::string& line : split(log, '\n')) {
    const bool emerg = line.find("[emerg]") != std::string::npos;
    const bool init = line.find("init_by_lua error") != std::string::npos ||
                      line.find("init_worker_by_lua error") != std::string::npos;
    if (!emerg && !init) continue;
    const std::string words = nginx_words(line);
    if (words.find("still could not bind") != std::string::npos) return bind;
    if (words.find("bind() to") != std::string::npos)
      bind = words;
    else if (found.empty())
      found = words;
  }
  return found;
}

std::string reachable(const std::string& address) {
  return address == "0.0.0.0" ? "127.0.0.1" : address == "[::]" ? "[::1]" : address;
}

/// What keeps the workers from being right; "" when nothing does.
std::string fault_of_workers(const GatewayStatus& status, const Version& version, const std::string& document,
                             const std::string& certificates, const std::vector<int>& old_workers) {
  if (static_cast<int64_t>(status.workers.size()) != status.worker_count)
    return fmt::format("{} of {} workers have reported", status.workers.size(), status.worker_count);
  for (const WorkerReport& w : status.workers) {
    if (!w.error.empty()) return fmt::format("worker {} keeps the old document: {}", w.pid, w.error);
    // until one worker has published it, all serve what they inherited, as generation 0
    if (w.generation == 0 || w.generation != status.generation)
      return fmt::format("worker {} is at generation {} of {}", w.pid, w.generation, status.generation);
    if (std::find(old_workers.begin(), old_workers.end(), w.pid) != old_workers.end())
      return fmt::format("worker {} is from before the reload", w.pid);
    if (w.tree != version.digest) return fmt::format("worker {} runs another tree ({})", w.pid, w.tree.substr(0, 12));
    if (!version.has_source() && w.digest != document)
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

/// tcp and udp have no request of ours to answer: that this master holds the socket is what can be known.
std::string fault_of_stream(const World& world, const Value& listener, int master) {
  using Transport = Proc::Transport;
  const std::string at = fmt::format("{}:{}", listener.at("address").as_string(), listener.at("port").as_int());
  if (world.proc.listens(master, is_udp(listener) ? Transport::udp : Transport::tcp, at)) return {};
  return fmt::format("nginx (pid {}) does not listen on {}", master, socket_name(listener));
}

std::string fault_of_listeners(const World& world, const Version& version, int master, Millis limit) {
  const std::string path = proof_path(version.digest);
  for (const Value& listener : version.spec.at("listener").items()) {
    std::string fault =
        is_stream(listener) ? fault_of_stream(world, listener, master) : fault_of_http(world, listener, path, limit);
    if (!fault.empty()) return fault;
  }
  return {};
}

/// Asks for the status until `fault_of` finds no fault in it, and returns it.
GatewayStatus await_status(const World& world, const Layout& layout, const std::string& name, int64_t log_offset,
                           Millis limit, const std::function<std::string(const GatewayStatus&, Millis)>& fault_of) {
  const Deadline deadline = Deadline::in(limit);
  std::string fault;
  for (;;) {
    try {
      const Millis each = std::max(Millis(1), std::min(request_limit, deadline.left()));
      const GatewayStatus status = gateway_status(world, layout.admin_socket(name), each);
      fault = fault_of(status, each);
      if (fault.empty()) return status;
    } catch (const Error& e) {
      fault = e.what();
    }
    if (const std::string fatal = fatal_line(world, layout, name, log_offset); !fatal.empty())
      throw Error(Exit::target, fatal,
                  fatal.find("bind()") != std::string::npos ? "find who listens there: ss -ltnp"
                                                            : "see " + layout.logs(name) + "/error.log");
    if (interrupted() != 0) throw Error(Exit::target, "interrupted while waiting for the proof that it serves");
    if (deadline.passed())
      throw Error(Exit::timeout, fmt::format("after {} s {}", static_cast<double>(limit.count()) / 1000, fault),
                  "see " + layout.logs(name) + "/error.log");
    world.clock.pause(poll_interval);
  }
}

}  // namespace

int64_t log_size(const World& world, const Layout& layout, const std::string& name) {
  const auto stat = world.fs.stat(layout.logs(name) + "/error.log");
  return stat ? stat->size : 0;
}

Proof verify(const World& world, const Layout& layout, const std::string& name, const Version& version,
             int64_t log_offset, const std::vector<int>& old_workers, Millis limit) {
  const std::string document = sha256(version.document()), certificates = certificates_digest(version.tree);
  const Supervisor supervisor(layout, name, layout.tree(tree_folder(version.spec)));
  const GatewayStatus status =
      await_status(world, layout, name, log_offset, limit, [&](const GatewayStatus& now, Millis each) {
        const std::string fault = fault_of_workers(now, version, document, certificates, old_workers);
        return fault.empty() ? fault_of_listeners(world, version, supervisor.master(world), each) : fault;
      });
  Proof proof{status.generation, {}};
  for (const WorkerReport& w : status.workers) proof.workers.push_back(w.pid);
  std::sort(proof.workers.begin(), proof.workers.end());
  return proof;
}

void await_tree(const World& world, const Layout& layout, const std::string& name, const Version& version,
                int64_t log_offset, Millis limit) {
  await_status(world, layout, name, log_offset, limit, [&](const GatewayStatus& now, Millis) {
    return now.tree == version.digest ? "" : "the workers still run another tree";
  });
}

}  // namespace orctl
