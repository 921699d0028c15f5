// Of plan.h: what differs between two texts or specs.
#include <algorithm>

#include "kind/kind.h"
#include "model/address.h"
#include "model/listener.h"
#include "model/masked.h"
#include "model/route.h"
#include "model/route_phases.h"
#include "plan/plan.h"

namespace orctl {
namespace {

using Node = Schema::Node;

/// What tells `item` apart in its list: "payment", "10.0.0.1:8080", "www.test1.com/api".
std::string key_of(const Value& item, const Node& list) {
  static const Node* const routes = Schema::get("instance").find("route");
  if (&list == routes) return route_label(item);
  std::string key;
  for (const std::string& member : list.key) {
    const Value* part = item.find(member);
    if (!key.empty()) key += ":";
    if (part != nullptr) key += part->is_string() ? part->as_string() : to_json(*part);
  }
  return key;
}

class Differ {
 public:
  std::vector<Change> run(const Value& before, const Value& after, const Node& node) {
    compare(&before, &after, node);
    return std::move(changes_);
  }

 private:
  void add(Op op, const Value* before, const Value* after, const Node& node, std::string reason = {}) {
    const auto shown = [&](const Value* v) { return v == nullptr ? Value() : masked(*v, node); };
    changes_.push_back({op, FieldKey{way_}, shown(before), shown(after), node.impact, std::move(reason)});
  }

  void compare(const Value* before, const Value* after, const Node& node) {
    if (before == nullptr && after == nullptr) return;
    if (before == nullptr) return add(Op::add, nullptr, after, node);
    if (after == nullptr) return add(Op::remove, before, nullptr, node);
    if (*before == *after) return;
    if (before->is_object() && after->is_object()) return compare_objects(*before, *after, node);
    if (before->is_array() && after->is_array() && !node.key.empty()) return compare_lists(*before, *after, node);
    add(Op::change, before, after, node);
  }

  void compare_objects(const Value& before, const Value& after, const Node& node) {
    const auto member = [&](const std::string& name, const Node& inner) {
      way_.push_back({name});
      compare(before.find(name), after.find(name), inner);
      way_.pop_back();
    };
    for (const auto& p : node.properties) member(p.name, *p.node);
    if (node.additional == nullptr) return;
    for (const auto& m : before.members()) member(m.key, *node.additional);
    for (const auto& m : after.members())
      if (before.find(m.key) == nullptr) member(m.key, *node.additional);
  }

  void compare_lists(const Value& before, const Value& after, const Node& node) {
    const Index was(before, node), is(after, node);
    std::vector<std::string> kept_before, kept_after;
    for (const std::string& key : was.order)
      if (is.items.contains(key))
        kept_before.push_back(key);
      else
        compare_item(key, was.items.at(key), nullptr, *node.items);
    for (const std::string& key : is.order) {
      const auto old = was.items.find(key);
      if (old != was.items.end()) kept_after.push_back(key);
      compare_item(key, old == was.items.end() ? nullptr : old->second, is.items.at(key), *node.items);
    }
    if (kept_before == kept_after) return;
    const Value old_order = list_of(kept_before), order = list_of(kept_after);
    add(Op::change, &old_order, &order, node, "another order");
  }

  void compare_item(const std::string& key, const Value* before, const Value* after, const Node& node) {
    way_.back().item = key;
    compare(before, after, node);
    way_.back().item.clear();
  }

  struct Index {
    Index(const Value& list, const Node& node) {
      for (const Value& item : list.items()) {
        order.push_back(key_of(item, node));
        items[order.back()] = &item;
      }
    }
    std::vector<std::string> order;
    std::map<std::string, const Value*> items;
  };

  static Value list_of(const std::vector<std::string>& names) {
    Value list = Value::array();
    for (const std::string& name : names) list.push(name);
    return list;
  }

