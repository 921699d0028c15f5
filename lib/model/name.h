#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orctl {

/// env_module_seq_port, taken apart.
struct Name {
  std::string env, module;
  int seq = 0;   ///< 1 to 999
  int port = 0;  ///< 1 to 65535

  std::string str() const;    ///< "prd_payment_001_8080"
  std::string group() const;  ///< "prd_payment_001": unique among all instances
  bool operator==(const Name&) const = default;
};

/// What names may be made of; a fleet narrows it.
struct NameRules {
  std::vector<std::string> envs = {"prd", "pre", "stg", "uat", "tst", "dev"};
  std::vector<std::string> modules;  ///< empty: any
};

/// One thing wrong with a name, and where.
struct NameFault {
  std::string part;  ///< "env", "module", "seq", "port", or "name" for its shape as a whole
  std::string text;
  size_t offset = 0;  ///< in bytes
};

struct NameCheck {
  std::optional<Name> name;  ///< when there are no faults
  std::vector<NameFault> faults;
  std::string suggestion;  ///< the nearest right name; empty when none is near
};

NameCheck check_name(std::string_view text, const NameRules& rules = {});

/// Takes apart what can be the name of an instance in some fleet, whatever its environments and modules are.
std::optional<Name> read_name(std::string_view text);

/// Takes apart a name that has been checked before (a branch of the store, a spec); throws std::logic_error otherwise.
Name known_name(std::string_view text);

/// `layout` with {name} {env} {module} {seq} {port} filled in.
std::string fill_layout(const std::string& layout, const Name& name);

}  // namespace orctl
