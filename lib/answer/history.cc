#include "answer/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/moment.h"
#include "base/text.h"
#include "store/events.h"
#include "store/history.h"
#include "store/revision_name.h"

namespace orctl {
namespace {

std::string number_text(const Value& item, const std::string& field) {
  const Value& number = item.at(field);
  return number.is_int() ? fmt::format("{}{}", number.as_int(), item.at("live").as_bool() ? " (live)" : "") : "-";
}

std::string outcome_text(const Value& item, const std::string& field) {
  const std::string& outcome = item.at(field).as_string();
  return outcome.empty() ? "pending" : outcome;
}

/// What was done, without the instance's name, which stands elsewhere.
std::string what_text(const Value& item, const std::string& field) {
  const std::string &target = item.at("target").as_string(), &name = item.at("name").as_string();
  std::string command = item.at(field).as_string();
  for (const std::string& end : {" " + name, " " + name + "/" + target})
    if (command.ends_with(end)) command.resize(command.size() - end.size());
  return target.empty() || command.find(target) != std::string::npos ? command : command + " " + target;
}

std::vector<Column> columns() {
  return {{"REVISION", "revision", number_text}, {"WHEN", "time", moment_cell},
          {"WHO", "author", member_text},        {"WHAT", "command", what_text},
          {"OUTCOME", "outcome", outcome_text},  {"TOOK", "duration", member_text},
          {"TICKET", "ticket", member_text},     {"REASON", "reason", member_text},
          {"CAUSE", "cause", member_text},       {"COMMIT", "commit", short_text, Column::Shown::wide}};
}

/// One line of the timeline. `order` tells what happened within one second: twice the number of the line in the audit
/// log that came last before it, and one more for a revision, which is made before its own line.
struct Entry {
  int64_t time = 0;
  int64_t order = 0;
  Value item;
};

int64_t line_of_audit(const std::string& audit) {
  return parse_number(audit.substr(0, audit.find(' ')), 1L << 40).value_or(0);
}

Value item_of(const std::string& name, const Revision& r) {
  Value item = Value::object();
  item.set("name", name);
  item.set("kind", "revision");
  const Value told = to_value(r);
  for (const Value::Member& member : told.members()) item.set(member.key, member.value);
  item.set("target", "");
  return item;
}

Value item_of(const std::string& name, const Event& e) {
  Value item = Value::object();
  item.set("name", name);
  item.set("kind", "event");
  item.set("revision", Value());
  item.set("commit", e.commit);
  item.set("time", moment_text(e.time));
  item.set("author", e.author);
  item.set("reason", e.reason);
  item.set("ticket", e.ticket);
  item.set("command", e.command);
  item.set("outcome", e.outcome);
  item.set("cause", e.cause);
  item.set("duration", e.duration);
  item.set("live", false);
  item.set("target", e.target);
  if (!e.ends.empty()) item.set("ends", e.ends);
  return item;
}

/// Whether something else had ended or changed the override of an event before its own end.
bool was_superseded(const Event& event, int64_t end, const std::vector<Event>& newer,
                    const std::vector<Revision>& revisions) {
  return std::any_of(newer.begin(), newer.end(),
                     [&](const Event& e) { return e.target == event.target && e.time <= end; }) ||
         std::any_of(revisions.begin(), revisions.end(), [&](const Revision& r) {
           return r.time >= event.time && r.time <= end && (r.deletes || r.command.starts_with("overrides promote"));
         });
}

/// Overrides that ended by themselves: nobody was there to write it down, and their orders said when.
void add_ends(const std::string& name, const std::vector<Event>& all, const std::vector<Revision>& revisions,
              int64_t now, std::vector<Entry>& out) {
  std::vector<Event> newer;
  for (const Event& event : all) {
    const auto end = parse_moment(event.ends);
    if (end && end->last <= now && !was_superseded(event, end->last, newer, revisions)) {
      Event ended = event;
      ended.time = end->last;
      ended.command = "ended: " + event.command;
      ended.outcome = "expired";
      ended.duration.clear();
      ended.ends.clear();
      out.push_back({ended.time, 0, item_of(name, ended)});
    }
    newer.push_back(event);
  }
}

/// What is asked for of one instance, newest first.
std::vector<Entry> entries_of(const std::string& name, size_t limit, const World& world, std::optional<Error>& end) {
  std::vector<Entry> out;
  const auto all = readable_revisions(world, name, limit, end);
  for (const Revision& r : all) out.push_back({r.time, 2 * line_of_audit(r.audit) + 1, item_of(name, r)});
  std::optional<Error> end_of_events;
  const auto told = events(world, name, limit, end_of_events);
  if (end_of_events && !end) end = end_of_events;
  for (const Event& e : told) out.push_back({e.time, 2 * line_of_audit(e.audit), item_of(name, e)});
  add_ends(name, told, all, world.clock.now(), out);
  return out;
}

bool holds(const std::string& text, const std::string& part) { return lower(text).find(lower(part)) != text.npos; }

bool is_asked_for(const Entry& entry, const HistoryQuestion& q) {
  if ((q.since && entry.time < *q.since) || (q.until && entry.time > *q.until)) return false;
  if (!holds(entry.item.at("author").as_string(), q.who)) return false;
  if (q.grep.empty()) return true;
  const char* const fields[] = {"reason", "ticket", "command", "cause", "target", "outcome"};
  return std::any_of(std::begin(fields), std::end(fields),
                     [&](const char* field) { return holds(entry.item.at(field).as_string(), q.grep); });
}

bool is_pattern_of_names(const std::string& text) { return text.find_first_of("*?") != std::string::npos; }

/// The ids meant. A plain name that nothing is known of is thrown.
std::vector<std::string> names_of(const HistoryQuestion& q, const World& world) {
  const std::vector<std::string> known = recorded_ids(world);
  if (q.names.empty()) return known;
  std::set<std::string> out;
  for (const std::string& name : q.names) {
    if (!is_pattern_of_names(name) && std::find(known.begin(), known.end(), name) == known.end())
      throw no_revisions(world, name);
    for (const std::string& one : known)
      if (glob_match(name, one)) out.insert(one);
  }
  return {out.begin(), out.end()};
}

bool has_revision(const std::vector<Entry>& all) {
  return std::any_of(all.begin(), all.end(), [](const Entry& one) { return one.item.at("kind") == Value("revision"); });
}

}  // namespace

std::string moment_cell(const Value& item, const std::string& field) { return member_text(item, field); }

const Noun& history_noun() {
  static const Noun noun{"RevisionList", "revisions", "", columns()};
  return noun;
}

const Noun& timeline_noun() {
  static const Noun noun = [] {
    Noun out{"RevisionList", "revisions", "", columns()};
    out.columns.insert(out.columns.begin(), {"NAME", "name", member_text});
    return out;
  }();
  return noun;
}

bool is_of_one(const HistoryQuestion& question) {
  return question.names.size() == 1 && !is_pattern_of_names(question.names.front());
}

Answer list_history(const HistoryQuestion& question, const World& world) {
  const bool filters = question.since || question.until || !question.who.empty() || !question.grep.empty();
  const size_t most = filters ? 0 : question.limit;
  Answer answer;
  std::vector<Entry> all;
  for (const std::string& name : names_of(question, world)) {
    std::optional<Error> end;
    std::vector<Entry> found = entries_of(name, most, world, end);
    if (!end && !has_revision(found))
      if (const Error none = no_revisions(world, name);
          (is_of_one(question) && found.empty()) || none.exit() == Exit::target)
        end = none;
    if (is_of_one(question) && end && !has_revision(found)) throw Error(*end);
    std::erase_if(found, [&](const Entry& entry) { return !is_asked_for(entry, question); });
    std::move(found.begin(), found.end(), std::back_inserter(all));
    if (end) answer.fault(*end);
  }
  std::stable_sort(all.begin(), all.end(), [](const Entry& a, const Entry& b) {
    return a.time != b.time ? a.time > b.time : a.order > b.order;
  });
  if (question.limit != 0 && all.size() > question.limit) all.resize(question.limit);
  for (Entry& entry : all) answer.each([&] { answer.items.push_back(std::move(entry.item)); });
  return answer;
}

}  // namespace orctl
