#include "model/instance_user.h"

#include "base/hash.h"

namespace orctl {
namespace {

constexpr size_t max_user = 31;  // systemd.exec(5), User=

}  // namespace

bool has_own_user(const Value& spec) { return spec.at("nginx").find("user") == nullptr; }

std::string instance_user(const Value& spec) {
  if (const Value* user = spec.at("nginx").find("user")) return user->as_string();
  const std::string name = spec.at("name").as_string();
  std::string whole = "or-" + name;
  return whole.size() <= max_user ? whole : whole.substr(0, max_user - 9) + "-" + sha256(name).substr(0, 8);
}

std::string user_comment(const Value& spec) { return "orctl " + spec.at("name").as_string(); }

}  // namespace orctl
