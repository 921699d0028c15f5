#include "store/audit.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "base/moment.h"
#include "base/rights.h"
#include "base/text.h"
#include "model/secrets.h"
#include "store/audit_chain.h"
#include "store/audit_files.h"
#include "store/events.h"
#include "store/history.h"

namespace orctl {
namespace {

constexpr size_t longest_text = 4096, longest_arguments = 16384;
constexpr Millis patience(10000);  // for the log's lock

std::string shortened(const std::string& text) {
  if (text.size() <= longest_text) return text;
  size_t end = longest_text;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

/// The arguments as they may be kept; `whole` is set to false when something of them may not.
Value kept_arguments(const std::vector<std::string>& arguments, bool& whole) {
  Value out = Value::array();
  size_t bytes = 0;
  for (const std::string& one : arguments) {
    bytes += one.size();
    const bool fits = bytes <= longest_arguments && one.size() <= longest_text && is_utf8(one);
    const bool secret = fits && !find_secrets(one).empty();
    whole = whole && fits && !secret;
    out.push(secret ? "***" : fits ? one : "…");
    if (bytes > longest_arguments) break;
  }
  return out;
}

/// Whether an argument names a file by where the caller stands.
bool is_relative_file(const std::string& one, const World& world) {
  const size_t equals = one.starts_with("-") ? one.find('=') : std::string::npos;
  const std::string path = equals == std::string::npos ? one : one.substr(equals + 1);
  if (path.empty() || path[0] == '/' || path[0] == '-' || path.size() > longest_text) return false;
  try {
    return world.fs.exists(world.fs.absolute(path));
  } catch (const Error&) {
    return false;
  }
}

/// Who asked for what, and by which call: several lines of one call carry the same.
Value record_of(const World& world, const std::string& name, const RevisionNote& note) {
  Value line = Value::object();
  line.set("time", moment_text(world.clock.now()));
  line.set("instance", name);
  line.set("user", note.author);
  line.set("command", shortened(note.command));
  line.set("reason", shortened(note.reason));
  return line;
}

void add_call(Value& line, const World& world, const RevisionNote& note) {
  if (!note.ticket.empty()) line.set("ticket", shortened(note.ticket));
  if (world.arguments.empty()) return;
  static const std::string call =
      sha256(fmt::format("{} {} {}", world.clock.boot(), world.clock.uptime().count(), join(world.arguments, " ")))
          .substr(0, 12);
  bool whole = true;
  line.set("call", call);
  line.set("arguments", kept_arguments(world.arguments, whole));
  if (!whole) line.set("arguments_cut", true);
  const auto is_relative = [&](const std::string& one) { return is_relative_file(one, world); };
  if (std::any_of(world.arguments.begin(), world.arguments.end(), is_relative))
    line.set("folder", shortened(world.fs.absolute(".")));
}

/// Appends the line to the log. Returns its number and hash.
std::string append(World& world, const Value& line) {
  const FileLock lock = world.fs.lock(world.layout.audit_lock(), patience, "the audit log");
  const AuditEnd end = make_room(world);
  const std::string text = chained_line(line, end);
  world.fs.append(world.layout.audit(), text, rights::secret_file);
  return fmt::format("{} {}", end.number + 1, read_audit_line(trim(text)).hash);
}

std::string string_in(const Value& what, const char* key) {
  const Value* v = what.find(key);
  return v != nullptr && v->is_string() ? v->as_string() : "";
}

/// What the history is told, unless a revision tells it.
void tell_history(World& world, const std::string& name, const RevisionNote& note, const Value& what,
                  const std::string& audit) {
  const std::string outcome = string_in(what, "outcome");
  const bool is_beside = outcome == "confirmed" || outcome == "repaired";  // of a revision that was there before
  if (what.find("revision") != nullptr && !is_beside) return;
  Event event;
  event.author = note.author;
  event.command = shortened(note.command);
  event.reason = note.reason;
  event.ticket = note.ticket;
  event.target = string_in(what, "server");
  event.outcome = outcome == "applied" || outcome == "override" ? "done" : outcome;
  event.cause = string_in(what, "cause");
  event.ends = string_in(what, "ends");
  event.audit = audit;
  if (const Value* took = what.find("milliseconds"); took != nullptr && took->is_int())
    event.duration = fmt::format("{:.3f}s", static_cast<double>(took->as_int()) / 1000);
  record_event(world, name, event);
}

}  // namespace

void write_audit(World& world, const std::string& name, const RevisionNote& note, const Value& what,
                 const std::function<void(const std::string&)>& tell) {
  Value line = record_of(world, name, note);
  for (const Value::Member& member : what.members())
    line.set(member.key, member.value.is_string() ? Value(shortened(member.value.as_string())) : member.value);
  add_call(line, world, note);
  std::string audit;
  try {
    audit = append(world, line);
  } catch (const Error& e) {
    tell(fmt::format("{}: the audit log was not written: {}", name, e.what()));
  }
  try {
    tell_history(world, name, note, what, audit);
  } catch (const Error& e) {
    tell(fmt::format("{}: the history was not told of it: {}", name, e.what()));
  }
}

void write_refusal(World& world, const std::string& name, const RevisionNote& note, Exit exit, const std::string& why) {
  constexpr Exit refusals[] = {Exit::usage, Exit::refused, Exit::conflict, Exit::guard, Exit::absent};
  const bool refused = std::find(std::begin(refusals), std::end(refusals), exit) != std::end(refusals);
  try {
    if (!world.fs.exists(world.layout.library()) || !world.fs.writable(world.layout.library())) return;
    Value line = record_of(world, name, note);
    line.set("outcome", refused ? "refused" : "failed");
    line.set("exit", static_cast<int64_t>(exit));
    line.set("cause", find_secrets(why).empty() ? shortened(why) : "***");
    add_call(line, world, note);
    append(world, line);
  } catch (const Error&) {
    // nothing was done that somebody would have to be told of
  }
}

std::string audit_head(const World& world) {
  try {
    const AuditEnd end = end_of_log(world);
    return end.number == 0 ? "" : fmt::format("{} {}", end.number, end.hash);
  } catch (const Error&) {
    stop_if_interrupted();
    return {};
  }
}

}  // namespace orctl
