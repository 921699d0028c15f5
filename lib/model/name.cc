#include "model/name.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/text.h"

namespace orctl {
namespace {

constexpr size_t max_name = 64;

bool is_module(std::string_view text) {
  if (text.empty() || text[0] < 'a' || text[0] > 'z') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

std::string only(std::string_view text, bool (*keep)(char)) {
  std::string out;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (keep(c)) out += c;
  }
  return out;
}
bool digit(char c) { return c >= '0' && c <= '9'; }
bool word(char c) { return digit(c) || (c >= 'a' && c <= 'z') || c == '-'; }

/// One name on its way: each part is judged, and mended for the suggestion where that is possible.
class Check {
 public:
  Check(std::string_view text, const NameRules& rules) : text_(text), rules_(rules) {}

  NameCheck run() {
    if (text_.size() > max_name)
      fault("name", fmt::format("has {} characters; at most {} are allowed", text_.size(), max_name), 0);
    std::vector<std::string> parts = split(text_, '_');
    if (parts.size() != 4) {
      fault("name",
            fmt::format("must have the four parts env_module_seq_port; this has {}", count(parts.size(), "part")), 0);
      // dashes in place of underscores are the usual slip
      std::string mended(text_);
      if (parts.size() < 4) std::replace(mended.begin(), mended.end(), '-', '_');
      parts = split(mended, '_');
    }
    if (parts.size() == 4) check_parts(parts);
    if (result_.faults.empty())
      result_.name = name_;
    else if (mendable_)
      result_.suggestion = name_.str();
    if (result_.suggestion.size() > max_name || result_.suggestion == text_) result_.suggestion.clear();
    return std::move(result_);
  }

 private:
  void fault(const char* part, std::string text, size_t offset) {
    result_.faults.push_back({part, std::move(text), offset});
  }

  void check_parts(const std::vector<std::string>& parts) {
    mendable_ = true;
    size_t offset = 0;
    check_env(parts[0], offset);
    check_module(parts[1], offset += parts[0].size() + 1);
    check_seq(parts[2], offset += parts[1].size() + 1);
    check_port(parts[3], offset + parts[2].size() + 1);
  }

  void check_env(const std::string& env, size_t offset) {
    name_.env = env;
    if (std::find(rules_.envs.begin(), rules_.envs.end(), env) != rules_.envs.end()) return;
    fault("env", fmt::format("'{}' is not an environment; known: {}", env, join(rules_.envs, ", ")), offset);
    const auto near = nearest(only(env, word), rules_.envs);
    near ? void(name_.env = *near) : void(mendable_ = false);
  }

  void check_module(const std::string& module, size_t offset) {
    name_.module = module;
    const bool listed = rules_.modules.empty() ||
                        std::find(rules_.modules.begin(), rules_.modules.end(), module) != rules_.modules.end();
    if (is_module(module) && listed) return;
    if (!is_module(module))
      fault("module", fmt::format("'{}' must begin with a-z and hold only a-z, 0-9 and '-'", module), offset);
    else
      fault("module", fmt::format("'{}' is not a module of this fleet; known: {}", module, join(rules_.modules, ", ")),
            offset);
    std::string mended = only(module, word);
    if (!rules_.modules.empty()) mended = nearest(mended, rules_.modules).value_or("");
    is_module(mended) ? void(name_.module = mended) : void(mendable_ = false);
  }

  void check_seq(const std::string& seq, size_t offset) {
    const std::string digits = only(seq, digit);
    const auto n = parse_number(digits.substr(std::min(digits.find_first_not_of('0'), digits.size())), 999);
    if (n && *n >= 1)
      name_.seq = static_cast<int>(*n);
    else
      mendable_ = false;
    if (seq.size() == 3 && digits == seq && n && *n >= 1) return;
    fault("seq", fmt::format("'{}' must be three digits, 001 to 999", seq), offset);
  }

  void check_port(const std::string& port, size_t offset) {
    const std::string digits = only(port, digit);
    const auto n = parse_number(digits.substr(std::min(digits.find_first_not_of('0'), digits.size())), 65535);
    if (n && *n >= 1)
      name_.port = static_cast<int>(*n);
    else
      mendable_ = false;
    if (n && *n >= 1 && std::to_string(*n) == port) return;
    fault("port", fmt::format("'{}' must be a port, 1 to 65535, without leading zeros", port), offset);
  }

  std::string_view text_;
  const NameRules& rules_;
  NameCheck result_;
  Name name_;
  bool mendable_ = false;
};

}  // namespace

std::string Name::str() const { return fmt::format("{}_{}_{:03}_{}", env, module, seq, port); }
std::string Name::group() const { return fmt::format("{}_{}_{:03}", env, module, seq); }

NameCheck check_name(std::string_view text, const NameRules& rules) { return Check(text, rules).run(); }

std::optional<Name> read_name(std::string_view text) {
  const std::string env(text.substr(0, text.find('_')));
  const bool word = is_module(env) && env.find('-') == std::string::npos;
  return word ? check_name(text, {{env}, {}}).name : std::nullopt;
}

Name known_name(std::string_view text) {
  if (auto name = read_name(text)) return std::move(*name);
  throw std::logic_error("not a checked name: " + std::string(text));
}

std::string fill_layout(const std::string& layout, const Name& name) {
  const std::pair<std::string, std::string> words[] = {{"{name}", name.str()},
                                                       {"{env}", name.env},
                                                       {"{module}", name.module},
                                                       {"{seq}", fmt::format("{:03}", name.seq)},
                                                       {"{port}", std::to_string(name.port)}};
  std::string out = layout;
  for (const auto& [from, to] : words)
    for (size_t at = out.find(from); at != std::string::npos; at = out.find(from, at + to.size()))
      out.replace(at, from.size(), to);
  return out;
}

}  // namespace orctl
