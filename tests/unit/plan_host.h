#pragma once
#include <doctest/doctest.h>

#include <utility>

#include "base/hash.h"
#include "model/certificates.h"
#include "plan/plan.h"
#include "plan/traces.h"
#include "samples.h"

/// A model of a host, on which plans, undo() and resume() are carried out without one; and every kind of plan for it.
namespace orctl::test::plan_host {

using Action = Supervise::Action;
using Holds = Traces::Holds;

enum class Way { there, on, back };

/// A host with one instance, as far as the steps change it. Versions are "b" (before) and "a" (after); "" is nothing.
struct Host {
  std::string live, stage, aside, unit, applied, head, outcome;
  bool belongings = false, made = false;
  // the process: what it is, and what its workers read last
  std::string binary, tree, document;
  bool leaving = false, two_masters = false, unreachable = false;
  bool gone_for_good = false;
  bool operator==(const Host&) const = default;

  bool runs() const { return !binary.empty(); }
};

/// What the two versions of a plan are called where they are compared by these parts.
struct Names {
  explicit Names(const InstancePlan& p) : plan(p) {}
  std::string before() const { return plan.before ? "b" : ""; }
  std::string tree(bool after) const {
    if (!after) return before();
    return !plan.after ? "" : plan.before && plan.before->tree == plan.after->tree ? "b" : "a";
  }
  std::string unit(bool after) const {
    if (!after) return before();
    return !plan.after ? "" : plan.before && plan.before->unit == plan.after->unit ? "b" : "a";
  }
  /// What a process reads of that tree: its name is "b" where it is the same in both.
  std::string conf(const std::string& name) const {
    return plan.before && plan.after && plan.before->digest == plan.after->digest ? before() : name;
  }
  std::string document(const std::string& name) const {
    return plan.before && plan.after && plan.before->document() == plan.after->document() ? before() : name;
  }
  const InstancePlan& plan;
};

inline void read_tree(Host& host, const Names& names) {
  host.tree = names.conf(host.live);
  host.document = names.document(host.live);
}

inline void start(Host& host, const Names& names, const std::string& binary) {
  REQUIRE_FALSE(host.runs());
  REQUIRE(host.live != "");
  REQUIRE(host.unit != "");
  host.binary = binary;
  read_tree(host, names);
}

inline void stop(Host& host) {
  host.binary = host.tree = host.document = "";
  host.leaving = host.two_masters = host.unreachable = false;
}

inline void heal(Host& host) {
  if (host.aside.empty()) return;
  if (host.live.empty())
    host.live = host.aside;
  else if (host.stage.empty())
    host.stage = host.aside;
  host.aside = "";
}

inline void swap_tree(Host& host, bool installs) {
  if (installs) REQUIRE(host.stage != "");
  if (installs && !host.live.empty())
    std::swap(host.live, host.stage);
  else if (installs)
    host.live = std::exchange(host.stage, "");
  else if (!host.live.empty())
    host.stage = std::exchange(host.live, "");
}

inline void supervise(Host& host, const Names& names, Action action, const std::string& binary) {
  switch (action) {
    case Action::start:
      return start(host, names, binary);
    case Action::stop:
    case Action::end:
      return stop(host);
    case Action::restart:
      stop(host);
      return start(host, names, binary);
    case Action::upgrade:
      REQUIRE(host.runs());
      host.two_masters = true;
      return;
    case Action::retire:
    case Action::revert:
      REQUIRE(host.two_masters);
      host.two_masters = false;
      return;
    case Action::enable:
    case Action::disable:
      return;
  }
}

inline void carry(Host& host, const InstancePlan& plan, const Step& step, Way way) {
  const Names names(plan);
  const bool after = way != Way::back;
  const std::string goal = names.tree(after), binary = after ? "a" : "b";
  const auto is = [&](const Step& other) { return step == other; };
  if (is(CheckTree{})) {
    host.stage = goal;
    host.made = !host.belongings;
    host.belongings = true;
  } else if (is(CommitRevision{})) {
    host.head = "c2";
    host.outcome = "";
  } else if (std::holds_alternative<SwapTree>(step)) {
    swap_tree(host, !goal.empty());
  } else if (std::holds_alternative<WriteUnit>(step)) {
    host.unit = names.unit(after);
  } else if (is(PushGateway{})) {
    REQUIRE((host.runs() && !host.leaving && !host.unreachable));
    host.document = names.document(goal);
  } else if (is(Reload{})) {
    REQUIRE(host.runs());
    if (!host.leaving) read_tree(host, names);
  } else if (const auto* process = std::get_if<Supervise>(&step)) {
    supervise(host, names, process->action, binary);
  } else if (is(Verify{})) {
    REQUIRE((host.runs() && !host.leaving && !host.unreachable));
    REQUIRE(host.tree == names.conf(goal));
    REQUIRE(host.document == names.document(goal));
  } else if (is(HealSwap{})) {
    heal(host);
  } else if (is(RemoveTree{})) {
    host.live = "";
  } else if (is(DropStage{})) {
    host.stage = "";
  } else if (const auto* belongings = std::get_if<RemoveBelongings>(&step)) {
    if (belongings->which == RemoveBelongings::Which::made && !host.made) return;
    REQUIRE_FALSE(host.runs());
    host.belongings = false;
  } else if (is(RemoveInstance{})) {
    REQUIRE_FALSE(host.runs());
    host.stage = "";
    host.belongings = false;
    host.gone_for_good = true;
  } else if (is(MarkApplied{})) {
    host.applied = way == Way::back ? plan.base : plan.after ? host.head : "";
  } else if (const auto* note = std::get_if<NoteOutcome>(&step)) {
    host.outcome = to_string(note->outcome);
  }
}

/// Every state in which a step can leave the host that fails, or is killed, before it is done; the first is untouched.
inline std::vector<Host> cut_off(const Host& host, const InstancePlan& plan, const Step& step) {
  std::vector<Host> all = {host};
  const auto* swap = std::get_if<SwapTree>(&step);
  if (swap != nullptr && swap->in_two && !host.live.empty() && plan.after) {
    Host cut = host;
    cut.aside = std::exchange(cut.live, "");
    all.push_back(cut);
    cut.live = std::exchange(cut.stage, "");
    all.push_back(cut);
  }
  const auto* process = std::get_if<Supervise>(&step);
  const bool stops = process != nullptr && (process->action == Action::stop || process->action == Action::restart);
  if (stops && host.runs()) {
    Host cut = host;
    cut.leaving = cut.unreachable = true;  // its socket goes first
    all.push_back(cut);
    stop(cut);
    all.push_back(cut);
  }
  Host whole = host;  // done, and not said to be
  carry(whole, plan, step, Way::there);
  all.push_back(whole);
  return all;
}

inline Traces traces_of(const Host& host, const InstancePlan& plan, Traces there) {
  const Names names(plan);
  Host healed = host;
  heal(healed);
  there.live = healed.live.empty()               ? Holds::nothing
               : healed.live == names.before()   ? Holds::before
               : healed.live == names.tree(true) ? Holds::after
                                                 : Holds::other;
  there.staged = !healed.stage.empty();
  there.aside = !host.aside.empty();
  there.running = host.runs();
  there.unreachable = host.unreachable;
  there.upgrading = host.two_masters;
  there.applied = host.applied;
  there.outcome = host.outcome;
  return there;
}

inline Version version(const std::string& document, const std::string& conf, const std::string& unit) {
  Version v;
  v.spec = instance_of(full_manifest()).spec;
  std::erase_if(v.spec.members(), [](const auto& m) { return m.key == "source"; });
  v.tree = {{"gateway.json", {document}}, {"nginx.conf", {conf}}, {"certs.json", {"{}"}}};
  v.digest = "of " + conf;
  v.unit = unit;
  return v;
}

/// A plan, and the host that it is made for.
struct Case {
  InstancePlan plan;
  Host host;
};

inline Host host_of(const InstancePlan& plan, bool runs) {
  Host host;
  const Names names(plan);
  host.live = host.unit = names.before();
  host.belongings = plan.before.has_value();
  host.applied = host.head = plan.base;
  host.outcome = plan.before ? "applied" : "";
  if (runs) host.binary = host.tree = host.document = names.before();
  return host;
}

inline Live live_of(const Version& v, bool runs) {
  Live live;
  live.running = runs;
  live.binary = "/old";
  live.tree = v.digest;
  live.digest = sha256(v.document());
  live.certs = certificates_digest(v.tree);
  return live;
}

/// Every kind of plan: what differs is told by bits.
inline std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](InstancePlan plan, bool runs) {
    if (plan.empty()) return;
    const Host host = host_of(plan, runs);
    all.push_back({std::move(plan), host});
  };
  const Version before = version("{}", "conf", "unit");
  for (unsigned bits = 0; bits < 256; ++bits) {
    const bool runs = bits & 1, two = bits & 32, confirmed = bits & 64, other_user = bits & 128;
    Version after = version(bits & 2 ? "{1}" : "{}", bits & 4 ? "conf1" : "conf", bits & 8 ? "unit1" : "unit");
    if (other_user) after.spec.find("nginx")->set("user", "www-data");
    Plan plan{{plan_instance("a", "c1", before, after, live_of(before, runs), bits & 16 ? "/new" : "/old")}};
    if (confirmed) ask_confirmation(plan);
    for (Step& step : plan.instances[0].steps)
      if (auto* swap = std::get_if<SwapTree>(&step)) swap->in_two = two;
    add(std::move(plan.instances[0]), runs);
  }
  add(plan_instance("a", "", std::nullopt, before, {}, "/old"), false);
  for (const bool runs : {false, true}) {
    add(plan_instance("a", "c1", before, std::nullopt, live_of(before, runs), "/old"), runs);
    for (const auto action : {Action::start, Action::stop, Action::restart, Action::upgrade})
      add(plan_lifecycle("a", "c1", before, live_of(before, runs), action), runs);
    add(plan_lifecycle("a", "c1", before, live_of(before, runs), std::nullopt), runs);
  }
  return all;
}

inline std::string text(const std::vector<Step>& steps) {
  std::string out;
  for (const Step& step : steps) out += to_string(step) + " ";
  return out;
}

/// All that people and processes can see of it.
inline Host visible(Host host) {
  host.head = host.outcome = "";
  host.made = false;
  return host;
}

}  // namespace orctl::test::plan_host
