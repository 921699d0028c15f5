#include "cli/find_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "cli/describe.h"

namespace orctl {

namespace {

using Words = std::vector<std::string>;

const Command* named(const std::vector<Command>& table, const std::string& name) {
  const auto it = std::find_if(table.begin(), table.end(), [&](const Command& c) { return c.info.name == name; });
  return it == table.end() ? nullptr : &*it;
}

bool contains(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// How many arguments the global flag at the front takes: 1 or 2; 0 when it is no global flag.
class GlobalScan {
 public:
  GlobalScan() { add_global_flags(flags_, globals_); }

  size_t length(const std::string& arg) const {
    if (arg.starts_with("--")) return long_length(arg);
    for (size_t i = 1; i < arg.size(); ++i) {
      const FlagSpec* spec = find(std::string("-") + arg[i]);
      if (spec == nullptr) return 0;
      if (takes_value(*spec)) return i + 1 < arg.size() ? 1 : 2;
    }
    return 1;
  }

  Words names() const {
    Words all;
    for (const auto& spec : flags_.all())
      for (const std::string& name : names_of(*spec)) all.push_back(name);
    return all;
  }

 private:
  size_t long_length(const std::string& arg) const {
    const size_t equals = arg.find('=');
    const FlagSpec* spec = find(arg.substr(0, equals));
    if (spec == nullptr) return 0;
    return takes_value(*spec) && equals == std::string::npos ? 2 : 1;
  }
  const FlagSpec* find(const std::string& name) const {
    for (const auto& spec : flags_.all())
      if (has_name(*spec, name)) return spec.get();
    return nullptr;
  }

  GlobalFlags globals_;
  Flags flags_;
};

[[noreturn]] void unknown_command(const std::vector<Command>& table, const std::string& group,
                                  const std::string& word) {
  Words candidates;
  for (const Command& c : table) {
    if (group.empty())
      candidates.push_back(first_word(c));
    else if (c.info.name.starts_with(group + " "))
      candidates.push_back(c.info.name.substr(group.size() + 1));
  }
  const std::string prefix = group.empty() ? "orctl" : "orctl " + group;
  std::string hint = fmt::format("\"{} --help\" lists what there is", prefix);
  if (const auto near = nearest(word, candidates)) hint = fmt::format("did you mean \"{} {}\"?", prefix, *near);
  const std::string of_group = group.empty() ? "" : fmt::format(" of \"{}\"", group);
  throw Error(Exit::usage, fmt::format("unknown command \"{}\"{}", word, of_group), hint);
}

[[noreturn]] void unknown_before_command(const std::string& arg, const Words& known) {
  const std::string name = arg.substr(0, arg.find('='));
  std::string hint = "flags of a command stand after its name; \"orctl --help\" lists the commands";
  if (const auto near = nearest(name, known)) hint = fmt::format("did you mean \"{}\"?", *near);
  throw Error(Exit::usage, fmt::format("unknown flag \"{}\" before the command", name), hint);
}

class Finder {
 public:
  Finder(const std::vector<Command>& table, const Words& args) : table_(table) {
    const auto dashes = std::find(args.begin(), args.end(), "--");
    words_.assign(args.begin(), dashes);
    if (dashes != args.end()) found_.operands.assign(dashes + 1, args.end());
    found_.help = contains(words_, "-h") || contains(words_, "--help");
  }

  FoundCommand find() {
    std::optional<std::string> name;
    while (next_word(!name)) {
      if (!name && words_[at_] == "help" && named(table_, "help") == nullptr) {
        found_.help = true;
        ++at_;
        continue;
      }
      const std::string longer = name ? *name + " " + words_[at_] : words_[at_];
      if (name && named(table_, longer) == nullptr) break;
      name = longer;
      ++at_;
      if (!contains(groups(table_), *name)) break;
    }
    if (name)
      settle(*name);
    else
      found_.help = true;
    found_.flags.insert(found_.flags.end(), words_.begin() + static_cast<ptrdiff_t>(at_), words_.end());
    return std::move(found_);
  }

 private:
  /// Moves to the next argument that is no global flag; false when it is another flag or there is none.
  bool next_word(bool before_command) {
    while (at_ < words_.size()) {
      std::string& arg = words_[at_];
      if (before_command && arg == "--version") arg = "version";
      if (arg.size() < 2 || arg[0] != '-') return true;
      const size_t length = std::min(globals_.length(arg), words_.size() - at_);
      if (length == 0 && before_command && !found_.help) unknown_before_command(arg, globals_.names());
      if (length == 0 && !before_command) return false;
      for (size_t end = at_ + std::max<size_t>(length, 1); at_ < end; ++at_) found_.flags.push_back(words_[at_]);
    }
    return false;
  }

  void settle(const std::string& name) {
    found_.command = named(table_, name);
    if (found_.command != nullptr) return;
    if (!contains(groups(table_), name)) unknown_command(table_, "", name);
    if (at_ < words_.size() && words_[at_][0] != '-') unknown_command(table_, name, words_[at_]);
    found_.topic = name;
    found_.help = true;
  }

  const std::vector<Command>& table_;
  GlobalScan globals_;
  Words words_;
  size_t at_ = 0;
  FoundCommand found_;
};

}  // namespace

FoundCommand find_command(const std::vector<Command>& table, const std::vector<std::string>& args) {
  return Finder(table, args).find();
}

std::string find_output(const std::vector<std::string>& args) {
  std::string output;
  for (auto arg = args.begin(); arg != args.end() && *arg != "--"; ++arg) {
    std::string_view text = *arg;
    const bool last = arg + 1 == args.end();
    if ((text == "-o" || text == "--output") && !last) {
      output = *(arg + 1);
    } else if (text.starts_with("--output=")) {
      output = text.substr(9);
    } else if (text.starts_with("-o") && text.size() > 2) {
      text.remove_prefix(text[2] == '=' ? 3 : 2);
      output = text;
    }
  }
  return output;
}

}  // namespace orctl
