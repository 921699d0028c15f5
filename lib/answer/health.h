#pragma once
#include <string>
#include <vector>

#include "answer/answer.h"
#include "live/observe.h"

namespace orctl {

const Noun& health_noun();

/// What the running gateway of an instance says of the health of its servers (GET /v1/health), as it says it.
Value::Array told_health(const Observed& o, const World& world);

/// One of them as an item of an instance; `instance` may be empty.
Value health_item(const std::string& instance, const Value& told);

/// The results of a server's checks in one cell: "http ok, slow failed".
std::string checks_text(const Value& item, const std::string& field);

/// `choice.names` are INST or INST/UP, patterns or not; Error(Exit::usage) when one is neither.
Answer list_health(const Choice& choice, const World& world);

}  // namespace orctl
