#include "store/events.h"

#include <fmt/format.h>

#include <algorithm>

#include "store/history.h"
#include "store/trailers.h"

namespace orctl {
namespace {

constexpr Millis patience(10000);  // for the store's lock

Event read_event(const Git::Commit& commit) {
  Event e;
  e.commit = commit.id;
  e.time = commit.time;
  e.author = commit.author;
  e.command = trailer(commit.message, "Orctl-Command");
  e.target = trailer(commit.message, "Orctl-Target");
  e.reason = trailer(commit.message, "Orctl-Reason");
  e.ticket = trailer(commit.message, "Orctl-Ticket");
  e.outcome = trailer(commit.message, "Orctl-Outcome");
  e.cause = trailer(commit.message, "Orctl-Cause");
  e.duration = trailer(commit.message, "Orctl-Duration");
  e.ends = trailer(commit.message, "Orctl-Ends");
  e.audit = trailer(commit.message, "Orctl-Audit");
  return e;
}

std::string message_of(const std::string& name, const Event& e) {
  const auto line = [](const char* key, const std::string& value) {
    return fmt::format("Orctl-{}: {}\n", key, one_line(value));
  };
  std::string text = one_line(e.command + " " + (e.target.empty() ? name : name + "/" + e.target));
  if (!e.reason.empty()) text += ": " + one_line(e.reason);
  text += "\n\n" + line("Instance", name) + line("Target", e.target) + line("Reason", e.reason);
  text += line("Ticket", e.ticket) + line("Command", e.command) + line("Outcome", e.outcome);
  if (!e.cause.empty()) text += line("Cause", e.cause);
  if (!e.duration.empty()) text += line("Duration", e.duration);
  if (!e.ends.empty()) text += line("Ends", e.ends);
  if (!e.audit.empty()) text += line("Audit", e.audit);
  return text;
}

}  // namespace

std::string events_ref(const std::string& name) { return "refs/orctl/events/" + name; }

void record_event(World& world, const std::string& name, const Event& event) {
  if (!can_be_stored(name) || !world.git.exists()) return;
  const FileLock lock = world.git.lock(patience);
  const std::string tip = world.git.ref(events_ref(name)).value_or("");
  world.git.commit_files(events_ref(name), tip, {}, event.author, message_of(name, event));
}

std::vector<Event> events(const World& world, const std::string& name, size_t limit, std::optional<Error>& end) {
  std::vector<Event> out;
  try {
    std::string id = world.git.exists() ? world.git.ref(events_ref(name)).value_or("") : "";
    while (!id.empty() && (limit == 0 || out.size() < limit)) {
      const Git::Commit commit = world.git.commit(id);
      out.push_back(read_event(commit));
      id = commit.parent;
    }
  } catch (const Error& e) {
    stop_if_interrupted();
    end = e;
  }
  return out;
}

bool heal_events(World& world, const std::string& name) {
  std::optional<Error> end;
  std::vector<Event> kept = events(world, name, 0, end);
  if (!end) return false;
  std::reverse(kept.begin(), kept.end());
  std::string tip;
  for (const Event& one : kept) tip = world.git.commit_again(one.commit, tip);
  world.git.move_aside(world.git.path() + "/" + events_ref(name));
  if (tip.empty())
    world.git.remove_ref(events_ref(name));
  else
    world.git.set_ref(events_ref(name), tip);
  return true;
}

}  // namespace orctl
