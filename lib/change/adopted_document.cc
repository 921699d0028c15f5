#include "change/adopted_document.h"

#include <fmt/format.h>

#include <algorithm>

#include "kind/instance/instance.h"
#include "model/edit_servers.h"
#include "model/read.h"
#include "model/schema.h"
#include "render/render.h"

namespace orctl {
namespace {

Error unsayable(const std::string& instance, const std::string& why) {
  return Error(
      Exit::guard,
      fmt::format("{}: no manifest gives the document that was edited: {}; nothing was changed", instance, why),
      fmt::format("see it with: orctl drift {} --files; say what you want in the manifest and apply that", instance));
}

const Value* named(const Value& list, const std::string& name) {
  for (const Value& item : list.items())
    if (const Value* own = item.find("name"); own != nullptr && *own == Value(name)) return &item;
  return nullptr;
}

/// An upstream of a document as a manifest says it: render_document() the other way round.
Value raised(const Value& upstream) {
  Value out = Value::object();
  for (const auto& [key, value, place] : upstream.members()) {
    if (key != "health" || !value.is_object()) {
      out.set(key == "servers" ? "server" : key, value);
      continue;
    }
    Value health = Value::object();
    for (const auto& [name, inner, at] : value.members()) health.set(name == "checks" ? "check" : name, inner);
    out.set(key, std::move(health));
  }
  return out;
}

/// `list` with each item that means what an item of `written` does as it stands there.
Value as_written(const Value& list, const Value& before, const Value& written) {
  Value out = Value::array();
  for (const Value& item : list.items()) {
    const auto same = std::find(before.items().begin(), before.items().end(), item);
    const auto at = static_cast<size_t>(same - before.items().begin());
    out.push(same != before.items().end() && at < written.items().size() ? written.items()[at] : item);
  }
  return out;
}

Value weight_of(const Value& server) {
  const Value* weight = server.find("weight");
  return weight == nullptr ? Value(1) : *weight;
}

/// The edits of servers that lead from one list of upstreams to another; more may differ.
std::vector<ServerEdit> server_edits(const Value& before, const Value& after) {
  using Kind = ServerEdit::Kind;
  std::vector<ServerEdit> out;
  const auto at = [](const Value& list, const Value& address) {
    return std::find_if(list.items().begin(), list.items().end(),
                        [&](const Value& s) { return s.at("address") == address; });
  };
  for (const Value& upstream : after.items()) {
    const std::string& name = upstream.at("name").as_string();
    const Value* old = named(before, name);
    if (old == nullptr) continue;
    const Value &was = old->at("server"), &is = upstream.at("server");
    for (const Value& server : is.items()) {
      const auto same = at(was, server.at("address"));
      const std::string& address = server.at("address").as_string();
      if (same == was.items().end()) {
        out.push_back({Kind::add, name, address, server});
      } else if (weight_of(*same) != weight_of(server)) {
        Value weight = Value::object();
        weight.set("weight", weight_of(server));
        out.push_back({Kind::set_weight, name, address, std::move(weight)});
      }
    }
    for (const Value& server : was.items())
      if (at(is, server.at("address")) == is.items().end())
        out.push_back({Kind::remove, name, server.at("address").as_string(), {}});
  }
  return out;
}

/// The text of the stored manifest with its servers edited, if that is all that differs; nullopt when it is not.
std::optional<std::string> edited_text(const Version& stored, const Value& spec) {
  const std::vector<ServerEdit> edits = server_edits(stored.spec.at("upstream"), spec.at("upstream"));
  Value edited = stored.spec;
  try {
    for (const ServerEdit& edit : edits) edit_document(edited, edit);
    const Schema& schema = Schema::get("instance");
    if (schema.with_defaults(edited) != spec) return std::nullopt;
    return edit_text({stored.manifest_name, stored.manifest}, edits);
  } catch (const Error&) {
    return std::nullopt;  // the last server is exchanged, for example: the lists are written anew
  }
}

/// Whether `full` says all that `some` does.
bool holds(const Value& full, const Value& some) {
  if (some.is_object())
    return full.is_object() && std::all_of(some.members().begin(), some.members().end(), [&](const auto& m) {
             const Value* same = full.find(m.key);
             return same != nullptr && holds(*same, m.value);
           });
  if (!some.is_array()) return full == some;
  return full.is_array() && full.items().size() == some.items().size() &&
         std::equal(some.items().begin(), some.items().end(), full.items().begin(),
                    [](const Value& s, const Value& f) { return holds(f, s); });
}

Value parsed(const std::string& instance, const std::string& document) {
  Diagnostics found;
  auto value = read_json({"gateway.json", document}, found);
  if (!value || !value->is_object()) throw unsayable(instance, "it is no JSON object");
  for (const char* list : {"upstreams", "routes"})
    if (const Value* items = value->find(list);
        items == nullptr || !items->is_array() ||
        !std::all_of(items->items().begin(), items->items().end(), [](const Value& v) { return v.is_object(); }))
      throw unsayable(instance, fmt::format("'{}' is no list of objects", list));
  Value full = Schema::get("gateway").with_defaults(*value);
  if (!holds(full, *value)) throw unsayable(instance, "it has members that no document has");
  return full;
}

}  // namespace

Instance checked_instance(const Value& spec, const std::string& name, const std::string& refusal) {
  Fleet fleet;
  fleet.rules.envs = {known_name(name).env};
  Diagnostics found;
  auto manifest = read_manifest({"spec.json", to_json(spec, 1)}, found);
  std::optional<Instance> instance;
  if (manifest) instance = make_instance(std::move(*manifest), &fleet, found);
  if (instance) return std::move(*instance);
  const auto fault =
      std::find_if(found.begin(), found.end(), [](const Diagnostic& d) { return d.severity == Severity::error; });
  throw Error(Exit::refused,
              fmt::format("{}: {}: {}", name, refusal, fault == found.end() ? "?" : fault->field + ": " + fault->text),
              fault == found.end() ? "" : fault->hint);
}

AdoptedManifest manifest_of_document(const std::string& instance, const Version& stored, const std::string& document) {
  const Value wanted = parsed(instance, document);
  Value upstreams = Value::array();
  for (const Value& one : wanted.at("upstreams").items()) upstreams.push(raised(one));
  Value spec = stored.spec;
  spec.set("upstream", std::move(upstreams));
  spec.set("route", wanted.at("routes"));
  const Instance made = [&] {
    try {
      return checked_instance(spec, instance, "with the document that was edited the manifest is not valid");
    } catch (const Error& e) {
      throw e.as(Exit::guard);
    }
  }();
  if (!holds(parsed(instance, render_document(made)), wanted))  // what it leaves out has the manifest's defaults
    throw unsayable(instance, "a manifest's fields cannot say all that it does");
  AdoptedManifest out{made.spec, stored.manifest_name, stored.manifest};
  if (made.spec == stored.spec) return out;
  if (auto text = edited_text(stored, made.spec)) {
    out.text = std::move(*text);
    return out;
  }
  Diagnostics found;
  auto manifest = read_document({stored.manifest_name, stored.manifest}, found);
  if (!manifest) throw Error(Exit::target, instance + ": the manifest in the store cannot be read");
  for (const char* list : {"upstream", "route"}) {
    const Value* written = manifest->find(list);
    if (made.spec.at(list) != stored.spec.at(list))
      manifest->set(list, as_written(made.spec.at(list), stored.spec.at(list),
                                     written == nullptr ? Value::array() : Value(*written)));
  }
  out.name = "manifest.json";
  out.text = to_json(*manifest, 2) + "\n";
  return out;
}

}  // namespace orctl
