#include "store/history.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <utility>

#include "base/moment.h"
#include "base/text.h"
#include "store/lost.h"
#include "store/trailers.h"

namespace orctl {
namespace {

int number_in(const std::string& message) {
  return static_cast<int>(parse_number(trailer(message, "Orctl-Revision"), 1000000000).value_or(0));
}

Revision read_revision(const World& world, const Git::Commit& commit, const std::string& live) {
  Revision r;
  r.commit = commit.id;
  r.time = commit.time;
  r.author = commit.author;
  r.number = number_in(commit.message);
  r.reason = trailer(commit.message, "Orctl-Reason");
  r.ticket = trailer(commit.message, "Orctl-Ticket");
  r.plan = trailer(commit.message, "Orctl-Plan");
  r.audit = trailer(commit.message, "Orctl-Audit");
  r.command = trailer(commit.message, "Orctl-Command");
  r.digest = trailer(commit.message, "Orctl-Digest");
  r.deletes = r.digest == "none";
  r.live = commit.id == live;
  try {
    if (const auto note = world.git.note(commit.id)) {
      r.outcome = line_value(*note, "outcome");
      r.cause = line_value(*note, "cause");
      r.duration = line_value(*note, "duration");
    }
  } catch (const Error& e) {
    stop_if_interrupted();
    // nobody else's business: the revision itself can be read, and is not taken for one that a kill left behind
    r.outcome = unknown_outcome;
    r.cause = e.what();
  }
  return r;
}

constexpr const char* verify_hint = "orctl store verify names all that is damaged, and how to mend it";

std::string live_commit(const World& world, const std::string& name) {
  return world.git.ref(applied_ref(name)).value_or("");
}

}  // namespace

Value to_value(const Revision& r) {
  Value out = Value::object();
  out.set("revision", r.number);
  out.set("commit", r.commit);
  out.set("time", moment_text(r.time));
  out.set("author", r.author);
  out.set("reason", r.reason);
  out.set("ticket", r.ticket);
  out.set("command", r.command);
  out.set("outcome", r.outcome);
  out.set("cause", r.cause);
  out.set("duration", r.duration);
  out.set("digest", r.digest);
  out.set("plan_digest", r.plan);
  out.set("live", r.live);
  return out;
}

std::string branch_of(const std::string& name) { return "refs/heads/" + name; }
std::string applied_ref(const std::string& name) { return "refs/orctl/applied/" + name; }

bool has_lost_applied(const World& world, const std::string& name) {
  if (world.git.ref(applied_ref(name))) return false;
  for (const size_t limit : {size_t{1}, size_t{0}})  // the newest says it, nearly always
    for (const Revision& r : revisions(world, name, limit)) {
      if (r.outcome == "applied") return !r.deletes;
      if (r.outcome.empty() || r.outcome == "deleted" || r.outcome == unknown_outcome) return false;
    }
  return false;
}

std::vector<Revision> revisions(const World& world, const std::string& name, size_t limit) {
  std::vector<Revision> out;
  if (!can_be_stored(name) || !world.git.exists()) return out;
  const std::string live = live_commit(world, name);
  for (const Git::Commit& commit : world.git.log(branch_of(name), limit))
    out.push_back(read_revision(world, commit, live));
  return out;
}

int revision_number(const Git::Commit& commit) { return number_in(commit.message); }

Revision revision_at(const World& world, const std::string& commit) {
  return read_revision(world, world.git.commit(commit), "");
}

std::vector<Revision> readable_revisions(const World& world, const std::string& name, size_t limit,
                                         std::optional<Error>& end) {
  std::vector<Revision> out;
  try {
    std::string id = world.git.exists() ? world.git.ref(branch_of(name)).value_or("") : "", live;
    try {
      live = live_commit(world, name);
    } catch (const Error& e) {
      end = e;
    }
    while (!id.empty() && (limit == 0 || out.size() < limit)) {
      const Git::Commit commit = world.git.commit(id);
      out.push_back(read_revision(world, commit, live));
      id = commit.parent;
    }
  } catch (const Error& e) {
    stop_if_interrupted();
    end = e;
  }
  return out;
}

Revision find_revision(const World& world, const std::string& name, int number) {
  if (!can_be_stored(name) || !world.git.exists()) throw no_revisions(world, name);
  const auto all = world.git.log(branch_of(name));
  if (all.empty()) throw no_revisions(world, name);
  for (const Git::Commit& commit : all)
    if (revision_number(commit) == number) return read_revision(world, commit, live_commit(world, name));
  throw Error(Exit::absent,
              fmt::format("{} has no revision {}; it has {} to {}", name, number, revision_number(all.back()),
                          revision_number(all.front())),
              fmt::format("orctl history {}", name));
}

Error lost_ref(const std::string& ref, const std::string& why) {
  return Error(Exit::target, fmt::format("the ref '{}' is gone from the version store, and {}", ref, why), verify_hint);
}

Error no_revisions(const World& world, const std::string& name) {
  if (const auto lost = lost_history(name, world)) return *lost;
  if (can_be_stored(name) && world.git.exists() && !world.git.ref(branch_of(name)) && !live_commit(world, name).empty())
    return lost_ref(branch_of(name), "a revision of it is applied");
  return unknown_object(name, world);
}

std::optional<Revision> applied_revision(const World& world, const std::string& name) {
  if (!can_be_stored(name) || !world.git.exists()) return std::nullopt;
  const std::string live = live_commit(world, name);
  if (live.empty()) return std::nullopt;
  return read_revision(world, world.git.commit(live), live);
}

Revision live_revision(const World& world, const std::string& name) {
  if (auto live = applied_revision(world, name)) return std::move(*live);
  throw no_revisions(world, name);
}

Revision revision_before_live(const World& world, const std::string& name) {
  const auto all = revisions(world, name);
  if (all.empty()) throw no_revisions(world, name);
  const auto live = applied_revision(world, name);
  for (const Revision& r : all)
    if (r.outcome == "applied" && !r.deletes && (!live || r.number < live->number)) return r;
  throw Error(Exit::usage, name + " has no applied revision before the live one", "orctl history " + name);
}

void note_outcome(World& world, const std::string& commit, const std::string& outcome, const std::string& cause,
                  Millis took) {
  std::string text = "outcome: " + outcome + "\n";
  if (!cause.empty()) text += "cause: " + one_line(cause) + "\n";
  text += fmt::format("duration: {:.3f}s\n", static_cast<double>(took.count()) / 1000);
  world.git.set_note(commit, text);
}

}  // namespace orctl
