#pragma once
#include <optional>
#include <string>
#include <vector>

#include "model/diagnostic.h"
#include "model/policy.h"
#include "model/read.h"

namespace orctl {

/// One value of the configuration and where it comes from.
struct Setting {
  std::string key;     ///< "policy.risk"
  Value value;         ///< null: not set, and no default
  std::string origin;  ///< "/etc/orctl/config.toml:4", "ORCTL_COLOR", "--color"; "default"
};

/// What the files of the configuration say (schemas/config.json).
struct Config {
  std::vector<Setting> given;  ///< what stands in the files; a user's word comes in the place of the host's
  Policy policy;
  std::string group;                   ///< whose members may read versions and audit log; "": root alone
  std::optional<Refusal> untrusted{};  ///< why nothing of this host can be believed; then no file was read
  Diagnostics found;                   ///< when there is an error, `given` and `policy` are of no use

  const Setting* find(const std::string& key) const;
  /// All keys in the schema's order: what is given, else the default.
  std::vector<Setting> all() const;
};

/// Whose word a file is: the host's may say everything, a user's only what concerns nobody else.
enum class Reach { host, user };

/// One file of the configuration, or why it cannot be used.
struct ConfigFile {
  Source source;
  Reach reach = Reach::host;
  Diagnostics faults{};
};

/// Reads the files, the host's first. `risk` holds where they do not say it; `file` is the host's, which hints name.
Config read_config(const std::vector<ConfigFile>& files, Policy::Risk risk, const std::string& file);

/// Whether `value` is one that the schema knows for `key`, such as "json" for "output".
bool is_choice(const std::string& key, const std::string& value);

}  // namespace orctl
