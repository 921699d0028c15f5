#include "change/served_dates.h"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/gateway.h"
#include "model/certificate_rules.h"
#include "model/certificates.h"
#include "model/serving.h"

namespace orctl {
namespace {

struct OfTree {
  std::vector<Offered> offered;
  std::vector<std::string> faults;  ///< of each: why it is not valid now, with its file; "" when it is
};

OfTree of_tree(const Tree& tree, int64_t now) {
  OfTree out;
  for (const TreeCertificate& one : tree_certificates(tree)) {
    const auto file = tree.find(one.certificate);
    const auto read = file == tree.end() ? std::nullopt : first_certificate(file->second.content);
    out.offered.push_back(read ? Offered{one.hosts.empty() ? read->names : one.hosts, read->key_type, read->sha256}
                               : Offered{one.hosts, "", ""});
    const std::string fault = read ? time_fault(*read, now) : "";
    out.faults.push_back(fault.empty() ? "" : fmt::format("{}: the certificate {}", one.certificate, fault));
  }
  return out;
}

std::vector<Offered> told_by_gateway(const std::string& name, const World& world) {
  std::vector<Offered> out;
  for (const Value& one : gateway_list(world, world.layout.admin_socket(name), ListOf::certificates)) {
    Offered offered;
    for (const Value& host : one.at("hosts").items()) offered.hosts.push_back(host.as_string());
    if (const Value* type = one.find("key_type"); type != nullptr && type->is_string())
      offered.key_type = type->as_string();
    if (const Value* sha256 = one.find("sha256"); sha256 != nullptr && sha256->is_string())
      offered.sha256 = sha256->as_string();
    out.push_back(std::move(offered));
  }
  return out;
}

/// What handshakes get now: of a process that stands still, what its next start gives.
std::vector<Offered> served_now(const InstancePlan& plan, const Live& live, const World& world, int64_t now) {
  if (!plan.before) return {};
  if (live.running && !live.certs.empty() && live.certs != certificates_digest(plan.before->tree)) try {
      return told_by_gateway(plan.name, world);
    } catch (const Error&) {
      stop_if_interrupted();  // else the tree's word is the best there is
    }
  return of_tree(plan.before->tree, now).offered;
}

bool serves(const InstancePlan& plan) {
  return std::find(plan.steps.begin(), plan.steps.end(), Step(Verify{})) != plan.steps.end();
}

}  // namespace

void refuse_untimely(const InstancePlan& plan, const Live& live, const World& world) {
  if (!plan.after || !plan.has_process() || !serves(plan)) return;
  const int64_t now = world.clock.now();
  OfTree after = of_tree(plan.after->tree, now);
  if (std::all_of(after.faults.begin(), after.faults.end(), [](const std::string& f) { return f.empty(); })) return;
  const Serving before(served_now(plan, live, world, now));
  for (const size_t i : Serving(std::move(after.offered)).newly_served(before))
    if (!after.faults[i].empty())
      throw Error(Exit::refused, after.faults[i] + "; it would be served, and is not yet",
                  "put one there that is valid now; what is served already may stay");
}

}  // namespace orctl
