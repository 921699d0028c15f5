#pragma once
#include <string>
#include <vector>

#include "cli/command.h"
#include "live/observe.h"
#include "shared/among.h"

namespace orctl {

/// The results of a server's checks in one cell: "http ok, slow failed".
std::string checks_cell(const Value& item);

/// Answer of GET /v1/health of a running instance.
Value::Array health_items(const Observed& o, const World& world);

/// `orctl get health`.
void get_health(const std::vector<std::string>& wanted, const std::vector<std::string>& labels, const World& world,
                Among& among, Io& io);

}  // namespace orctl
