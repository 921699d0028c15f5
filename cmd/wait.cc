#include "base/whose.h"
#include "override.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> names, labels;
  std::string condition;
  Millis timeout{300000};
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.names, "instances, or patterns such as 'prd_*'").required();
  f.add("--for", o.condition, "what to wait for: healthy, generation=N, drained=UP/SERVER")
      .value("CONDITION")
      .required();
  f.add("--timeout", o.timeout, "how long to wait");
  f.add("-l,--selector", o.labels, "choose instances by label").value("KEY=VALUE");
}

Error unknown_condition(const std::string& text) {
  return {Exit::usage, "--for: '" + text + "' is nothing to wait for",
          "healthy, generation=7 or drained=pay/10.0.0.1:8080"};
}

/// What keeps one instance from the condition.
std::function<std::string(const std::string&)> condition_of(const std::string& text, const World& world) {
  const size_t equals = text.find('=');
  const std::string kind = text.substr(0, equals), value = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (text == "healthy") return [&](const std::string& instance) { return missing_of_healthy(world, instance); };
  if (kind == "generation") {
    const auto number = parse_number(value, 1000000000000);
    if (!number) throw unknown_condition(text);
    return [&, n = *number](const std::string& i) { return missing_of_generation(world, i, n); };
  }
  if (kind != "drained" || is_pattern(value)) throw unknown_condition(text);
  const ServerPath path = parse_server_path("INST/" + value, PathDepth::server);
  return [&, path](const std::string& i) { return missing_of_drained(world, {i, path.upstream, path.server}); };
}

Exit run(const Options& o, const World& world, Io& io) {
  io.kind("WaitResult");
  const auto missing = condition_of(o.condition, world);
  const Deadline deadline = Deadline::in(o.timeout);
  Failures failures(io);
  size_t done = 0;
  for (const std::string& instance : select_instances(o.names, o.labels, world)) {
    Value item = Value::object();
    item.set("name", instance);
    item.set("condition", o.condition);
    try {
      wait_until([&] { return missing(instance); }, world, deadline, o.timeout,
                 [&](const std::string& line) { io.progress(line); });
      item.set("met", true);
      io.print(instance + " " + o.condition + "\n");
      ++done;
    } catch (const Error& e) {
      item.set("met", false);
      failures.add(named(e, instance));
    }
    io.item(std::move(item));
  }
  return failures.exit(done);
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