  std::vector<KeyPart> way_;  // to where it is
  std::vector<Change> changes_;
};

/// nginx.conf follows from the routes as a whole: which phases it has, and how large a body it takes.
void diff_phases(const RoutePhases& was, const RoutePhases& is, std::vector<Change>& out) {
  const auto names = [](std::set<Phase> phases) {
    phases.insert(Phase::balancer);
    std::string all;
    for (const Phase phase : phases) all += (all.empty() ? "" : ", ") + std::string(to_string(phase));
    std::replace(all.begin(), all.end(), '_', ' ');
    return Value(all);
  };
  if (was.phases != is.phases)
    out.push_back({Op::change, Whole::phases, names(was.phases), names(is.phases), Impact::reload,
                   !is.any()                              ? "no route has a policy any more"
                   : !was.any()                           ? "the first route with a policy"
                   : was.phases.size() < is.phases.size() ? "the first route with a policy of that phase"
                                                          : "no route has a policy of that phase any more"});
  else if (is.any() && was.body_cap != is.body_cap)
    out.push_back({Op::change, Whole::largest_body, was.body_cap, is.body_cap, Impact::reload,
                   "nginx itself takes bodies up to the largest limit of all routes"});
}

/// The upstreams of `spec` by name.
std::map<std::string, const Value*> upstreams_of(const Value& spec) {
  std::map<std::string, const Value*> out;
  if (const Value* list = spec.find("upstream"))
    for (const Value& upstream : list->items()) out.emplace(upstream.at("name").as_string(), &upstream);
  return out;
}

bool has_route_to(const Value& spec, const std::string& upstream) {
  const Value* routes = spec.find("route");
  return routes != nullptr && std::any_of(routes->items().begin(), routes->items().end(), [&](const Value& route) {
           const Value *to = route.find("upstream"), *canary = canary_upstream(route);
           return (to != nullptr && *to == Value(upstream)) || (canary != nullptr && *canary == Value(upstream));
         });
}

/// Whether `key` is of the upstream, and of what stands in a stream{} block.
bool is_static(const Key& key, const std::string& upstream) {
  const FieldKey* field = field_of(key);
  if (field == nullptr || !field->is_in("upstream") || field->parts[0].item != upstream) return false;
  if (field->parts.size() == 1) return true;
  const std::string& member = field->parts[1].name;
  return member == "server" || member == "balance" || member == "hash" || member == "retries" ||
         member == "connect_timeout";
}

/// The upstream of a tcp or udp listener stands in nginx.conf: changing it is hot for routes, and a reload for these.
void tell_of_stream(const Value& before, const Value& after, std::vector<Change>& changes) {
  const Value* listeners = after.find("listener");
  if (listeners == nullptr) return;
  const Node& list = *Schema::get("instance").find("listener");
  const auto was = upstreams_of(before), is = upstreams_of(after);
  for (const Value& listener : listeners->items()) {
    const Value* name = listener.find("upstream");
    if (name == nullptr || !is_stream(listener)) continue;
    const std::string& upstream = name->as_string();
    const auto old = was.find(upstream), now = is.find(upstream);
    if (old == was.end() || now == is.end() || static_part(*old->second) == static_part(*now->second)) continue;
    const std::string socket = "the " + listener.at("protocol").as_string() + " listener " + socket_name(listener);
    if (has_route_to(after, upstream)) {
      changes.push_back({Op::change,
                         FieldKey{{{"listener", key_of(listener, list)}}},
                         {},
                         {},
                         Impact::reload,
                         "upstream '" + upstream + "' stands in nginx.conf for it; for routes its change is hot"});
      continue;
    }
    for (Change& c : changes)
      if (is_static(c.key, upstream) && c.impact == Impact::hot)
        c.impact = Impact::reload, c.reason = socket + " has it in nginx.conf";
  }
}

/// nginx cannot start without a certificate, and has the first one in nginx.conf.
void tell_of_first_certificate(const Value& before, const Value& after, std::vector<Change>& changes) {
  const auto first = [](const Value& spec) -> const Value* {
    const Value* list = spec.find("certificate");
    return list == nullptr || list->items().empty() ? nullptr : &list->items().front();
  };
  const Value *was = first(before), *is = first(after);
  if (was == nullptr || is == nullptr ||
      (was->at("certificate") == is->at("certificate") && was->at("key") == is->at("key")))
    return;
  for (Change& c : changes)
    if (const FieldKey* field = field_of(c.key);
        field != nullptr && field->is_in("certificate") && c.impact == Impact::hot)
      c.impact = Impact::reload, c.reason = "nginx.conf names the files of the first certificate";
}

}  // namespace

std::vector<Change> diff_specs(const Value& before, const Value& after) {
  std::vector<Change> changes = Differ().run(before, after, schema_of(after).root());
  if (!has_process(after)) return changes;
  // nginx opens the new socket before it closes the old one: 0.0.0.0:P beside 10.0.0.1:P is an address in use
  const auto is_listener = [](const Change& c, Op op) {
    const FieldKey* field = field_of(c.key);
    return c.op == op && field != nullptr && field->is_item_of("listener");
  };
  const auto wildcard = [](const Value& l) { return is_wildcard(l.at("address").as_string()); };
  const auto same_socket = [](const Value& a, const Value& b) { return a.at("address") == b.at("address"); };
  for (Change& added : changes)
    for (const Change& removed : changes)
      if (is_listener(added, Op::add) && is_listener(removed, Op::remove) && overlap(added.after, removed.before) &&
          !same_socket(added.after, removed.before) && (wildcard(added.after) || wildcard(removed.before)))
        added.impact = Impact::restart, added.reason = "a reload cannot exchange an address for one that contains it";
  diff_phases(route_phases(before), route_phases(after), changes);
  tell_of_stream(before, after, changes);
  tell_of_first_certificate(before, after, changes);
  return changes;
}

std::vector<Change> fields_of_new(const Value& spec) {
  Value least = Value::object();
  for (const char* field : {"kind", "name"}) least.set(field, spec.at(field));
  std::vector<Change> fields = diff_specs(schema_of(spec).with_defaults(std::move(least)), spec);
  std::erase_if(fields, [](const Change& one) { return one.op == Op::remove; });
  for (Change& one : fields) one.op = Op::add, one.before = {}, one.reason.clear();
  return fields;
}

}  // namespace orctl
