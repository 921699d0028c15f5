#include "answer/overrides.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "answer/looked.h"
#include "base/text.h"
#include "store/select.h"

namespace orctl {
namespace {

std::string what_text(const Value& item, const std::string&) { return override_text(item); }

std::string end_text(const Value& item, const std::string& field) {
  const Value* left = item.find(field);
  return left == nullptr || !left->is_number() ? "-" : span_text(left->as_double());
}

Value result_item(const ServerName& server, const std::string& result, bool changed) {
  Value item = Value::object();
  item.set("instance", server.instance);
  item.set("upstream", server.upstream);
  item.set("address", server.address);
  item.set("result", changed ? result : "unchanged");
  item.set("changed", changed);
  return item;
}

}  // namespace

std::string span_text(double seconds) {
  const int64_t s = whole(std::ceil(std::max(0.0, std::min(seconds, 1e15))));
  const auto two = [](int64_t large, const char* a, int64_t small, const char* b) {
    return small == 0 ? fmt::format("{}{}", large, a) : fmt::format("{}{}{}{}", large, a, small, b);
  };
  if (s < 60) return fmt::format("{}s", s);
  if (s < 600) return two(s / 60, "m", s % 60, "s");
  const int64_t minutes = (s + 59) / 60;
  return minutes < 60 ? fmt::format("{}m", minutes) : two(minutes / 60, "h", minutes % 60, "m");
}

std::string override_text(const Value& override) {
  std::vector<std::string> parts;
  for (const char* flag : {"added", "removed"})
    if (member_text(override, flag) == "true") parts.emplace_back(flag);
  if (override.find("state") != nullptr) parts.push_back(member_text(override, "state"));
  if (override.find("weight") != nullptr) parts.push_back("weight " + member_text(override, "weight"));
  return parts.empty() ? "-" : join(parts, ", ");
}

std::string left_text(const Value& override) {
  const Value* left = override.find("expires_in");
  return left == nullptr || !left->is_number() ? "" : span_text(left->as_double()) + " left";
}

std::string override_line(const Value& override) {
  std::string line = override_text(override) + " by " + member_text(override, "by");
  if (const std::string left = left_text(override); !left.empty()) line += ", " + left;
  if (override.find("reason") != nullptr) line += ": " + member_text(override, "reason");
  return line;
}

const Noun& overrides_noun() {
  static const Noun noun{"OverrideList",
                         "overrides",
                         "",
                         {{"NAME", "address", server_text},
                          {"OVERRIDE", "state", what_text},
                          {"BY", "by", member_text},
                          {"SINCE", "since", member_text},
                          {"LEFT", "expires_in", end_text},
                          {"REASON", "reason", member_text}}};
  return noun;
}

Value override_item(const std::string& instance, const Value& told) { return of_server(instance, told); }

Value override_result_item(const ServerName& server, const std::string& result, const OverrideOutcome& outcome,
                           const std::string& waited) {
  Value item = result_item(server, result, outcome.changed);
  if (override_text(outcome.item) != "-") item.set("override", outcome.item);
  if (!waited.empty()) item.set("waited", waited);
  return item;
}

std::string override_result_line(const ServerName& server, const std::string& result, const OverrideOutcome& outcome,
                                 const std::string& waited) {
  const std::string left = left_text(outcome.item);
  return server.str() + " " + (outcome.changed ? result : "unchanged") + (left.empty() ? "" : ", " + left) +
         (waited.empty() ? "" : "; " + waited);
}

Value unfollowed_item(const ServerName& server, const OverrideOutcome& outcome) {
  Value item = override_result_item(server, unfollowed_result, outcome, "");
  item.set("result", unfollowed_result);
  return item;
}

Value undone_item(const ServerName& server, const std::string& result) {
  Value item = result_item(server, result, true);
  item.set("changed", false);
  return item;
}

Value discarded_item(const ServerName& server, bool ended) { return result_item(server, "discarded", ended); }

Answer list_overrides(const Choice& choice, const World& world) {
  return list_of_gateways(choice, world, [&](const Observed& o) {
    Value::Array out;
    if (o.status)
      for (const Value& told : gateway_overrides(world, o.name)) out.push_back(override_item(o.name, told));
    return out;
  });
}

Answer list_overrides_below(const std::vector<ServerPath>& paths, const std::vector<std::string>& labels,
                            const World& world) {
  Answer answer;
  const auto chosen = choose_overrides(paths, labels, world);
  std::set<std::string> names;
  for (const ServerPath& path : paths) names.insert(path.instance);
  warn_masters(answer, select_instances({names.begin(), names.end()}, labels, world), world);
  for (const Override& one : chosen.items) answer.items.push_back(override_item(one.server.instance, one.item));
  for (const Error& fault : chosen.faults) answer.fault(fault);
  return answer;
}

}  // namespace orctl
