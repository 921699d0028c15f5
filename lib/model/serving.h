#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

namespace orctl {

/// A certificate as far as it decides what a handshake gets.
struct Offered {
  std::vector<std::string> hosts;  ///< that it is for: those of the manifest, else those in it
  std::string key_type;            ///< as Certificate has it; two of the same are alternatives for no client
  std::string sha256;              ///< of the certificate
};

/// Which of several certificates a handshake gets for which name, as lua/orctl/tls/choice.lua chooses: the first of
/// each key type for an exact host, else for a wildcard, else those beside the first certificate of all.
class Serving {
 public:
  explicit Serving(std::vector<Offered> all);

  /// Indexes of those that are served for a host; one for each key type.
  const std::vector<size_t>& for_host(const std::string& host) const;
  /// The host's own entry among them, "*.example" or "shop.example"; "" is every other name.
  const std::map<std::string, std::vector<size_t>>& slots() const { return slots_; }
  const std::vector<Offered>& all() const { return all_; }

  /// Those that would be served where they are not served by `now`: for another name, or at all.
  std::set<size_t> newly_served(const Serving& now) const;

 private:
  void offer(const std::string& slot, size_t index);

  std::vector<Offered> all_;
  std::map<std::string, std::vector<size_t>> slots_;
};

}  // namespace orctl
