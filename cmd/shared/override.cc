#include "shared/override.h"

#include <fmt/format.h>

#include <set>

#include "answer/overrides.h"
#include "base/text.h"
#include "base/whose.h"
#include "live/wait.h"

namespace orctl {
namespace {

/// What became of one override: what the command's answer tells of it.
struct OverrideResult {
  ServerName server;
  OverrideOutcome outcome;
  std::string result;
  std::optional<Undone> undone;
};

/// What is stored, and not yet what every worker does.
void tell_late(Io& io, const OverrideResult& r) {
  io.item(unfollowed_item(r.server, r.outcome));
  io.print(fmt::format("{} {}\n", r.server.str(), unfollowed_result));
}

void tell_override(Io& io, const OverrideResult& r, const std::string& waited) {
  io.item(override_result_item(r.server, r.result, r.outcome, waited));
  io.print(override_result_line(r.server, r.result, r.outcome, waited) + "\n");
}

}  // namespace

void add_override_flags(Flags& f, OverrideOptions& o, Reason reason, Wait wait) {
  f.add("-l,--selector", o.labels, "choose instances by label: team=payments, 'env in (prd, stg)', !old")
      .value("SELECTOR");
  Flag why = add_reason_flags(f, o.change, "why; shown with the override, and kept in the history");
  if (reason == Reason::required) why.required();
  f.add("--for", o.lasts, "ends by itself after this time; absent: when somebody ends it").value("DURATION");
  f.add("--ignore-min-healthy", o.ignore_min_healthy, "do it although fewer servers than min_healthy are left")
      .skips_guard();
  add_time_flags(f, o.change);
  if (wait == Wait::no) return;
  f.add("--wait", o.wait, "wait until the last request of the server has ended, on every worker");
  f.add("--timeout", o.timeout, "how long --wait waits");
}

void add_servers(Flags& f, OverrideOptions& o) {
  f.positional("INST/UP/SERVER", o.servers, "servers, or patterns such as 'prd_*/pay/10.0.0.1:*'").required();
}

void leaving_flags(Flags& f, OverrideOptions& o) {
  add_servers(f, o);
  add_override_flags(f, o, Reason::required, Wait::offered);
}

std::string invoker(const World& world) { return world.env.user() + "@" + world.env.host(); }

std::vector<ServerPath> parse_paths(const std::vector<std::string>& texts, PathDepth least) {
  std::vector<ServerPath> paths;
  for (const std::string& text : texts) paths.push_back(parse_server_path(text, least));
  return paths;
}

void Failures::add(const Error& e) {
  io_.error(e);
  if (exit_ == Exit::ok) exit_ = e.exit();
}

void tell_undone(Io& io, const ServerName& server, Undone how) {
  io.item(undone_item(server, how == Undone::failed ? "failed" : "not attempted"));
  if (how == Undone::not_attempted)
    io.warn(server.str() + " was not attempted", "mend what the error says, then run the same command again");
}

namespace {

bool is_plain(const ServerPath& path) {
  return !is_pattern(path.instance) && !is_pattern(path.upstream) && !is_pattern(path.server);
}

/// The servers that were named one by one, and that nobody could find.
void tell_unfound(const std::vector<ServerPath>& paths, const std::vector<ServerName>& found, Io& io) {
  for (const ServerPath& path : paths) {
    const ServerName name{path.instance, path.upstream, path.server};
    const auto is_it = [&](const ServerName& one) { return one.str() == name.str(); };
    if (is_plain(path) && std::none_of(found.begin(), found.end(), is_it)) tell_undone(io, name, Undone::not_attempted);
  }
}

/// One name that is nothing's stops all: none of the others was attempted.
void tell_refused(const std::vector<ServerPath>& paths, const Error& why, Io& io) {
  const std::string text = why.what();
  for (const ServerPath& path : paths) {
    const auto quotes = [&](const std::string& what) { return text.find("'" + what + "'") != text.npos; };
    const bool meant = is_named(text, path.instance) &&
                       (quotes(path.upstream + "/" + path.server) || quotes(path.upstream) || quotes(path.instance));
    if (is_plain(path))
      tell_undone(io, {path.instance, path.upstream, path.server}, meant ? Undone::failed : Undone::not_attempted);
  }
}

}  // namespace

Chosen<ServerName> chosen_servers(const OverrideOptions& o, ChooseServers choose, const World& world, Io& io) {
  const auto paths = parse_paths(o.servers, PathDepth::server);
  try {
    Chosen<ServerName> chosen = choose(paths, o.labels, world);
    if (!chosen.faults.empty() && paths.size() > 1) tell_unfound(paths, chosen.items, io);
    return chosen;
  } catch (const Error& e) {
    if (paths.size() > 1) tell_refused(paths, e, io);
    throw;
  }
}

std::set<std::string> unfollowed(const std::set<std::string>& instances, Millis limit, const World& world, Io& io,
                                 Failures& failures) {
  std::set<std::string> late;
  for (const std::string& name : instances) try {
      wait_until([&] { return missing_of_followers(world, name); }, world, Deadline::in(limit), limit,
                 [&](const std::string& line) { io.progress(name + ": " + line); });
    } catch (const Error& e) {
      late.insert(name);
      failures.add(Error(e.exit(), fmt::format("{}: {}", name, e.what()),
                         "the order is stored, and a worker that hangs follows when it goes on: orctl status " + name));
    }
  return late;
}

Exit run_override(const std::string& command, const std::string& result, OverrideChange change,
                  const Chosen<ServerName>& chosen, const OverrideOptions& o, World& world, Io& io) {
  io.kind("OverrideResult");
  change.reason = o.change.reason;
  change.lasts = o.lasts;
  change.by = invoker(world);
  change.ignore_min_healthy = o.ignore_min_healthy;
  Failures failures(io);
  for (const Error& fault : chosen.faults) failures.add(fault);
  std::vector<OverrideResult> made;
  bool changed = false;
  const Request request = make_request(o.change, world, command);
  with_locks(
      chosen.items, request, world, io, failures,
      [&](const ServerName& server) {
        const Millis begun = world.clock.uptime();
        OverrideResult one{server, put_override(world, server, change), result, {}};
        changed = changed || one.outcome.changed;
        io.changed(changed);
        if (one.outcome.changed)
          audit_override(world, server, request.note, {world.clock.uptime() - begun, one.outcome.item}, remarks(io));
        made.push_back(std::move(one));
      },
      [&](const ServerName& server, Undone how) {
        made.push_back({server, {}, "", how});
      });
  std::set<std::string> instances;
  for (const OverrideResult& one : made)
    if (!one.undone) instances.insert(one.server.instance);
  const std::set<std::string> late = unfollowed(instances, o.change.verify_timeout, world, io, failures);
  const Deadline deadline = Deadline::in(o.timeout);
  size_t done = 0;
  for (const OverrideResult& one : made) {
    std::string waited;
    if (one.undone) {
      tell_undone(io, one.server, *one.undone);
      continue;
    }
    if (late.contains(one.server.instance)) {
      tell_late(io, one);
      continue;
    }
    try {
      if (o.wait) {
        wait_until([&] { return missing_of_drained(world, one.server); }, world, deadline, o.timeout,
                   [&](const std::string& line) { io.progress(line); });
        waited = "no request in flight";
      }
      ++done;
    } catch (const Error& e) {
      failures.add(e);
    }
    tell_override(io, one, waited);
  }
  return failures.exit(done);
}

Exit run_override(const std::string& command, const std::string& result, const OverrideChange& change,
                  const OverrideOptions& o, World& world, Io& io) {
  if (!o.lasts.empty() && !parse_duration(o.lasts))
    throw Error(Exit::usage, "--for: '" + o.lasts + "' is no duration", "write it as 90s, 30m or 2h");
  const auto chosen = chosen_servers(o, choose_servers, world, io);
  return run_override(command, result, change, chosen, o, world, io);
}

}  // namespace orctl
