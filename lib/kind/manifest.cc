#include "kind/manifest.h"

#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "model/masked.h"
#include "model/origin.h"

namespace orctl {
namespace {

void check_names(const std::vector<const Object*>& all, Diagnostics& found) {
  std::map<std::string, const Object*> names;
  for (const Object* one : all)
    if (const auto [same, fresh] = names.emplace(one->spec.at("name").as_string(), one); !fresh)
      found.push_back(fault_of(*one, Severity::error, "duplicate-name", one->spec.at("name"), "name",
                               "the same name stands in " + same->second->source.file,
                               "give one of the two another name"));
}

/// Tells of items of a list that have one key (x-key): nothing could tell them apart, neither diff nor people.
void check_keys(const Value& value, const Schema::Node& node, const std::string& field, const Faults& tell) {
  if (value.is_object())
    for (const auto& member : value.members()) {
      const Schema::Node* known = node.property(member.key);
      if (known == nullptr) known = node.additional;
      if (known != nullptr)
        check_keys(member.value, *known, field.empty() ? member.key : field + "." + member.key, tell);
    }
  if (!value.is_array() || node.items == nullptr) return;
  std::map<std::string, size_t> keys;
  for (size_t i = 0; i < value.items().size(); ++i) {
    const Value& item = value.items()[i];
    const std::string at = fmt::format("{}[{}]", field, i);
    check_keys(item, *node.items, at, tell);
    if (node.key.empty() || !item.is_object()) continue;
    Value key = Value::array();
    for (const std::string& name : node.key) key.push(item.find(name) == nullptr ? Value() : *item.find(name));
    if (const auto [same, fresh] = keys.emplace(to_json(key), i); !fresh) {
      const Value* first = item.find(node.key.front());
      tell(Severity::error, "duplicate-key", first == nullptr ? item : *first,
           first == nullptr ? at : at + "." + node.key.front(),
           fmt::format("{}[{}] has the same {}", field, same->second, join(node.key, ", ")),
           "each item has its own, by which it is known");
    }
  }
}

}  // namespace

std::optional<Manifest> read_manifest(Source source, Diagnostics& found) {
  auto document = read_document(source, found);
  if (!document) return std::nullopt;
  const auto fault = [&](const char* code, Place at, std::string text, std::string hint) {
    found.push_back({Severity::error, code, source.file, at, "kind", std::move(text), std::move(hint),
                     line_of(source.text, at.line)});
    return std::nullopt;
  };
  const Value* kind = document->find("kind");
  if (kind == nullptr)
    return fault("missing-field", document->place, "this field is required", "add kind = \"Instance\"");
  if (!kind->is_string())
    return fault("wrong-type", kind->place, "must be a string", "for example kind = \"Instance\"");
  const std::string name = kind->as_string();
  for (const std::string& known : kind_names())
    if (name == known) return Manifest{std::move(source), std::move(*document), name};
  const auto near = nearest(name, kind_names());
  return fault("not-a-choice", kind->place, to_json(*kind) + " is not a kind",
               near ? "did you mean \"" + *near + "\"?" : "one of " + join(kind_names(), ", "));
}

std::optional<Object> make_object(Manifest manifest, Diagnostics& found) {
  const Kind& kind = *find_kind(manifest.kind);
  const Schema& schema = Schema::get(kind.word());
  const auto line = [&](uint32_t n) { return line_of(manifest.source.text, n); };
  Diagnostics faults;
  const bool readable = schema.check(manifest.document, manifest.source.file, line, faults) != Fit::unfit;
  Object object{manifest.document, std::move(manifest.source)};
  if (readable) {
    object.spec = schema.with_defaults(manifest.document);
    const Faults tell = [&](Severity severity, const char* code, const Value& at, std::string field, std::string text,
                            std::string hint) {
      if (faults.size() < max_faults)
        faults.push_back(fault_of(object, severity, code, at, std::move(field), std::move(text), std::move(hint)));
    };
    if (const Value& name = object.spec.at("name"); !can_be_object_name(name.as_string()))
      tell(Severity::error, "bad-name", name, "name", fmt::format("\"{}\" cannot be a name", name.as_string()),
           "a-z, 0-9, - and _, a letter first, at most 64 characters, for example \"edge\"");
    check_keys(object.spec, schema.root(), "", tell);
    if (kind.check != nullptr) kind.check(object, tell);
  }
  const bool valid = !has_errors(faults);
  if (!faults.empty()) hide_secret_lines(object.source.file, object.spec, schema.root(), faults);
  found.insert(found.end(), std::make_move_iterator(faults.begin()), std::make_move_iterator(faults.end()));
  if (!valid) return std::nullopt;
  return object;
}

void check_together(const std::vector<const Object*>& objects, Diagnostics& found) {
  std::map<const Kind*, std::vector<const Object*>> by_kind;
  for (const Object* one : objects) by_kind[&kind_of(one->spec)].push_back(one);
  for (const Kind& kind : kinds()) {
    const std::vector<const Object*>& all = by_kind[&kind];
    if (kind.lives == Kind::Lives::in_files) check_names(all, found);
    if (kind.check_together != nullptr) kind.check_together(all, found);
  }
}

}  // namespace orctl
