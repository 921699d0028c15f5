#include "nginx/directives.h"

#include <map>
#include <string>

#include "base/text.h"

namespace orctl::nginx {
namespace {

/// "{a,b}_c{d,e}" as a_cd, a_ce, b_cd, b_ce.
void expand(std::string_view pattern, const std::string& before, std::vector<std::string>& out) {
  const size_t open = pattern.find('{');
  if (open == std::string_view::npos) {
    out.push_back(before + std::string(pattern));
    return;
  }
  const size_t close = pattern.find('}', open);
  for (const std::string& one : split(pattern.substr(open + 1, close - open - 1), ','))
    expand(pattern.substr(close + 1), before + std::string(pattern.substr(0, open)) + one, out);
}

struct Table {
  std::map<std::string, Rule, std::less<>> rules;
  std::vector<std::string> names;

  Table() {
    for (const auto* groups : {&http_directives, &proxy_directives, &tls_directives, &other_directives})
      for (const Group& group : *groups)
        for (const std::string& pattern : split(group.names, ' ')) expand(pattern, group);
    for (const auto& [name, rule] : rules) names.push_back(name);
  }

 private:
  void expand(const std::string& pattern, const Group& group) {
    std::vector<std::string> all;
    nginx::expand(pattern, "", all);
    for (const std::string& name : all) rules.emplace(name, Rule{group.level, group.args, group.why});
  }
};

const Table& table() {
  static const Table all;
  return all;
}

}  // namespace

const Rule* find_rule(std::string_view name) {
  const auto found = table().rules.find(name);
  return found == table().rules.end() ? nullptr : &found->second;
}

std::string_view known_name_near(std::string_view name) {
  const auto near = nearest(name, table().names);
  return near ? std::string_view(table().rules.find(*near)->first) : std::string_view();
}

}  // namespace orctl::nginx
