#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "answer/overrides.h"
#include "base/whose.h"
#include "change/held.h"
#include "change/request.h"
#include "shared/override.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> paths, labels;
  ChangeFlags change;
};

void flags(Flags& f, Options& o) {
  f.positional("INST[/UP[/SERVER]]", o.paths, "whose overrides, or patterns").required();
  f.add("-l,--selector", o.labels, "choose instances by label: team=payments, 'env in (prd, stg)', !old")
      .value("SELECTOR");
  add_reason_flags(f, o.change);
  add_time_flags(f, o.change);
}

/// An instance that is meant and has no override is left as every changing command leaves one: with one master.
void settle_others(const Options& o, const Chosen<Override>& chosen, const Request& request, World& world, Io& io,
                   Failures& failures) {
  std::vector<std::string> patterns;
  for (const ServerPath& path : parse_paths(o.paths, PathDepth::instance)) patterns.push_back(path.instance);
  for (const std::string& name : select_instances(patterns, o.labels, world, [](const Error&) {})) {
    const auto is_its = [&](const Override& one) { return one.server.instance == name; };
    if (std::any_of(chosen.items.begin(), chosen.items.end(), is_its)) continue;
    try {
      const Held held({name}, world, request, remarks(io));
    } catch (const Error& e) {
      failures.add(named(e, name));
    }
  }
}

void tell_discarded(Io& io, const Override& one, const std::string& result, Value item) {
  io.item(std::move(item));
  io.print(fmt::format("{} {}: {}\n", one.server.str(), result, override_text(one.item)));
}

/// A pattern that matches no instance is a slip.
void refuse_unmatched_paths(const Options& o, const World& world) {
  std::vector<std::string> patterns;
  for (const ServerPath& path : parse_paths(o.paths, PathDepth::instance)) patterns.push_back(path.instance);
  refuse_unmatched(patterns, o.labels, select_instances(patterns, o.labels, world, [](const Error&) {}));
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("OverrideResult");
  refuse_unmatched_paths(o, world);
  const auto chosen = choose_overrides(parse_paths(o.paths, PathDepth::instance), o.labels, world);
  Failures failures(io);
  for (const Error& fault : chosen.faults) failures.add(fault);
  size_t done = 0;
  const Request request = make_request(o.change, world, "overrides discard");
  std::set<std::string> ended_in;
  std::vector<std::pair<const Override*, bool>> discarded;
  with_locks(
      chosen.items, request, world, io, failures,
      [&](const Override& one) {
        const bool ended = end_override(world, one.server);
        ended_in.insert(one.server.instance);
        if (ended) {
          io.changed(true);
          audit_override(world, one.server, request.note, {}, remarks(io));
        }
        discarded.emplace_back(&one, ended);
      },
      [&](const Override& one, Undone how) { tell_undone(io, one.server, how); });
  const std::set<std::string> late = unfollowed(ended_in, o.change.verify_timeout, world, io, failures);
  for (const auto& [one, ended] : discarded) {
    const bool followed = !late.contains(one->server.instance);
    if (followed)
      tell_discarded(io, *one, ended ? "discarded" : "unchanged", discarded_item(one->server, ended));
    else
      tell_discarded(io, *one, unfollowed_result, unfollowed_item(one->server, {ended, Value::object()}));
    done += followed ? 1 : 0;
  }
  settle_others(o, chosen, request, world, io, failures);
  if (chosen.items.empty() && chosen.faults.empty()) io.print("unchanged: there are no such overrides\n");
  return failures.exit(done);
}

}  // namespace

Command overrides_discard_command() {
  return command<Options>(
      {"overrides discard",
       "end overrides: what the manifest says holds again",
       {{"End all of a server", "orctl overrides discard prd_pay_001_8080/pay/10.0.0.1:8080"},
        {"End all of an instance", "orctl overrides discard prd_pay_001_8080"}},
       "State, weight, added and removed servers: all of it ends. ready ends drain and maint alone.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
