#include "model/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "model/host_rules.h"
#include "model/schema.h"

namespace orctl {
namespace {

constexpr std::array<std::string_view, 4> users_keys = {"output", "color", "lock_timeout", "verify_timeout"};

class Reader {
 public:
  Reader(Config& config, std::string host_file) : config_(config), host_file_(std::move(host_file)) {}

  void read(const ConfigFile& file) {
    file_ = &file;
    config_.found.insert(config_.found.end(), file.faults.begin(), file.faults.end());
    if (!file.faults.empty()) return;
    const auto document = read_toml(file.source, config_.found);
    if (!document) return;
    const auto line = [&](uint32_t n) { return line_of(file.source.text, n); };
    if (Schema::get("config").check(*document, file.source.file, line, config_.found) != Fit::valid) return;
    if (const Value* group = document->find("group"); group != nullptr && file.reach == Reach::host)
      config_.group = group->as_string();
    for (const Value::Member& member : document->members()) {
      if (file.reach == Reach::user && std::find(users_keys.begin(), users_keys.end(), member.key) == users_keys.end())
        refuse_of_user(member);
      else if (member.key != "policy")
        give(member.key, member.value, member.key_place);
      else
        read_policy(member.value);
    }
  }

 private:
  void fault(const char* code, Place place, std::string field, std::string text, std::string hint) {
    config_.found.push_back({Severity::error, code, file_->source.file, place, std::move(field), std::move(text),
                             std::move(hint), line_of(file_->source.text, place.line)});
  }

  void refuse_of_user(const Value::Member& member) {
    fault("host-only", member.key_place, member.key, "this concerns the whole host, and stands in a user's file",
          "write it into " + host_file_);
  }

  std::string origin(Place place) const { return fmt::format("{}:{}", file_->source.file, place.line); }

  void give(const std::string& key, const Value& value, Place place) {
    if (key.ends_with("_timeout") && !parse_duration(value.as_string()))
      fault("out-of-range", value.place, key, value.as_string() + " is longer than ten years", "for example \"30s\"");
    Setting setting{key, value, origin(place)};
    const auto same =
        std::find_if(config_.given.begin(), config_.given.end(), [&](const Setting& s) { return s.key == key; });
    if (same != config_.given.end())
      *same = std::move(setting);
    else
      config_.given.push_back(std::move(setting));
  }

  void read_policy(const Value& policy) {
    for (const Value::Member& member : policy.members()) give("policy." + member.key, member.value, member.key_place);
    Policy& out = config_.policy;
    if (const Value* risk = policy.find("risk"))
      out.risk = risk->as_string() == "low" ? Policy::Risk::low : Policy::Risk::high;
    if (const Value* most = policy.find("max_impact")) out.max_impact = most->as_string();
    if (const Value* required = policy.find("require_reason")) out.require_reason = required->as_bool();
    if (const Value* ticket = policy.find("require_ticket")) {
      out.require_ticket = ticket->as_string();
      if (!is_ticket_pattern(out.require_ticket))
        fault("bad-pattern", ticket->place, "policy.require_ticket",
              to_json(*ticket) + " is no extended regular expression", "for example \"OPS-[0-9]+\"");
    }
    if (const Value* users = policy.find("may_skip_guards")) {
      out.may_skip_guards.emplace();
      for (const Value& user : users->items()) out.may_skip_guards->push_back(user.as_string());
    }
    add_rules(policy, "allow_upstreams", Policy::Verdict::allow);
    add_rules(policy, "deny_upstreams", Policy::Verdict::deny);
    read_lists(policy, out, [&](const Value& item, const std::string& field, std::string what, std::string hint) {
      fault("bad-network", item.place, "policy." + field, std::move(what), std::move(hint));
    });
  }

  void add_rules(const Value& policy, const std::string& key, Policy::Verdict verdict) {
    const Value* list = policy.find(key);
    if (list == nullptr) return;
    for (size_t i = 0; i < list->items().size(); ++i) {
      const Value& item = list->items()[i];
      std::string what, hint;
      const auto networks = parse_networks(item.as_string(), what, hint);
      if (networks.empty())
        fault("bad-network", item.place, fmt::format("policy.{}[{}]", key, i),
              fmt::format("{} {}", to_json(item), what), hint);
      for (const Network& network : networks)
        config_.policy.rules.push_back({network, verdict, item.as_string(), origin(item.place)});
    }
  }

  Config& config_;
  const std::string host_file_;
  const ConfigFile* file_ = nullptr;
};

void add_all(const Schema::Node& node, const std::string& prefix, const Config& config, std::vector<Setting>& out) {
  for (const auto& property : node.properties) {
    const std::string key = prefix + property.name;
    if (!property.node->properties.empty())
      add_all(*property.node, key + ".", config, out);
    else if (const Setting* given = config.find(key))
      out.push_back(*given);
    else if (key == "policy.risk")
      out.push_back({key, config.policy.risk == Policy::Risk::low ? "low" : "high", "default"});
    else
      out.push_back({key, property.node->default_value, "default"});
  }
}

}  // namespace

const Setting* Config::find(const std::string& key) const {
  const auto setting = std::find_if(given.begin(), given.end(), [&](const Setting& s) { return s.key == key; });
  return setting == given.end() ? nullptr : &*setting;
}

std::vector<Setting> Config::all() const {
  std::vector<Setting> out;
  add_all(Schema::get("config").root(), "", *this, out);
  return out;
}

Config read_config(const std::vector<ConfigFile>& files, Policy::Risk risk, const std::string& file) {
  Config config;
  config.policy.risk = risk;
  config.policy.file = file;
  Reader reader(config, file);
  for (const ConfigFile& one : files) reader.read(one);
  // the host's own word is a binary that a manifest may name, too
  if (const Setting* own = config.find("nginx_binary")) config.policy.binaries.push_back(own->value.as_string());
  return config;
}

bool is_choice(const std::string& key, const std::string& value) {
  const auto& choices = Schema::get("config").find(key)->choices;
  return std::find(choices.begin(), choices.end(), Value(value)) != choices.end();
}

}  // namespace orctl
