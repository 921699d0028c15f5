#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace orctl {

struct Setting;

/// One flag or positional argument as data: the parser, help, man and completion all read this.
struct FlagSpec {
  using Target = std::variant<bool*, int*, std::string*, std::optional<std::string>*, std::vector<std::string>*,
                              std::chrono::milliseconds*>;
  std::string names;  ///< "-f,--filename", "--dry-run"; for a positional its name, "INST"
  bool positional = false;
  Target target;
  std::string help;
  std::string value_name;  ///< "FILE"; derived from the type when empty; unused for bool
  std::string env;         ///< environment variable that gives the value when the flag is absent
  std::string config;      ///< key of the configuration that gives it when the environment does not, either
  std::vector<std::string> choices;
  std::vector<std::pair<std::string, std::string>> also;  ///< other words for choices: {"inst", "instances"}
  bool required = false;
  bool kept = false;             ///< its value is written down for ever, so it may hold no secret
  bool asks_reason = false;      ///< only with it something is done that somebody has to give a reason for
  bool needs_no_reason = false;  ///< given, nothing is done that somebody would have to give a reason for
  bool skips_guard = false;      ///< given (of choices: a later one than the configuration's), it skips a guard
};

/// Fluent end of Flags::add.
class Flag {
 public:
  explicit Flag(FlagSpec& spec) : spec_(spec) {}
  Flag& required() {
    spec_.required = true;
    return *this;
  }
  Flag& value(std::string name) {
    spec_.value_name = std::move(name);
    return *this;
  }
  Flag& choices(std::vector<std::string> all) {
    spec_.choices = std::move(all);
    return *this;
  }
  Flag& also(std::vector<std::pair<std::string, std::string>> words) {
    spec_.also = std::move(words);
    return *this;
  }
  Flag& env(std::string name) {
    spec_.env = std::move(name);
    return *this;
  }
  Flag& config(std::string key) {
    spec_.config = std::move(key);
    return *this;
  }
  Flag& kept() {
    spec_.kept = true;
    return *this;
  }
  Flag& asks_reason() {
    spec_.asks_reason = true;
    return *this;
  }
  Flag& needs_no_reason() {
    spec_.needs_no_reason = true;
    return *this;
  }
  Flag& skips_guard() {
    spec_.skips_guard = true;
    return *this;
  }

 private:
  FlagSpec& spec_;
};

/// The flags of one command, collected before parsing. A vector repeats and takes one value each time (a positional
/// vector takes all that remain); a duration is "3s", "500ms"; the last of a repeated scalar wins.
class Flags {
 public:
  template <class T>
  Flag add(std::string names, T& target, std::string help) {
    return Flag(append(std::move(names), false, &target, std::move(help)));
  }
  template <class T>
  Flag positional(std::string name, T& target, std::string help) {
    return Flag(append(std::move(name), true, &target, std::move(help)));
  }
  /// The parser puts there where the value of each flag with a key of the configuration came from.
  void tell_settings(std::vector<Setting>& to) { settings_ = &to; }
  std::vector<Setting>* settings() const { return settings_; }
  const std::vector<std::unique_ptr<FlagSpec>>& all() const { return all_; }

 private:
  FlagSpec& append(std::string names, bool positional, FlagSpec::Target target, std::string help) {
    all_.push_back(std::make_unique<FlagSpec>());
    FlagSpec& s = *all_.back();
    s.names = std::move(names);
    s.positional = positional;
    s.target = target;
    s.help = std::move(help);
    return s;
  }
  std::vector<std::unique_ptr<FlagSpec>> all_;
  std::vector<Setting>* settings_ = nullptr;
};

}  // namespace orctl
