#pragma once
#include <string>
#include <vector>

#include "answer/answer.h"
#include "gateway/overrides.h"
#include "model/server_path.h"
#include "sys/world.h"

namespace orctl {

const Noun& overrides_noun();

/// One override as the gateway tells it (GET /v1/overrides), as an item of an instance; `instance` may be empty.
Value override_item(const std::string& instance, const Value& told);

/// What was done to the override of one server: `result` words a change, `waited` says what was waited
/// for ("": nothing).
Value override_result_item(const ServerName& server, const std::string& result, const OverrideOutcome& outcome,
                           const std::string& waited);
/// The same in one line.
std::string override_result_line(const ServerName& server, const std::string& result, const OverrideOutcome& outcome,
                                 const std::string& waited);
/// Result of a change that is stored, and that some worker does not follow.
constexpr const char* unfollowed_result = "not followed by every worker";
Value unfollowed_item(const ServerName& server, const OverrideOutcome& outcome);
/// Of one that failed, or was not attempted.
Value undone_item(const ServerName& server, const std::string& result);
/// The same of the end of an override, which may have come by itself meanwhile.
Value discarded_item(const ServerName& server, bool ended);

/// The overrides of the chosen instances: they live in running gateways only.
Answer list_overrides(const Choice& choice, const World& world);
/// Those below the paths (each INST, INST/UP or INST/UP/SERVER); all when there are none.
Answer list_overrides_below(const std::vector<ServerPath>& paths, const std::vector<std::string>& labels,
                            const World& world);

/// "drain, weight 50%": what an override does; "-" for none.
std::string override_text(const Value& override);
/// An override in one line: "drain by alice@host, 29m left: kernel upgrade".
std::string override_line(const Value& override);
/// 95 -> "1m35s", 1800 -> "30m", 90000 -> "25h".
std::string span_text(double seconds);
/// "31s left"; "" for an override without an end.
std::string left_text(const Value& override);

}  // namespace orctl
