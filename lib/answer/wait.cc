#include "answer/wait.h"

#include <memory>
#include <set>

#include "base/text.h"
#include "gateway/overrides.h"
#include "live/wait.h"
#include "model/server_path.h"

namespace orctl {
namespace {

Error unknown_condition(const std::string& text) {
  return {Exit::usage, "--for: '" + text + "' is nothing to wait for",
          "healthy, generation=7 or drained=pay/10.0.0.1:8080"};
}

}  // namespace

Condition condition_of(const std::string& text, const World& world) {
  const size_t equals = text.find('=');
  const std::string kind = text.substr(0, equals), value = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (text == "healthy") return [&](const std::string& instance) { return missing_of_healthy(world, instance); };
  if (kind == "generation") {
    const auto number = parse_number(value, 1000000000000);
    if (!number) throw unknown_condition(text);
    return [&, n = *number](const std::string& i) { return missing_of_generation(world, i, n); };
  }
  if (kind != "drained" || is_pattern(value)) throw unknown_condition(text);
  const ServerPath path = parse_server_path("INST/" + value, PathDepth::server);
  // one that leaves while it is waited for has been drained; one that never was there has been misspelt
  const auto seen = std::make_shared<std::set<std::string>>();
  return [&, path, seen](const std::string& i) {
    const ServerName server{i, path.upstream, path.server};
    if (!seen->contains(i)) require_known(world, server);
    seen->insert(i);
    return missing_of_drained(world, server);
  };
}

Value wait_item(const std::string& instance, const std::string& condition, Met met) {
  Value item = Value::object();
  item.set("name", instance);
  item.set("condition", condition);
  item.set("met", met == Met::yes);
  return item;
}

}  // namespace orctl
