// findings_of() of answer/examined.h.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "answer/examined.h"
#include "answer/overrides.h"
#include "base/text.h"

namespace orctl {
namespace {

constexpr int64_t least_errors = 3, many_errors = 5, some_errors = 1;  // percent, but for the first
constexpr double just_started = 60;                                    // seconds
constexpr size_t most_named = 3;

std::string time_text(int64_t seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

std::string pids_text(const std::vector<int>& pids) {
  std::vector<std::string> all;
  for (const int pid : pids) all.push_back(std::to_string(pid));
  return join(all, " ");
}

/// "a, b, c and 4 more".
std::string named(const std::vector<std::string>& parts, size_t total) {
  const std::vector<std::string> first(parts.begin(),
                                       parts.begin() + static_cast<std::ptrdiff_t>(std::min(parts.size(), most_named)));
  const size_t more = total - first.size();
  return join(first, ", ") + (more == 0 ? "" : fmt::format(" and {} more", more));
}

/// A part of a command that people may run as it stands: what the gateway says is its user's word.
std::string safe(const std::string& part, const char* otherwise) {
  const bool plain =
      !part.empty() && part.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEF0123456789_-.:[]") == std::string::npos;
  return plain ? part : otherwise;
}

/// Makes the findings of one instance, the ones that explain others first.
class Judge {
 public:
  explicit Judge(const Examined& seen) : seen_(seen), now_(seen.now) {}

  std::vector<Finding> judge() {
    if (now_.broken) add("broken", now_.broken->what(), now_.broken->hint());
    if (now_.loss) add("lost", now_.loss->what, now_.loss->hint);
    if (const std::string fault = now_.fault_of_masters(); !fault.empty())
      add("masters", fault, "orctl start " + now_.name);
    for (const Error& e : seen_.not_told) add("not_told", e.what(), e.hint());
    judge_change();
    judge_process();
    judge_answers();
    judge_files();
    if (seen_.summary) judge_servers();
    if (seen_.summary) judge_minute();
    judge_certificates();
    judge_wishes();
    if (now_.version && has_process(now_.version->spec) && now_.state() != "running" && is_well(out_))
      add("degraded", now_.problem.empty() ? "it is " + now_.state() : now_.problem, "orctl doctor");
    return std::move(out_);
  }

 private:
  void add(const char* code, const std::string& text, std::string mend = {}) {
    out_.push_back(finding(code, printable_line(text), std::move(mend)));
  }
  std::string unit() const { return Layout("/").unit_name(now_.name); }

  void judge_change() {
    if (seen_.changing)
      add("changing", "a command changes it right now");
    else if (now_.interrupted)
      add("interrupted", "an apply was interrupted: the next changing command finishes or undoes it",
          "orctl reload " + now_.name);
    if (now_.unconfirmed && now_.unconfirmed->expired())
      add("overdue", now_.unconfirmed->line(), now_.unconfirmed->way_back());
    else if (now_.unconfirmed)
      add("unconfirmed", now_.unconfirmed->line(), "orctl confirm " + now_.name);
    const auto& newest = now_.newest;
    if (newest && !seen_.changing && (newest->outcome == "rolled-back" || newest->outcome == "interrupted"))
      add("apply_failed",
          fmt::format("revision {} of {} by {} did not go live{}", newest->number, time_text(newest->time),
                      newest->author, newest->cause.empty() ? "" : ": " + newest->cause),
          "orctl history " + now_.name);
  }

  void judge_process() {
    if (now_.unit && now_.unit->masked)
      add("masked", "its unit is masked", fmt::format("systemctl unmask {} && orctl apply -f MANIFEST", unit()));
    if (now_.pid == 0 && now_.orphans.empty()) judge_stopped();
    if (now_.pid == 0) return;
    if (now_.live.keeper == Live::Keeper::none)
      add("outside_unit", "it runs outside of its systemd unit", "orctl restart " + now_.name);
    if (now_.unit && now_.unit->restarts > 0 && now_.status && now_.status->uptime < just_started)
      add("crash_loop",
          fmt::format("systemd has started it again ({}), {} ago", times(now_.unit->restarts),
                      span_text(now_.status->uptime)),
          "orctl logs " + now_.name);
    if (now_.unit && !now_.live.at_boot && !now_.unit->masked)
      add("not_at_boot", "it does not start at boot", "orctl enable " + now_.name);
    if (now_.open_files != 0 && now_.open_files < now_.wanted_open_files)
      add("open_files",
          fmt::format("it may have {} files open, and {} are wanted", now_.open_files, now_.wanted_open_files),
          "orctl restart " + now_.name);
  }

  static std::string times(int n) { return n == 1 ? "once" : fmt::format("{} times", n); }

  void judge_stopped() {
    if (now_.live.restarting && now_.unit && (now_.unit->restarts > 0 || now_.unit->sub == "auto-restart"))
      return add("crash_loop",
                 now_.unit->restarts == 0 ? "systemd is about to start it again"
                                          : fmt::format("systemd starts it again ({})", times(now_.unit->restarts)),
                 "orctl logs " + now_.name);
    if (now_.unit && now_.unit->active == "failed")
      return add("failed", "its unit failed: " + now_.unit->result, "orctl start " + now_.name);
    if (now_.unit && now_.unit->masked) return;
    if (now_.live.restarting) return add("stopped", "systemd is about to start it", "orctl status " + now_.name);
    if (!now_.broken && !(now_.version && !has_process(now_.version->spec)))
      add("stopped", "it does not run", "orctl start " + now_.name);
  }

  void judge_answers() {
    if (now_.pid == 0) return;
    if (now_.denied) return add("no_rights", "no rights to ask it: run as root or as its owner");
    if (!now_.live.answers && !now_.loss) add("silent", now_.problem, "orctl restart " + now_.name);

    if (now_.status) judge_workers(*now_.status);
    if (now_.status && !now_.status->source_error.empty())
      add("source", "source: " + now_.status->source_error, "orctl logs " + now_.name);
    if (now_.live.answers && !now_.problem.empty()) add("degraded", now_.problem, "orctl reload " + now_.name);
  }

  void judge_workers(const GatewayStatus& status) {
    std::vector<int> behind;
    std::string why;
    for (const WorkerReport& w : status.workers) {
      const bool same = w.digest == status.digest && w.generation == status.generation &&
                        w.override_version == status.override_version && w.tree == status.tree;
      if (same && w.error.empty()) continue;
      behind.push_back(w.pid);
      if (why.empty()) why = w.error;
    }
    const int64_t missing = status.worker_count - static_cast<int64_t>(status.workers.size());
    const bool differ = now_.live.digest.empty() || now_.live.tree.empty() ||
                        (now_.live.certs.empty() && !status.workers.empty() && !status.workers.front().certs.empty());
    if (!behind.empty())
      add("workers_behind",
          fmt::format("{} of {} workers do not serve what the others do (pid {}){}", behind.size(), status.worker_count,
                      pids_text(behind), why.empty() ? "" : ": " + why),
          "orctl reload " + now_.name);
    else if (missing > 0)
      add("workers_behind", fmt::format("{} of {} workers are not there", missing, status.worker_count),
          "orctl logs " + now_.name);
    else if (differ)
      add("workers_behind", "the workers disagree", "orctl reload " + now_.name);
  }

  void judge_files() {
    if (seen_.tree) add("tree", seen_.tree->what(), seen_.tree->hint());
    if (seen_.changing) return;
    std::vector<std::string> texts;
    std::string mend;
    for (const Drift& one : seen_.drift) {
      if (is_told_elsewhere(one.state)) continue;
      texts.push_back(one.subject + ": " + one.text);
      if (mend.empty()) mend = one.mend;
    }
    if (texts.size() > 1) mend = "orctl drift " + now_.name;
    if (!texts.empty()) add("drift", named(texts, texts.size()), mend);
  }

  /// What has a finding of its own.
  bool is_told_elsewhere(Drift::State state) const {
    using enum Drift::State;
    const bool of_file = state == edited || state == foreign || state == tree_gone;
    return state == behind || state == interrupted || state == process || state == unknown || (of_file && seen_.tree);
  }

  void judge_servers() {
    for (const GatewaySummary::Upstream& one : seen_.summary->upstreams) {
      std::vector<std::string> names;
      for (const GatewaySummary::Fault& fault : one.faults)
        names.push_back(fault.server +
                        (fault.reason.empty() || fault.reason == fault.state ? " " + fault.state : " " + fault.reason));
      const std::string who =
          names.empty() ? "" : " (" + named(names, std::max(names.size(), static_cast<size_t>(one.down))) + ")";
      if (one.uncounted)
        add("uncounted", fmt::format("nginx itself balances '{}' for tcp and udp", one.name));
      else if (one.up == 0)
        add("upstream_down",
            fmt::format("no server of '{}' takes requests: {} of {} down{}{}", one.name, one.down, one.servers,
                        one.off == 0 ? "" : fmt::format(", {} taken out", one.off), who),
            one.off == 0 ? fmt::format("bring one back, then see: orctl get servers {}", now_.name)
                         : fmt::format("orctl ready '{}/{}/*'", now_.name, safe(one.name, "UPSTREAM")));
      else if (one.down > 0)
        add("servers_down", fmt::format("{} of {} servers of '{}' down{}", one.down, one.servers, one.name, who),
            fmt::format("bring it back, or take it out: orctl maint {}/{}/{} --reason TEXT", now_.name,
                        safe(one.name, "UPSTREAM"),
                        safe(one.faults.empty() ? "" : one.faults.front().server, "SERVER")));
    }
    if (seen_.older_gateway)
      add("older_gateway", "its gateway is of an older orctl, and tells no errors", "orctl apply -f MANIFEST");
  }

  void judge_minute() {
    const GatewaySummary& told = *seen_.summary;
    if (told.fallen > 0)
      add("workers_fallen",
          fmt::format("{} crashed or {} killed within the last minute",
                      count(static_cast<size_t>(told.fallen), "worker"), told.fallen == 1 ? "was" : "were"),
          "orctl logs " + now_.name);
    if (!told.requests || *told.requests <= 0 || told.errors <= 0) return;
    const std::string text =
        fmt::format("{} of {} requests of the last minute were answered with an error", told.errors, *told.requests);
    if (told.errors >= least_errors && told.errors * 100 >= *told.requests * many_errors)
      add("errors", text, "orctl top " + now_.name);
    else if (told.errors * 100 >= *told.requests * some_errors)
      add("some_errors", text, "orctl top " + now_.name);
  }

  void judge_certificates() {
    for (const Ending& one : seen_.endings)
      add(one.urgency == Ending::Urgency::fault ? "certificate" : "certificate_soon", one.text,
          "put a new one into the manifest's files, and apply it: it is hot");
  }

  /// What somebody wanted, and what comes of it.
  void judge_wishes() {
    if (!seen_.overrides.empty()) judge_overrides();
    std::vector<int> old, stuck;
    int64_t longest = 0;
    for (const Draining& one : seen_.draining) {
      const bool late = one.seconds && now_.version && one.seconds > drain_time(now_.version->spec).count() / 1000;
      (late ? stuck : old).push_back(one.pid);
      longest = std::max(longest, one.seconds.value_or(0));
    }
    const auto text = [&](const std::vector<int>& pids) {
      return fmt::format("{} of before a reload still {} requests, for up to {} (pid {})", count(pids.size(), "worker"),
                         pids.size() == 1 ? "ends" : "end", span_text(static_cast<double>(longest)), pids_text(pids));
    };
    if (!stuck.empty()) add("draining_long", text(stuck), "kill -TERM " + pids_text(stuck));
    if (!old.empty()) add("draining", text(old));
  }

  void judge_overrides() {
    std::vector<std::string> what;
    const Value* next = nullptr;
    for (const Value& one : seen_.overrides) {
      what.push_back(one.at("upstream").as_string() + "/" + one.at("server").as_string() + " " + override_text(one));
      const Value* left = one.find("expires_in");
      if (left != nullptr && left->is_number() && (next == nullptr || left->as_double() < next->as_double()))
        next = left;
    }
    add("overrides",
        fmt::format("{} ({}){}", count(what.size(), "override"), named(what, what.size()),
                    next == nullptr ? ", without an end" : ", the next ends in " + span_text(next->as_double())),
        "orctl overrides list " + now_.name);
  }

  const Examined& seen_;
  const Observed& now_;
  std::vector<Finding> out_;
};

}  // namespace

std::vector<Finding> findings_of(const Examined& seen) { return Judge(seen).judge(); }

}  // namespace orctl
