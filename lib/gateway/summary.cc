#include "gateway/summary.h"

#include <algorithm>

#include "base/text.h"
#include "gateway/gateway.h"

namespace orctl {
namespace {

constexpr int64_t most = 1'000'000'000'000;  // of anything; whoever says more is no gateway of ours

/// One line, whoever wrote it: the gateway runs as the instance's user, and root reads it.
std::string text_of(const Value& object, const char* key) {
  const Value* v = object.find(key);
  return v == nullptr ? "" : printable_line(v->as_string());
}

/// Numbers come as the gateway's Lua writes them, and the schema has let numbers through only.
int64_t number_of(const Value& object, const char* key) {
  const Value* v = object.find(key);
  return v == nullptr ? 0 : std::clamp<int64_t>(v->is_int() ? v->as_int() : whole(v->as_double()), 0, most);
}

GatewaySummary::Upstream upstream_of(const Value& item) {
  GatewaySummary::Upstream out;
  out.name = text_of(item, "name");
  out.servers = number_of(item, "servers");
  out.up = number_of(item, "up");
  out.down = number_of(item, "down");
  out.off = number_of(item, "off");
  const Value* uncounted = item.find("uncounted");
  out.uncounted = uncounted != nullptr && uncounted->as_bool();
  if (const Value* faults = item.find("faults"))
    for (const Value& one : faults->items())
      out.faults.push_back({text_of(one, "server"), text_of(one, "state"), text_of(one, "reason")});
  return out;
}

}  // namespace

GatewaySummary gateway_summary_of(const Value& answer) {
  require_answer(answer, "summary", "this is no summary");
  GatewaySummary out;
  out.seconds = number_of(answer, "seconds");
  if (answer.find("requests") != nullptr) out.requests = number_of(answer, "requests");
  out.errors = number_of(answer, "errors");
  out.fallen = number_of(answer, "fallen");
  for (const Value& one : answer.at("upstreams").items()) out.upstreams.push_back(upstream_of(one));
  for (const Value& one : answer.at("draining").items())
    out.draining[static_cast<int>(number_of(one, "pid"))] = number_of(one, "seconds");
  return out;
}

std::optional<GatewaySummary> gateway_summary(const World& world, const std::string& socket, Millis limit) {
  const std::string what = "GET /v1/summary";
  const Http::Response response = world.http.get({socket, ""}, "/v1/summary", limit);
  if (response.status == 404) return std::nullopt;
  if (response.status != 200) throw gateway_problem(response, what);
  return gateway_summary_of(gateway_answer(response, what));
}

}  // namespace orctl
