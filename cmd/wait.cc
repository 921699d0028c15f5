#include "live/wait.h"

#include "answer/wait.h"
#include "base/whose.h"
#include "cli/command.h"
#include "cli/show_answer.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  Choice choice;
  std::string condition;
  Millis timeout{300000};
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.choice.names, "instances, or patterns such as 'prd_*'");
  f.add("--for", o.condition, "what to wait for: healthy, generation=N, drained=UP/SERVER")
      .value("CONDITION")
      .required();
  f.add("--timeout", o.timeout, "how long to wait");
  f.add("-l,--selector", o.choice.labels, "choose instances by label: team=payments, 'env in (prd, stg)', !old")
      .value("SELECTOR");
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("WaitResult");
  if (o.choice.names.empty() && o.choice.labels.empty())
    throw Error(Exit::usage, "say which instances", "name them, or choose them with -l key=value");
  const Condition missing = condition_of(o.condition, world);
  const Deadline deadline = Deadline::in(o.timeout);
  Answer answer;
  const auto instances = select_instances(o.choice.names, o.choice.labels, world);
  refuse_unmatched(o.choice.names, o.choice.labels, instances);
  for (const std::string& instance : instances) {
    Met met = Met::no;
    try {
      wait_until([&] { return missing(instance); }, world, deadline, o.timeout,
                 [&](const std::string& line) { io.progress(line); });
      met = Met::yes;
      answer.each([&] { io.print(instance + " " + o.condition + "\n"); });
    } catch (const Error& e) {
      answer.fault(named(e, instance));
      tell_remarks(io, answer);
    }
    io.item(wait_item(instance, o.condition, met));
  }
  return answer.exit();
}

}  // namespace

Command wait_command() {
  return command<Options>(
      {"wait",
       "wait until instances are healthy, at a generation, or have drained a server",
       {{"Until every server is up by its checks", "orctl wait prd_pay_001_8080 --for healthy --timeout 1m"},
        {"Until every worker serves generation 7", "orctl wait prd_pay_001_8080 --for generation=7"},
        {"Until the last request of a server has ended",
         "orctl wait prd_pay_001_8080 --for drained=pay/10.0.0.1:8080"}},
       "healthy: the instance runs, its workers agree, and every server that may get requests is up; a server without "
       "checks counts as up. An instance that does not answer is waited for, too. Exit code 8 when the time is over.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
