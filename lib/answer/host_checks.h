#pragma once
#include <string>
#include <vector>

#include "answer/answer.h"
#include "model/config.h"
#include "sys/world.h"

namespace orctl {

/// One thing of this host that was looked at: what was found, and what to do if it is not as it must be.
struct HostCheck {
  enum class State { ok, missing, note };

  State state;
  std::string what, found, hint{};
};
using HostChecks = std::vector<HostCheck>;

const Noun& checks_noun();
Value check_item(const HostCheck& check);
/// Whether nothing that orctl needs is missing.
bool is_healthy(const HostChecks& checks);

/// What the nginx at `wanted`, or the one that orctl would take, has and lacks.
HostChecks nginx_checks(const std::string& wanted, const World& world);
/// Whose history can be read, what live instances have lost on this host, what runs twice, and who may write.
HostChecks store_checks(const World& world);
/// Something at `path` that a kill or half a delete left; `instance` is "" when nobody knows whose it is.
HostCheck stray_check(const std::string& path, const std::string& instance, const World& world);
HostCheck supervisor_check(const World& world);
HostChecks config_checks(const Config& config);

}  // namespace orctl
