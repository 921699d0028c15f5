#include <fmt/format.h>

#include "base/text.h"
#include "cli/command.h"
#include "gateway/metrics.h"
#include "shared/warn_masters.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> names, labels;
  Millis interval{1000};
  bool watch = false;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.names, "instances, or patterns such as 'prd_*'; none: all");
  f.add("-l,--selector", o.labels, "choose instances by label").value("KEY=VALUE");
  f.add("--interval", o.interval, "how long to count; 0s shows what was counted since the instance started");
  f.add("-w,--watch", o.watch, "go on until interrupted");
}

/// What an instance had counted at a moment.
struct Look {
  Deadline since = Deadline::in(Millis(0));
  std::vector<Traffic> traffic;
};

constexpr Millis longest(24L * 3600 * 1000);

double seconds_since(const Look& look) { return static_cast<double>((longest - look.since.left()).count()) / 1000; }

std::string milliseconds(const std::optional<double>& seconds) {
  return seconds ? fmt::format("{:.4g}ms", *seconds * 1000) : "-";
}

Value item_of(const std::string& instance, const Traffic& t, double seconds) {
  Value item = Value::object();
  item.set("instance", instance);
  item.set("upstream", t.upstream);
  if (!t.server.empty()) item.set("server", t.server);
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

std::vector<std::string> row_of(const std::string& instance, const Traffic& t, double seconds, Io& io) {
  const std::string name = instance + "/" + t.upstream + (t.server.empty() ? "" : "/" + t.server);
  const std::string state = t.state == "up" || t.state.empty() ? t.state : io.paint(t.state, "yellow");
  const double share = t.requests > 0 ? 100 * t.errors / t.requests : 0;
  return {name,
          state.empty() ? "-" : state,
          seconds > 0 ? fmt::format("{:.1f}", t.requests / seconds) : fmt::format("{:.0f}", t.requests),
          t.errors > 0 ? io.paint(fmt::format("{:.2f}%", share), "red") : "0%",
          t.server.empty() ? fmt::format("{:.0f}", t.retries) : "-",
          milliseconds(quantile(t, 0.5)),
          milliseconds(quantile(t, 0.99)),
          fmt::format("{:.0f}", t.in_flight)};
}

Look look_at(const std::string& instance, const World& world) {
  Look look;
  look.traffic = gateway_traffic(world, world.layout.admin_socket(instance));
  look.since = Deadline::in(longest);
  return look;
}

/// Shows what came since `before`, or all when nothing was before.
void show(const std::vector<std::string>& names, const std::vector<Look>& before, const std::vector<Look>& now,
          Io& io) {
  Table table{
      {"NAME", "STATE", before.empty() ? "REQUESTS" : "REQ/S", "5XX", "RETRIES", "P50", "P99", "IN-FLIGHT"}, {}, 0};
  for (size_t i = 0; i < names.size(); ++i) {
    const double seconds = before.empty() ? 0 : seconds_since(before[i]) - seconds_since(now[i]);
    for (const Traffic& t : before.empty() ? now[i].traffic : between(before[i].traffic, now[i].traffic)) {
      io.item(item_of(names[i], t, seconds));
      table.rows.push_back(row_of(names[i], t, seconds, io));
    }
  }
  io.table(table, "upstreams");
}

/// Those of `names` that answer; the others are warned of.
std::vector<std::string> running(const std::vector<std::string>& names, const World& world, Io& io) {
  std::vector<std::string> out;
  for (const std::string& name : names)
    if (world.http.accepts({world.layout.admin_socket(name), ""}, Millis(1000)))
      out.push_back(name);
    else
      io.warn(name + " does not run", "orctl status " + name);
  return out;
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("TrafficList");
  if (o.watch && io.format() != "table")
    throw Error(Exit::usage, "--watch goes on, and -o " + io.format() + " is one document", "leave out --watch, or -o");
  if (o.watch && o.interval.count() == 0) throw Error(Exit::usage, "--watch needs an --interval above 0s");
  std::optional<Exit> fault;
  const auto tell = [&](const Error& e) {
    io.error(e);
    fault = e.exit();
  };
  const std::vector<std::string> chosen = select_instances(o.names, o.labels, world, tell);
  std::vector<std::string> names = running(chosen, world, io);
  warn_masters(io, names, world);
  if (names.empty() && !chosen.empty()) throw Error(Exit::unreachable, "no instance to look at runs");
  std::vector<Look> before;
  const auto look = [&] {
    std::vector<Look> all;
    for (const std::string& name : std::vector<std::string>(names)) try {
        all.push_back(look_at(name, world));
      } catch (const Error& e) {
        stop_if_interrupted();
        tell(e.within(name));
        // one that answers nonsense is not asked again, and hides no other
        if (!before.empty()) before.erase(before.begin() + static_cast<std::ptrdiff_t>(all.size()));
        std::erase(names, name);
      }
    return all;
  };
  if (o.interval.count() > 0 && !names.empty()) before = look();
  do {
    if (!before.empty()) world.clock.pause(o.interval);
    if (interrupted() != 0) break;
    std::vector<Look> now = look();
    show(names, before, now, io);
    before = std::move(now);
  } while (o.watch && !names.empty() && io.heard());
  return !fault ? Exit::ok : names.empty() ? *fault : Exit::partial;
}

}  // namespace

Command top_command() {
  return command<Options>(
      {"top",
       "show the traffic of upstreams and servers: rates, errors, latency, in flight",
       {{"All instances, counted for a second", "orctl top"},
        {"One instance, over and over", "orctl top prd_payment_001_8080 -w --interval 5s"},
        {"What was counted since it started, for a program", "orctl top prd_payment_001_8080 --interval 0s -o json"}},
       "Each try counts, so a retried request counts for two servers. 5XX is the share of tries that ended with a "
       "status from 500 to 599. P50 and P99 are estimated from the buckets of the histogram that Prometheus reads at "
       "GET /metrics of the admin endpoint, too.",
       {"table", "json"}},
      flags, run);
}

}  // namespace orctl
