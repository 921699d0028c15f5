// Of plan.h: plans as JSON.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "kind/secret_files.h"
#include "model/masked.h"
#include "plan/plan.h"

namespace orctl {
namespace {

constexpr std::string_view ops[] = {"add", "remove", "change"};
constexpr Impact impacts[] = {Impact::none, Impact::hot, Impact::reload, Impact::restart, Impact::start, Impact::stop};

/// Reads one plan document; anything that is not as to_value() writes it is refused.
class Reader {
 public:
  static const Value& member(const Value& object, const char* name) {
    const Value* found = object.find(name);
    if (found == nullptr) refuse(std::string("'") + name + "' is missing");
    return *found;
  }
  static const std::string& text(const Value& object, const char* name) {
    const Value& v = member(object, name);
    if (!v.is_string()) refuse(std::string("'") + name + "' is no string");
    return v.as_string();
  }
  static const Value::Array& list(const Value& object, const char* name) {
    const Value& v = member(object, name);
    if (!v.is_array()) refuse(std::string("'") + name + "' is no list");
    return v.items();
  }
  /// An instance's spec: whoever works with it relies on the schema and its defaults.
  static Value spec(const Value& version) {
    const Schema& schema = Schema::get("instance");
    const Value& v = member(version, "spec");
    Diagnostics found;
    const auto no_line = [](uint32_t) { return std::string(); };
    if (schema.check(v, "", no_line, found) != Fit::valid)
      refuse("'spec' is no instance: " + found[0].field + ": " + found[0].text);
    return schema.with_defaults(v);
  }
  [[noreturn]] static void refuse(const std::string& what) {
    throw Error(Exit::refused, "this is no plan: " + what, "make one with: orctl plan -f MANIFEST --out plan.json");
  }
};

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

Change change_from(const Value& v) {
  Change c;
  const auto op = std::find(std::begin(ops), std::end(ops), Reader::text(v, "op"));
  if (op == std::end(ops)) Reader::refuse("unknown op");
  c.op = static_cast<Op>(op - std::begin(ops));
  c.key = key_from(Reader::text(v, "key"));
  if (const Value* before = v.find("before")) c.before = *before;
  if (const Value* after = v.find("after")) c.after = *after;
  const std::string& impact = Reader::text(v, "impact");
  const auto found =
      std::find_if(std::begin(impacts), std::end(impacts), [&](Impact i) { return to_string(i) == impact; });
  if (found == std::end(impacts)) Reader::refuse("unknown impact");
  c.impact = *found;
  if (v.find("reason") != nullptr) c.reason = Reader::text(v, "reason");
  return c;
}

/// One file; sets `hides` when its content is not all there.
Value to_value(const std::string& path, const TreeFile& file, const std::set<std::string>& secret, bool& hides) {
  Value out = Value::object();
  out.set("path", path);
  out.set("mode", static_cast<int64_t>(file.mode));
  if (!file.irregular.empty()) out.set("irregular", file.irregular);
  if (secret.contains(path) || is_secret(path, file)) {
    out.set("fingerprint", fingerprint_of(file));
    return out;
  }
  const std::string shown = path == tree_path::document ? masked_document(file.content) : file.content;
  hides = hides || shown != file.content;
  out.set("content", shown);
  return out;
}

Value to_value(const std::optional<Version>& version) {
  if (!version) return {};
  Value files = Value::array();
  const Value spec = masked_spec(version->spec);
  bool hides = spec != version->spec;
  const std::set<std::string> secret = files_with_secrets(version->spec);
  for (const auto& [path, file] : version->tree) files.push(to_value(path, file, secret, hides));
  Value out = Value::object();
  out.set("spec", spec);
  out.set("manifest", hides ? masked_manifest({version->manifest_name, version->manifest}) : version->manifest);
  out.set("manifest_name", version->manifest_name);
  out.set("digest", version->digest);
  out.set("unit", version->unit);
  out.set("files", std::move(files));
  if (hides) out.set("masked", true);
  return out;
}

std::optional<Version> version_from(const Value& v) {
  if (v.is_null()) return std::nullopt;
  if (v.find("masked") != nullptr) Reader::refuse("it has secrets, of which it has the fingerprints only");
  Version out;
  out.spec = Reader::spec(v);
  out.manifest = Reader::text(v, "manifest");
  out.manifest_name = Reader::text(v, "manifest_name");
  out.digest = Reader::text(v, "digest");
  out.unit = Reader::text(v, "unit");
  for (const Value& file : Reader::list(v, "files")) {
    const Value& mode = Reader::member(file, "mode");
    if (!mode.is_int()) Reader::refuse("'mode' is no number");
    if (file.find("fingerprint") != nullptr)
      Reader::refuse("'" + Reader::text(file, "path") + "' is a secret, and it has the fingerprint only");
    out.tree[Reader::text(file, "path")] = {Reader::text(file, "content"), static_cast<unsigned>(mode.as_int()),
                                            file.find("irregular") ? Reader::text(file, "irregular") : ""};
  }
  return out;
}

Step step_from(const std::string& name) {
  using Action = Supervise::Action;
  const Step all[] = {CheckTree{},
                      CommitRevision{},
                      ArmConfirm{},
                      SwapTree{},
                      SwapTree{true},
                      WriteUnit{},
                      PushGateway{},
                      PushCertificates{},
                      Reload{},
                      Supervise{Action::start},
                      Supervise{Action::stop},
                      Supervise{Action::restart},
                      Supervise{Action::upgrade},
                      Supervise{Action::retire},
                      Supervise{Action::enable},
                      Supervise{Action::disable},
                      Verify{}};
  for (const Step& step : all)
    if (to_string(step) == name) return step;
  Reader::refuse("unknown step '" + name + "'");
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
  out.set("steps", std::move(steps));
  return out;
}

Value to_value(const Plan& plan) {
  Value instances = Value::array();
  for (const InstancePlan& p : plan.instances) {
    Value one = summary(p);
    one.set("base", p.base);
    one.set("before", to_value(p.before));
    one.set("after", to_value(p.after));
    instances.push(std::move(one));
  }
  Value out = Value::object();
  out.set("kind", "Plan");
  out.set("instances", std::move(instances));
  return out;
}

Plan plan_from_value(const Value& value) {
  Plan plan;
  if (!value.is_object() || Reader::text(value, "kind") != "Plan") Reader::refuse("its kind is not Plan");
  for (const Value& one : Reader::list(value, "instances")) {
    InstancePlan p;
    p.name = Reader::text(one, "name");
    p.base = Reader::text(one, "base");
    p.before = version_from(Reader::member(one, "before"));
    p.after = version_from(Reader::member(one, "after"));
    for (const Value& c : Reader::list(one, "changes")) p.changes.push_back(change_from(c));
    for (const Value& s : Reader::list(one, "steps")) {
      if (!s.is_string()) Reader::refuse("a step is no string");
      p.steps.push_back(step_from(s.as_string()));
    }
    plan.instances.push_back(std::move(p));
  }
  return plan;
}

}  // namespace orctl
