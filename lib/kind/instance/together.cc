// Of instance.h: what several instances must agree on.
#include <fmt/format.h>

#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "kind/instance/instance.h"
#include "model/address.h"
#include "model/listener.h"
#include "model/origin.h"

namespace orctl {
namespace {

/// Who listens on one port of the host, by address.
const std::string& name_of(const Object& instance) { return instance.spec.at("name").as_string(); }

std::string folder_of(const Object& instance) {
  return fill_layout(instance.spec.at("layout").as_string(), known_name(name_of(instance)));
}

class PortOwners {
 public:
  /// Enters `instance` for `address`; returns another instance that it would collide with.
  const Object* take(const std::string& address, const Object* instance) {
    const bool v6 = address[0] == '[';
    const Object* other = nullptr;
    const auto see = [&](const Object* owner) {
      if (owner != nullptr && owner != instance) other = owner;
    };
    if (const auto same = by_address_.find(address); same != by_address_.end()) see(same->second);
    see(wildcard_[v6]);
    if (is_wildcard(address)) see(last_[v6]), wildcard_[v6] = instance;
    by_address_.emplace(address, instance);
    last_[v6] = instance;
    return other;
  }

 private:
  std::unordered_map<std::string, const Object*> by_address_;
  const Object* wildcard_[2] = {nullptr, nullptr};
  const Object* last_[2] = {nullptr, nullptr};
};

/// Two instances must not share a tree, and no tree may stand inside another.
template <class Conflict>
void check_tree_folder(const Object& instance, const std::map<std::string, const Object*>& folders, Conflict conflict) {
  const std::string folder = folder_of(instance);
  for (size_t slash = folder.find('/');; slash = folder.find('/', slash + 1)) {
    const auto owner = folders.find(folder.substr(0, slash));
    if (owner != folders.end() && owner->second != &instance) {
      const Value& layout = instance.spec.at("layout");
      conflict(instance, *owner->second, layout, "layout-conflict", "layout",
               fmt::format("the tree '{}' is, or lies in, the tree of {}", folder, name_of(*owner->second)),
               "let the layout hold {name}");
    }
    if (slash == std::string::npos) return;
  }
}

}  // namespace

void check_instances(const std::vector<const Object*>& instances, Diagnostics& found) {
  std::map<std::string, const Object*> names, groups;
  std::map<std::pair<int64_t, bool>, PortOwners> ports;  // by port and whether it is udp
  std::map<std::string, const Object*> folders;
  for (const Object* one : instances) folders.emplace(folder_of(*one), one);
  const auto conflict = [&](const Object& a, const Object& b, const Value& at, const char* code, std::string field,
                            std::string text, std::string hint) {
    found.push_back(
        fault_of(a, Severity::error, code, at, std::move(field), text + " in " + b.source.file, std::move(hint)));
  };
  for (const Object* one : instances) {
    const Object& instance = *one;
    const Value& name = instance.spec.at("name");
    const auto [same, fresh] = names.emplace(name_of(instance), &instance);
    if (!fresh) {
      conflict(instance, *same->second, name, "duplicate-name", "name", "the same name stands",
               "give one of the two another seq: orctl name next");
      continue;
    }
    const std::string of = known_name(name_of(instance)).group();
    if (const auto [group, alone] = groups.emplace(of, &instance); !alone)
      conflict(instance, *group->second, name, "duplicate-name", "name",
               fmt::format("'{}' is taken by {}", of, name_of(*group->second)), "take the next seq: orctl name next");
    check_tree_folder(instance, folders, conflict);
    for (const Value& listener : instance.spec.at("listener").items()) {
      const std::string& address = listener.at("address").as_string();
      const Object* owner =
          ports[{listener.at("port").as_int(), is_udp(listener)}].take(canonical_host(address), &instance);
      if (owner == nullptr) continue;
      conflict(instance, *owner, listener.at("port"), "port-conflict", "listener",
               fmt::format("{} is taken by {}", socket_name(listener), name_of(*owner)),
               "give one of the two another port or address");
    }
  }
}

}  // namespace orctl
