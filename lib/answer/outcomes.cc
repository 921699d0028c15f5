#include "answer/outcomes.h"

#include <fmt/format.h>

#include "base/text.h"

namespace orctl {

Value outcome_item(const InstancePlan& planned, const Outcome& outcome, const std::string& done) {
  Value item = summary(planned);
  item.set("result", outcome.error ? "failed" : done);
  item.set("changed", outcome.changed);
  if (outcome.revision != 0) item.set("revision", outcome.revision);
  if (!outcome.proof.workers.empty()) {
    item.set("generation", outcome.proof.generation);
    Value workers = Value::array();
    for (const int pid : outcome.proof.workers) workers.push(pid);
    item.set("workers", std::move(workers));
  }
  if (!outcome.error && outcome.confirm_within.count() != 0)
    item.set("confirm_seconds_left", outcome.confirm_within.count() / 1000);
  item.set("milliseconds", static_cast<int64_t>(outcome.took.count()));
  return item;
}

std::string outcome_line(const Outcome& outcome, const std::string& done) {
  std::string line = outcome.name + " " + done;
  if (!outcome.changed) return line;
  if (outcome.revision != 0) line += fmt::format(": revision {}", outcome.revision);
  line += fmt::format("{} {}", outcome.revision != 0 ? "," : ":", to_string(outcome.impact));
  if (!outcome.proof.workers.empty())
    line += fmt::format("; proved by {} at generation {}", count(outcome.proof.workers.size(), "worker"),
                        outcome.proof.generation);
  return line + fmt::format(" ({} ms)", outcome.took.count());
}

Value unattempted_item(const InstancePlan& planned) {
  Value item = summary(planned);
  item.set("result", "not attempted");
  item.set("changed", false);
  return item;
}

Value stopped_item(const std::string& name, const std::string& result) {
  return Value(Value::Object{{"name", name}, {"result", result}, {"changed", false}});
}

Value cleared_item(const std::string& name, Cleared what) {
  return Value(
      Value::Object{{"name", name}, {"result", what == Cleared::instance ? "deleted" : "tidied"}, {"changed", true}});
}

std::string cleared_line(const std::string& name, Cleared what) {
  return name + (what == Cleared::instance ? " deleted" : ": what an interrupted apply left is removed");
}

Value confirmation_item(const std::string& name, Confirmation what, int revision) {
  const bool confirmed = what == Confirmation::confirmed;
  Value item = Value::object();
  item.set("name", name);
  if (confirmed) item.set("revision", revision);
  item.set("result", confirmed ? "confirmed" : what == Confirmation::taken_back ? "taken back" : "nothing to confirm");
  item.set("changed", confirmed);
  return item;
}

Value repaired_item(const std::string& name, int revision, size_t kept, const std::vector<std::string>& dropped) {
  Value all = Value::array();
  for (const std::string& one : dropped) all.push(one);
  Value item = Value::object();
  item.set("name", name);
  item.set("result", "repaired");
  item.set("revision", revision);
  item.set("kept", static_cast<int64_t>(kept));
  item.set("dropped", std::move(all));
  return item;
}

std::string repaired_line(const std::string& name, int revision, const std::vector<std::string>& dropped) {
  return name + " repaired" + (revision == 0 ? "" : fmt::format(": revision {} is live", revision)) +
         (dropped.empty() ? "" : "; dropped: " + join(dropped, ", "));
}

}  // namespace orctl
