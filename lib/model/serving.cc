#include "model/serving.h"

#include <algorithm>

#include "model/network.h"

namespace orctl {
namespace {

bool share_host(const Offered& a, const Offered& b) {
  return std::any_of(a.hosts.begin(), a.hosts.end(), [&](const std::string& host) {
    return std::find(b.hosts.begin(), b.hosts.end(), host) != b.hosts.end();
  });
}

}  // namespace

Serving::Serving(std::vector<Offered> all) : all_(std::move(all)) {
  slots_[""];
  for (size_t i = 0; i < all_.size(); ++i) {
    for (const std::string& host : all_[i].hosts) offer(host, i);
    if (i == 0 || share_host(all_[0], all_[i])) offer("", i);
  }
}

void Serving::offer(const std::string& slot, size_t index) {
  std::vector<size_t>& there = slots_[slot];
  if (std::none_of(there.begin(), there.end(),
                   [&](size_t other) { return all_[other].key_type == all_[index].key_type; }))
    there.push_back(index);
}

const std::vector<size_t>& Serving::for_host(const std::string& host) const {
  if (parse_ip(host)) return slots_.at("");  // no handshake names an address (RFC 6066, 3)
  const auto exact = slots_.find(host);
  if (exact != slots_.end()) return exact->second;
  const size_t dot = host.find('.');
  const auto wildcard = dot == std::string::npos || dot == 0 || host.starts_with("*.")
                            ? slots_.end()
                            : slots_.find("*" + host.substr(dot));
  return wildcard == slots_.end() ? slots_.at("") : wildcard->second;
}

std::set<size_t> Serving::newly_served(const Serving& now) const {
  std::set<std::string> had, known;
  for (const auto& [slot, indexes] : now.slots_)
    for (const size_t i : indexes) had.insert(slot + " " + now.all_[i].sha256);
  for (const Offered& one : now.all_) known.insert(one.sha256);
  std::set<size_t> out;
  for (const auto& [slot, indexes] : slots_)
    for (const size_t i : indexes)
      if (!had.contains(slot + " " + all_[i].sha256)) out.insert(i);
  for (size_t i = 0; i < all_.size(); ++i)
    if (!known.contains(all_[i].sha256)) out.insert(i);
  return out;
}

}  // namespace orctl
