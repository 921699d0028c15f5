#include "answer/looked.h"
#include "answer/traffic.h"
#include "cli/command.h"
#include "cli/show_answer.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  Choice choice;
  Millis interval{1000};
  bool watch = false;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.choice.names, "instances, or patterns such as 'prd_*'; none: all");
  f.add("-l,--selector", o.choice.labels, "choose instances by label: team=payments, 'env in (prd, stg)', !old")
      .value("SELECTOR");
  f.add("--interval", o.interval, "how long to count; 0s shows what was counted since the instance started");
  f.add("-w,--watch", o.watch, "go on until interrupted");
}

/// Shows what came since `before`, or all when nothing was before.
void show(const std::vector<std::string>& names, const std::vector<Counted>& before, const std::vector<Counted>& now,
          Io& io) {
  Value::Array items;
  for (size_t i = 0; i < names.size(); ++i)
    for (Value& item : before.empty() ? traffic_items(names[i], now[i]) : traffic_items(names[i], before[i], now[i]))
      items.push_back(std::move(item));
  show_items(io, traffic_noun(before.empty() ? Count::in_all : Count::between_looks), items);
}

/// The chosen instances that run.
std::vector<std::string> running(const Choice& choice, const World& world, Io& io, Answer& answer) {
  const auto chosen = select_instances(choice.names, choice.labels, world, answer.faults());
  std::vector<std::string> names = running_instances(chosen, world, answer);
  warn_masters(answer, names, world);
  tell_remarks(io, answer);
  if (names.empty() && !chosen.empty()) throw Error(Exit::unreachable, "no instance to look at runs");
  return names;
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("TrafficList");
  if (o.watch && !io.is_open_ended())
    throw Error(Exit::usage, "--watch goes on, and -o " + io.format() + " is one document",
                "-o jsonl has an item a line");
  if (o.watch && o.interval.count() == 0) throw Error(Exit::usage, "--watch needs an --interval above 0s");
  Answer answer;
  std::vector<std::string> names = running(o.choice, world, io, answer);
  std::vector<Counted> before;
  const auto look = [&] {
    std::vector<Counted> all;
    for (const std::string& name : std::vector<std::string>(names)) try {
        all.push_back(count_traffic(name, world));
      } catch (const Error& e) {
        stop_if_interrupted();
        answer.fault(e.within(name));
        tell_remarks(io, answer);
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
    std::vector<Counted> now = look();
    show(names, before, now, io);
    if (o.watch) io.end_look();
    before = std::move(now);
  } while (o.watch && !names.empty() && io.heard());
  if (!names.empty()) answer.each([] {});
  return answer.exit();
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
