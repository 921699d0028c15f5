#include "plan/recorded.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

namespace orctl {
namespace {

constexpr const char* kind_name = "PlanFile";
constexpr const char* again = "make it again: orctl plan -f MANIFEST --out FILE";

/// Of everything that a version puts on disk.
std::string digest_of(const std::optional<Version>& version) {
  if (!version) return "";
  std::string all = to_json(version->spec) + '\0' + version->unit;
  for (const auto& [path, file] : version->tree)
    all += fmt::format("\n{} {:o} {} {}", path, file.mode, file.irregular,
                       file.fingerprint.empty() ? sha256(file.content) : file.fingerprint);
  return sha256(all);
}

std::string manifest_of(const std::optional<Version>& version) { return version ? sha256(version->manifest) : ""; }

/// Lines of `now` that were not recorded, and those that are gone, as people read a plan.
std::string differences(const Value& was, const Value& is) {
  std::vector<std::string> words;
  for (const char* list : {"changes", "steps"}) {
    const auto in = [&](const Value& of, const Value& one) {
      const auto& items = of.at(list).items();
      return std::find(items.begin(), items.end(), one) != items.end();
    };
    const auto word = [](const Value& one) {
      return one.is_string() ? one.as_string() : one.at("op").as_string() + " " + one.at("key").as_string();
    };
    for (const Value& one : is.at(list).items())
      if (!in(was, one)) words.push_back("now also: " + word(one));
    for (const Value& one : was.at(list).items())
      if (!in(is, one)) words.push_back("no longer: " + word(one));
  }
  constexpr size_t most = 5;
  if (words.size() > most) words.resize(most), words.push_back("…");
  return words.empty() ? "in another order" : join(words, ", ");
}

/// Reads the members of a plan file; the first that is missing or of another type is told at its place.
class Reader {
 public:
  explicit Reader(const Source& source) : source_(source) {}

  [[noreturn]] void refuse(Place place, const std::string& text) const {
    throw Error(Exit::refused, fmt::format("{}:{}:{}: {}", source_.file, place.line, place.col, text), again);
  }
  const Value& member(const Value& of, const char* name, std::string_view type) const {
    const Value* found = of.find(name);
    if (found == nullptr) refuse(of.place, fmt::format("a plan file has '{}' here", name));
    if (found->type_name() != type)
      refuse(found->place, fmt::format("'{}' is {} where a plan file has {}", name, found->type_name(), type));
    return *found;
  }
  std::string text(const Value& of, const char* name) const { return member(of, name, "string").as_string(); }
  void each(const Value& of, const char* name, std::string_view type,
            const std::function<void(const Value&)>& see) const {
    for (const Value& one : member(of, name, "array").items()) {
      if (one.type_name() != type)
        refuse(one.place, fmt::format("'{}' holds {} where a plan file has {}", name, one.type_name(), type));
      see(one);
    }
  }
  void check_plan(const Value& plan) const {
    text(plan, "name"), text(plan, "impact");
    each(plan, "steps", "string", [](const Value&) {});
    each(plan, "changes", "object", [&](const Value& one) { text(one, "op"), text(one, "key"); });
    const Value& from = member(plan, "made_from", "object");
    member(from, "revision", "integer");
    for (const char* one : {"base", "manifest", "wanted", "disk"}) text(from, one);
  }

 private:
  const Source& source_;
};

}  // namespace

const Value* PlanFile::find(const std::string& name) const {
  const auto found =
      std::find_if(plans.begin(), plans.end(), [&](const Value& one) { return one.at("name").as_string() == name; });
  return found == plans.end() ? nullptr : &*found;
}

Value recorded(const InstancePlan& plan, int revision) {
  Value out = summary(plan), from = Value::object();
  from.set("revision", revision);
  from.set("base", plan.base);
  from.set("manifest", manifest_of(plan.after));
  from.set("wanted", digest_of(plan.after));
  from.set("disk", digest_of(plan.before));
  out.set("made_from", std::move(from));
  return out;
}

std::string moved_since(const Value& recorded_then, const InstancePlan& now, int revision) {
  const Value is = recorded(now, revision), &was = recorded_then.at("made_from"), &from = is.at("made_from");
  const auto moved = [&](const char* what) { return !(was.at(what) == from.at(what)); };
  if (moved("base") || moved("revision"))
    return fmt::format("revision {} was live when the plan was made, and now it is {}", was.at("revision").as_int(),
                       revision);
  if (moved("manifest")) return "its manifest is another than the plan was made from";
  if (moved("wanted"))
    return "its manifest means something else than when the plan was made: the Fleet, the files beside it, the host's "
           "nginx or orctl itself have changed";
  if (moved("disk")) return "its files on this host are others than when the plan was made";
  if (recorded_then.at("changes") == is.at("changes") && recorded_then.at("steps") == is.at("steps")) return "";
  return "what runs is another than when the plan was made; " + differences(recorded_then, is);
}

std::string to_text(const PlanFile& file) {
  Value manifests = Value::array();
  for (const std::string& one : file.manifests) manifests.push(one);
  Value out = Value::object();
  out.set("apiVersion", "orctl/v1");
  out.set("kind", kind_name);
  out.set("host", file.host);
  out.set("store", file.store);
  out.set("made_at", file.made_at);
  out.set("made_by", file.made_by);
  out.set("manifests", std::move(manifests));
  out.set("recursive", file.recursive);
  out.set("plans", Value(file.plans));
  return to_json(out, 2) + "\n";
}

PlanFile read_plan_file(const Source& source) {
  Diagnostics found;
  const auto document = read_json(source, found);
  if (!document)
    throw Error(Exit::refused,
                found.empty()
                    ? source.file + ": is no plan file"
                    : fmt::format("{}:{}:{}: {}", source.file, found[0].place.line, found[0].place.col, found[0].text),
                again);
  const Reader reader(source);
  if (!document->is_object() || reader.text(*document, "kind") != kind_name)
    reader.refuse(document->place, "this is no plan file: its kind is not \"PlanFile\"");
  PlanFile file;
  file.host = reader.text(*document, "host");
  file.store = reader.text(*document, "store");
  file.made_at = reader.text(*document, "made_at");
  file.made_by = reader.text(*document, "made_by");
  file.recursive = reader.member(*document, "recursive", "boolean").as_bool();
  reader.each(*document, "manifests", "string", [&](const Value& one) { file.manifests.push_back(one.as_string()); });
  reader.each(*document, "plans", "object", [&](const Value& one) {
    reader.check_plan(one);
    file.plans.push_back(one);
  });
  if (file.manifests.empty()) reader.refuse(document->place, "the plan names no manifests");
  return file;
}

}  // namespace orctl
