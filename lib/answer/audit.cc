#include "answer/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "answer/history.h"
#include "base/moment.h"
#include "base/text.h"
#include "store/audit_files.h"

namespace orctl {
namespace {

constexpr const char* verify_hint = "orctl audit verify names what is not as it was written";

std::string text_in(const Value& record, const char* key) {
  const Value* v = record.find(key);
  return v != nullptr && v->is_string() ? v->as_string() : "";
}

/// Seconds since 1970; older lines have them as a number.
std::optional<int64_t> time_of(const Value& record) {
  const Value* time = record.find("time");
  if (time == nullptr) return std::nullopt;
  if (time->is_int()) return time->as_int();
  const auto moment = time->is_string() ? parse_moment(time->as_string()) : std::nullopt;
  return moment ? std::optional(moment->first) : std::nullopt;
}

std::vector<std::string> arguments_of(const Value& record) {
  std::vector<std::string> out;
  const Value* all = record.find("arguments");
  if (all == nullptr || !all->is_array()) return out;
  for (const Value& one : all->items())
    if (one.is_string()) out.push_back(one.as_string());
  return out;
}

std::string all_text(const Value& record) {
  std::string text;
  for (const char* key : {"instance", "user", "command", "reason", "ticket", "server", "outcome", "cause"})
    text += text_in(record, key) + "\n";
  return text + join(arguments_of(record), "\n");
}

/// Whether a line is about the instance. Of a refusal its arguments or its cause may say so.
bool is_about(const Value& record, const std::string& pattern) {
  if (glob_match(pattern, text_in(record, "instance"))) return true;
  if (!text_in(record, "instance").empty()) return false;
  for (const std::string& one : arguments_of(record))
    if (glob_match(pattern, one.substr(0, one.find('/')))) return true;
  return pattern.find_first_of("*?") == std::string::npos &&
         text_in(record, "cause").find(pattern) != std::string::npos;
}

bool is_asked_for(const Value& record, const AuditQuestion& q) {
  const auto time = time_of(record);
  if (q.since && (!time || *time < *q.since)) return false;
  if (q.until && (!time || *time > *q.until)) return false;
  if (lower(text_in(record, "user")).find(lower(q.who)) == std::string::npos) return false;
  if (!q.grep.empty() && lower(all_text(record)).find(lower(q.grep)) == std::string::npos) return false;
  return q.instances.empty() || std::any_of(q.instances.begin(), q.instances.end(),
                                            [&](const std::string& one) { return is_about(record, one); });
}

/// The line without what chains it, its time as all times are told.
Value item_of(const AuditLine& line) {
  Value item = Value::object();
  if (line.number != 0) item.set("seq", line.number);
  for (const Value::Member& member : line.record->members())
    if (member.key != "seq" && member.key != "prev" && member.key != "hash" && member.key != "after_torn")
      item.set(member.key, member.value);
  if (const auto time = time_of(*line.record)) item.set("time", moment_text(*time));
  return item;
}

std::string what_text(const Value& item, const std::string& field) {
  const std::string server = text_in(item, "server"), command = text_in(item, field.c_str());
  return server.empty() ? command : command + " " + server;
}

std::string quoted(const std::string& text) {
  const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

bool has_flag(const std::vector<std::string>& arguments, const std::string& name) {
  return std::any_of(arguments.begin(), arguments.end(),
                     [&](const std::string& one) { return one == name || one.starts_with(name + "="); });
}

/// The call as a line for a shell: what the environment had said stands in it, too.
std::string command_line(const Value& item, const World& world) {
  std::vector<std::string> arguments = arguments_of(item);
  for (const auto& [flag, key] : {std::pair{"--reason", "reason"}, std::pair{"--ticket", "ticket"}})
    if (const std::string value = text_in(item, key); !value.empty() && !has_flag(arguments, flag))
      arguments.insert(arguments.end(), {flag, value});
  if (world.root != "/" && !has_flag(arguments, "--root")) arguments.insert(arguments.begin(), {"--root", world.root});
  std::string line = "orctl";
  for (const std::string& one : arguments) line += " " + quoted(one);
  const std::string folder = text_in(item, "folder");
  return folder.empty() ? line : fmt::format("(cd {} && {})", quoted(folder), line);
}

/// Why a call cannot be run again as it was; "" when it can.
std::string not_again(const Value& item) {
  const std::vector<std::string> arguments = arguments_of(item);
  const std::string outcome = text_in(item, "outcome");
  if (outcome == "refused" || outcome == "failed" || outcome == "rolled-back") return outcome;
  if (item.find("arguments_cut") != nullptr) return "not kept whole";
  for (size_t i = 0; i + 1 < arguments.size(); ++i)
    if ((arguments[i] == "-f" || arguments[i] == "--filename") && arguments[i + 1] == "-") return "standard input";
  return {};
}

}  // namespace

const Noun& audit_noun() {
  static const Noun noun{"AuditList",
                         "lines of the audit log",
                         "",
                         {{"WHEN", "time", moment_cell},
                          {"WHO", "user", member_text},
                          {"INSTANCE", "instance", member_text},
                          {"WHAT", "command", what_text},
                          {"OUTCOME", "outcome", member_text},
                          {"REVISION", "revision", member_text},
                          {"TICKET", "ticket", member_text},
                          {"REASON", "reason", member_text},
                          {"CAUSE", "cause", member_text},
                          {"SEQ", "seq", member_text, Column::Shown::wide}}};
  return noun;
}

const Noun& audit_faults_noun() {
  static const Noun noun{"AuditFaultList",
                         "faults of the audit log",
                         "",
                         {{"PLACE", "place", member_text}, {"WHAT", "what", member_text}}};
  return noun;
}

Answer list_audit(const AuditQuestion& question, const World& world) {
  Answer answer;
  const AuditRead log = read_log(world, Against::itself);
  for (const AuditLine& line : log.lines)
    if (line.record && is_asked_for(*line.record, question))
      answer.each([&] { answer.items.push_back(item_of(line)); });
  if (question.limit != 0 && answer.items.size() > question.limit)
    answer.items.erase(answer.items.begin(), answer.items.end() - static_cast<ptrdiff_t>(question.limit));
  const auto worst =
      std::find_if(log.faults.begin(), log.faults.end(), [](const AuditFault& fault) { return fault.fatal; });
  if (worst != log.faults.end()) answer.warn(worst->place + ": " + worst->what, verify_hint);
  return answer;
}

std::string audit_as_commands(const Value::Array& items, const World& world) {
  std::set<std::string> told;
  std::string out;
  for (const Value& item : items) {
    const std::string call = text_in(item, "call"), who = text_in(item, "user");
    if (call.empty()) {
      out += printable_line(fmt::format("# {} {}: {} {} (its arguments were not kept)", text_in(item, "time"), who,
                                        text_in(item, "command"), text_in(item, "instance"))) +
             "\n";
      continue;
    }
    // taking back what nobody confirmed is no wish of the call that met it
    const bool is_own =
        !text_in(item, "command").starts_with("confirm --expired") || has_flag(arguments_of(item), "--expired");
    if (!is_own || !told.insert(call).second) continue;
    const std::string why_not = not_again(item), line = command_line(item, world);
    out += printable_line(fmt::format("# {} {}", text_in(item, "time"), who)) + "\n";
    // a newline in an argument would end the comment
    out += why_not.empty() ? line + "\n" : fmt::format("# {}: {}\n", why_not, printable_line(line));
  }
  return out;
}

AuditVerdict verify_audit(const World& world) {
  AuditVerdict out;
  const AuditRead log = read_log(world, Against::store);
  for (const AuditFault& fault : log.faults) {
    out.sound = out.sound && !fault.fatal;
    out.faults.push_back(Value(
        Value::Object{{"place", fault.place}, {"what", fault.what}, {"severity", fault.fatal ? "error" : "warning"}}));
  }
  out.line = log.lines.empty() ? "the audit log is empty"
                               : fmt::format("{} of the chain, the last is {}",
                                             count(log.lines.size() - log.before_chain, "line"), log.last);
  if (log.before_chain != 0)
    out.line += fmt::format("; {} before it, of an older orctl", count(log.before_chain, "line"));
  return out;
}

}  // namespace orctl
