// Of plan.h: plans as JSON.
#include "base/hash.h"
#include "plan/plan.h"

namespace orctl {
namespace {

constexpr std::string_view ops[] = {"add", "remove", "change"};

Value to_value(const Change& c) {
  Value out = Value::object();
  out.set("op", ops[static_cast<size_t>(c.op)]);
  out.set("key", to_string(c.key));
  if (!c.before.is_null()) out.set("before", c.before);
  if (!c.after.is_null()) out.set("after", c.after);
  out.set("impact", to_string(c.impact));
  if (!c.reason.empty()) out.set("reason", c.reason);
  return out;
}

}  // namespace

Value summary(const InstancePlan& plan) {
  Value out = Value::object();
  out.set("name", plan.name);
  out.set("impact", to_string(plan.impact()));
  Value changes = Value::array(), steps = Value::array();
  for (const Change& c : plan.changes) changes.push(to_value(c));
  for (const Step& s : plan.steps) steps.push(to_string(s));
  out.set("changes", std::move(changes));
  if (!plan.before && plan.after) {
    Value fields = Value::array();
    for (const Change& one : fields_of_new(plan.after->spec)) {
      Value field = Value::object();
      field.set("key", to_string(one.key));
      field.set("value", one.after);
      fields.push(std::move(field));
    }
    out.set("fields", std::move(fields));
  }
  out.set("steps", std::move(steps));
  if (plan.flattened.empty()) return out;
  Value flattened = Value::array();
  for (const std::string& path : plan.flattened) flattened.push(path);
  out.set("flattens_edits", std::move(flattened));
  return out;
}

std::string plan_digest(const InstancePlan& plan) {
  Value what = summary(plan);
  what.set("base", plan.base);
  return sha256(to_json(what));
}

}  // namespace orctl
