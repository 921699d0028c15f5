#include "answer/traffic.h"

#include <fmt/format.h>

#include "base/text.h"

namespace orctl {
namespace {

constexpr Millis longest(24L * 3600 * 1000);

double seconds_since(const Counted& look) { return static_cast<double>((longest - look.since.left()).count()) / 1000; }

Value item_of(const std::string& instance, const Traffic& t, double seconds) {
  Value item = Value::object();
  item.set("instance", instance);
  item.set("upstream", t.upstream);
  if (!t.server.empty()) item.set("address", t.server);
  if (!t.state.empty()) item.set("state", t.state);
  if (seconds > 0) item.set("seconds", seconds);
  item.set("requests", whole(t.requests));
  item.set("errors", whole(t.errors));
  if (t.server.empty()) item.set("retries", whole(t.retries));
  item.set("in_flight", whole(t.in_flight));
  if (seconds > 0) item.set("requests_per_second", t.requests / seconds);
  for (const auto& [name, share] : {std::pair("p50_seconds", 0.5), std::pair("p99_seconds", 0.99)})
    if (const auto found = quantile(t, share)) item.set(name, *found);
  return item;
}

Value::Array items_of(const std::string& instance, const std::vector<Traffic>& traffic, double seconds) {
  Value::Array out;
  for (const Traffic& t : traffic) out.push_back(item_of(instance, t, seconds));
  return out;
}

std::string name_text(const Value& item, const std::string& field) {
  const Value* server = item.find(field);
  return item.at("instance").as_string() + "/" + item.at("upstream").as_string() +
         (server == nullptr ? "" : "/" + server->as_string());
}

std::string rate_text(const Value& item, const std::string& field) {
  const Value* rate = item.find(field);
  return rate == nullptr ? member_text(item, "requests") : fmt::format("{:.1f}", rate->as_double());
}

std::string share_text(const Value& item, const std::string& field) {
  const double errors = item.at(field).as_double(), requests = item.at("requests").as_double();
  return errors > 0 ? fmt::format("{:.2f}%", requests > 0 ? 100 * errors / requests : 0) : "0%";
}

std::string milliseconds_text(const Value& item, const std::string& field) {
  const Value* seconds = item.find(field);
  return seconds == nullptr ? "-" : fmt::format("{:.4g}ms", seconds->as_double() * 1000);
}

Tone tone_of_state(const Value& item) {
  const Value* state = item.find("state");
  return state == nullptr || *state == Value("up") ? Tone::plain : Tone::warning;
}

Tone tone_of_errors(const Value& item) { return item.at("errors").as_double() > 0 ? Tone::bad : Tone::plain; }

Noun noun_with(Column requests) {
  return {"TrafficList",
          "upstreams",
          "",
          {{"NAME", "address", name_text},
           {"STATE", "state", member_text, Column::Shown::always, tone_of_state},
           std::move(requests),
           {"5XX", "errors", share_text, Column::Shown::always, tone_of_errors},
           {"RETRIES", "retries", member_text},
           {"P50", "p50_seconds", milliseconds_text},
           {"P99", "p99_seconds", milliseconds_text},
           {"IN-FLIGHT", "in_flight", member_text}}};
}

}  // namespace

const Noun& traffic_noun(Count count) {
  static const Noun in_all = noun_with({"REQUESTS", "requests", member_text});
  static const Noun rates = noun_with({"REQ/S", "requests_per_second", rate_text});
  return count == Count::in_all ? in_all : rates;
}

Counted count_traffic(const std::string& instance, const World& world) {
  Counted look;
  look.traffic = gateway_traffic(world, world.layout.admin_socket(instance));
  look.since = Deadline::in(longest);
  return look;
}

Value::Array traffic_items(const std::string& instance, const Counted& now) {
  return items_of(instance, now.traffic, 0);
}

Value::Array traffic_items(const std::string& instance, const Counted& before, const Counted& now) {
  return items_of(instance, between(before.traffic, now.traffic), seconds_since(before) - seconds_since(now));
}

std::vector<std::string> running_instances(const std::vector<std::string>& names, const World& world, Answer& answer) {
  std::vector<std::string> out;
  for (const std::string& name : names)
    if (world.http.accepts({world.layout.admin_socket(name), ""}, Millis(1000)))
      out.push_back(name);
    else
      answer.warn(name + " does not run", "orctl status " + name);
  return out;
}

}  // namespace orctl
