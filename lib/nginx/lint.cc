// Of config.h: the rules for overlays.
#include <algorithm>
#include <map>

#include "nginx/arguments.h"
#include "nginx/config.h"
#include "nginx/directives.h"

namespace orctl::nginx {
namespace {

/// Whether `name` ends so; each is a family, whichever module a member is of.
bool ends_so(std::string_view name, std::string_view end) { return name.size() > end.size() && name.ends_with(end); }

/// The rule of the family that an unlisted name belongs to.
const Rule* family_rule(std::string_view name) {
  for (const auto& [end, member] :
       {std::pair("_by_lua_file", "content_by_lua_file"), std::pair("_by_lua_block", "content_by_lua_block"),
        std::pair("_by_lua", "content_by_lua"), std::pair("_cache_path", "proxy_cache_path"),
        std::pair("_temp_path", "proxy_temp_path")})
    if (ends_so(name, end)) return find_rule(member);
  return nullptr;
}

/// The blocks whose lines are values and not directives, but for `include`.
bool holds_values(const Directive& d) {
  return d.has_block && (d.name == "map" || d.name == "geo" || d.name == "split_clients" || d.name == "types" ||
                         d.name == "charset_map");
}

/// Looks at the directives of one overlay.
class Check {
 public:
  void all(const Config& config, bool values) {
    for (const Directive& d : config) {
      look_at_captures(d);
      if (!values || d.name == "include") look_at(d);
      all(d.block, holds_values(d));
    }
  }
  std::vector<Finding> found;

 private:
  static constexpr size_t most_told = 1000, most_hints = 20;  ///< of each weight; more would help nobody
  std::map<Weight, size_t> told_;

  void add(const Directive& d, Weight weight, const std::string& text, const std::string& hint) {
    if (++told_[weight] > most_told) return;
    found.push_back({d.line, d.col, "'" + d.name + "' " + text, hint, weight});
  }

  void look_at_captures(const Directive& d) {
    Fit worst = fit_captures(d.name);  // a line of a map may be one
    for (const Arg& arg : d.args)
      if (Fit fit = fit_captures(arg.text); fit.verdict > worst.verdict) worst = std::move(fit);
    if (worst.verdict == Fit::Verdict::fits) return;
    const bool reaches = worst.verdict == Fit::Verdict::reaches;
    add(d, reaches ? Weight::forbidden : Weight::risky, worst.text, worst.hint);
  }

  void look_at(const Directive& d) {
    const Rule* rule = find_rule(d.name);
    if (rule == nullptr) rule = family_rule(d.name);
    if (rule == nullptr) return unknown(d);
    if (rule->level == Level::never) return add(d, Weight::forbidden, rule->why->text, rule->why->hint);
    // a block's content has its own kinds, and so has one that holds Lua
    const bool bare = rule->args.empty() && rule->level == Level::high;
    const Fit fit = bare ? Fit{} : fit_of(rule->args, d.args);
    if (fit.verdict == Fit::Verdict::reaches)
      add(d, Weight::forbidden, fit.text.empty() ? rule->why->text : fit.text,
          fit.text.empty() ? rule->why->hint : fit.hint);
    else if (rule->level == Level::high)
      add(d, Weight::risky, rule->why->text, rule->why->hint);
    else if (fit.verdict == Fit::Verdict::odd)
      add(d, Weight::risky, fit.text, fit.hint);
  }

  void unknown(const Directive& d) {
    for (const Arg& arg : d.args)
      if (looks_outside(arg.text))
        return add(d, Weight::forbidden, "is unknown to orctl, and '" + arg.text + "' may be a file outside the tree",
                   "leave it out");
    const std::string_view near = told_[Weight::unknown] < most_hints ? known_name_near(d.name) : "";
    add(d, Weight::unknown, "is unknown to orctl, so nobody can tell what it reads or runs",
        near.empty() ? "leave it out" : "did you mean '" + std::string(near) + "'?");
  }
};

void collect(const Config& config, std::vector<LuaChunk>& out) {
  for (const Directive& d : config) {
    if (d.is_lua()) out.push_back({d.line, std::string(d.lua_line - 1, '\n') + d.lua});
    collect(d.block, out);
  }
}

}  // namespace

std::vector<Finding> check_overlay(std::string_view text) {
  Check check;
  try {
    check.all(parse(text), false);
  } catch (const Fault& fault) {
    check.found.push_back({fault.line, fault.col, fault.what(),
                           "the syntax is nginx's; nothing of this file was taken over", Weight::forbidden});
  }
  return std::move(check.found);
}

std::vector<LuaChunk> lua_chunks(const Config& config) {
  std::vector<LuaChunk> out;
  collect(config, out);
  return out;
}

}  // namespace orctl::nginx
