// Of main.h: completion scripts.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/describe.h"
#include "cli/main.h"
#include "cli/output.h"

// Static scripts: pressing Tab starts no process and touches no host. All three find the command first, by walking
// over the words before the cursor and skipping the values of global flags.
namespace orctl {

namespace {

using Words = std::vector<std::string>;

enum class Fill { nothing, words, files, folders };

/// What can stand behind a flag, or as a positional.
struct Offer {
  Words names;  ///< "-f", "--filename"; empty for a positional
  std::string help;
  bool takes_value = false;
  Fill fill = Fill::nothing;
  Words choices;
};

/// One place in a command line: nothing yet, a group, a command.
struct Node {
  std::string name;                                        ///< "", "name", "name check"
  std::vector<std::pair<std::string, std::string>> words;  ///< the next words of a command, with summaries
  std::vector<Offer> flags, positionals;
};

Offer offer_of(const FlagSpec& spec) {
  Offer offer{spec.positional ? Words{} : names_of(spec), spec.help, takes_value(spec), Fill::nothing, spec.choices};
  const std::string value = offer.takes_value ? value_name(spec) : "";
  if (!offer.choices.empty())
    offer.fill = Fill::words;
  else if (value.starts_with("FILE") || value.starts_with("PATH"))
    offer.fill = Fill::files;
  else if (value == "DIR")
    offer.fill = Fill::folders;
  return offer;
}

void add_globals(Node& node, const Words& outputs) {
  GlobalFlags globals;
  Flags flags;
  add_global_flags(flags, globals);
  for (const auto& spec : flags.all()) {
    Offer offer = offer_of(*spec);
    if (has_name(*spec, "--output")) {
      if (outputs.empty()) continue;
      offer.fill = Fill::words;
      offer.choices = outputs;
    }
    node.flags.push_back(std::move(offer));
  }
}

Node command_node(const Command& command) {
  const Described described(command);
  Node node{command.info.name};
  for (const auto& spec : described.flags.all())
    (spec->positional ? node.positionals : node.flags).push_back(offer_of(*spec));
  add_globals(node, has_output(command, described.flags) ? formats_of(command.info) : Words{});
  return node;
}

/// The root, then groups and commands in the table's order.
std::vector<Node> nodes_of(const std::vector<Command>& table) {
  Node root;
  add_globals(root, {"json"});
  std::vector<Node> groups_found, commands;
  for (const Command& command : table) {
    const std::string word = first_word(command);
    const auto same = [&](const auto& w) { return w.first == word; };
    if (word == command.info.name) {
      root.words.emplace_back(word, command.info.summary);
    } else {
      const auto group =
          std::find_if(groups_found.begin(), groups_found.end(), [&](const Node& n) { return n.name == word; });
      Node& node = group == groups_found.end() ? groups_found.emplace_back(Node{word}) : *group;
      node.words.emplace_back(command.info.name.substr(word.size() + 1), command.info.summary);
      const auto known = std::find_if(root.words.begin(), root.words.end(), same);
      if (known == root.words.end())
        root.words.emplace_back(word, command.info.name);
      else
        known->second += ", " + command.info.name;
    }
    commands.push_back(command_node(command));
  }
  std::vector<Node> all{root};
  for (Node& group : groups_found) {
    const auto command =
        std::find_if(commands.begin(), commands.end(), [&](const Node& n) { return n.name == group.name; });
    if (command == commands.end())
      all.push_back(std::move(group));
    else
      command->words = std::move(group.words);
  }
  all.insert(all.end(), commands.begin(), commands.end());
  return all;
}

Words flag_names(const Node& node) {
  Words all;
  for (const Offer& flag : node.flags) all.insert(all.end(), flag.names.begin(), flag.names.end());
  return all;
}

Words next_words(const Node& node) {
  Words all;
  for (const auto& word : node.words) all.push_back(word.first);
  return all;
}

/// What a positional may be: choices, files or folders; the first that offers anything.
Offer operand(const Node& node) {
  const auto offers = [](const Offer& o) { return o.fill != Fill::nothing; };
  const auto found = std::find_if(node.positionals.begin(), node.positionals.end(), offers);
  return found == node.positionals.end() ? Offer{} : *found;
}

/// `text` as one word of a POSIX shell.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

Words quoted_all(const Words& words) {
  Words out;
  for (const std::string& word : words) out.push_back(quoted(word));
  return out;
}

/// The global flags that take a value, as alternatives of a shell's case.
std::string globals_with_value() {
  GlobalFlags globals;
  Flags flags;
  add_global_flags(flags, globals);
  Words names;
  for (const auto& spec : flags.all())
    for (const std::string& name : names_of(*spec))
      if (takes_value(*spec)) names.push_back(name);
  return join(names, " | ");
}

std::string known_names(const std::vector<Node>& nodes) {
  Words names;
  for (const Node& node : nodes)
    if (!node.name.empty()) names.push_back(quoted(node.name));
  return join(names, " | ");
}

// bash and zsh share the shape of the script: a loop that finds the command, then one case a command.

struct Shell {
  std::string (*words)(const Words& words);
  std::string files, folders;
};

std::string fill_line(const Shell& shell, const Offer& offer) {
  switch (offer.fill) {
    case Fill::words:
      return shell.words(offer.choices);
    case Fill::files:
      return shell.files;
    case Fill::folders:
      return shell.folders;
    case Fill::nothing:
      break;
  }
  return ":";
}

std::string node_case(const Shell& shell, const Node& node, const std::string& next) {
  std::string out = fmt::format("    {})\n", quoted(node.name));
  std::string values;
  for (const Offer& flag : node.flags)
    if (flag.takes_value)
      values += fmt::format("        {}) {}; return ;;\n", join(flag.names, " | "), fill_line(shell, flag));
  if (!values.empty()) out += "      case $prev in\n" + values + "      esac\n";
  const Offer rest = operand(node);
  const std::string otherwise = !next.empty() ? next : fill_line(shell, rest);
  out += fmt::format("      if [[ $cur == -* ]]; then {}; else {}; fi ;;\n", shell.words(flag_names(node)), otherwise);
  return out;
}

std::string bash_words(const Words& words) {
  return fmt::format("mapfile -t COMPREPLY < <(compgen -W {} -- \"$cur\")", quoted(join(words, " ")));
}

std::string bash_script(const std::vector<Node>& nodes) {
  const Shell shell{bash_words, "_orctl_paths -f", "_orctl_paths -d"};
  std::string out =
      "# bash completion for orctl, made by \"orctl completion bash\"\n"
      "_orctl_paths() {\n"
      "  mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
      "  compopt -o filenames 2>/dev/null\n}\n\n"
      "_orctl() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} cmd='' i w\n"
      "  COMPREPLY=()\n"
      "  [[ $cur == = ]] && cur=''\n"
      "  [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    w=${COMP_WORDS[i]}\n"
      "    case $w in\n";
  out +=
      fmt::format("      {}) i=$((i + 1)); [[ ${{COMP_WORDS[i]}} == = ]] && i=$((i + 1)) ;;\n", globals_with_value());
  out +=
      "      -*) ;;\n"
      "      *)\n"
      "        case \"${cmd:+$cmd }$w\" in\n";
  out += fmt::format("          {}) cmd=\"${{cmd:+$cmd }}$w\" ;;\n", known_names(nodes));
  out += "          *) break ;;\n        esac ;;\n    esac\n  done\n  case $cmd in\n";
  for (const Node& node : nodes) out += node_case(shell, node, node.words.empty() ? "" : bash_words(next_words(node)));
  return out + "  esac\n}\n\ncomplete -F _orctl orctl\n";
}

std::string zsh_words(const Words& words) { return "compadd -- " + join(quoted_all(words), " "); }

std::string zsh_next(const Node& node) {
  Words described;
  for (const auto& [word, summary] : node.words) described.push_back(quoted(word + ":" + summary));
  return fmt::format("commands=({}); _describe command commands", join(described, " "));
}

std::string zsh_script(const std::vector<Node>& nodes) {
  const Shell shell{zsh_words, "_files", "_files -/"};
  std::string out =
      "#compdef orctl\n"
      "# zsh completion for orctl, made by \"orctl completion zsh\"\n"
      "_orctl() {\n"
      "  local cur=${words[CURRENT]} prev=${words[CURRENT-1]} cmd='' w\n"
      "  local -i i\n"
      "  local -a commands\n"
      "  if [[ $cur == --*=* ]]; then prev=${cur%%=*}; compset -P '*='; cur=${cur#*=}; fi\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    w=${words[i]}\n"
      "    case $w in\n";
  out += fmt::format("      {}) i=$((i + 1)) ;;\n", globals_with_value());
  out += "      -*) ;;\n      *)\n        case \"${cmd:+$cmd }$w\" in\n";
  out += fmt::format("          {}) cmd=\"${{cmd:+$cmd }}$w\" ;;\n", known_names(nodes));
  out += "          *) break ;;\n        esac ;;\n    esac\n  done\n  case $cmd in\n";
  for (const Node& node : nodes) out += node_case(shell, node, node.words.empty() ? "" : zsh_next(node));
  return out +
         "  esac\n}\n\n"
         "if [[ ${funcstack[1]} == _orctl ]]; then _orctl \"$@\"; else compdef _orctl orctl; fi\n";
}

std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "\\'" : c == '\\' ? "\\\\" : std::string(1, c);
  return out + "'";
}

std::string fish_fill(const Offer& offer) {
  switch (offer.fill) {
    case Fill::words:
      return " -x -a " + fish_quoted(join(offer.choices, " "));
    case Fill::files:
      return " -r -F";
    case Fill::folders:
      return " -x -a '(__fish_complete_directories)'";
    case Fill::nothing:
      break;
  }
  return offer.takes_value ? " -x" : "";
}

std::string fish_flag(const std::string& when, const Offer& flag) {
  std::string names;
  for (const std::string& name : flag.names)
    names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  return fmt::format("{}{}{} -d {}\n", when, names, fish_fill(flag), fish_quoted(flag.help));
}

std::string fish_finder(const std::vector<Node>& nodes) {
  Words names;
  for (const Node& node : nodes)
    if (!node.name.empty()) names.push_back(fish_quoted(node.name));
  std::string skipped = globals_with_value();
  skipped.erase(std::remove(skipped.begin(), skipped.end(), '|'), skipped.end());
  return fmt::format(
      "# fish completion for orctl, made by \"orctl completion fish\"\n"
      "function __orctl_at\n"
      "    set -l cmd\n    set -l skip 0\n"
      "    for w in (commandline -opc)[2..-1]\n"
      "        if test $skip = 1\n            set skip 0\n            continue\n        end\n"
      "        switch $w\n"
      "            case {}\n                set skip 1\n"
      "            case '-*'\n"
      "            case '*'\n"
      "                if contains -- \"$(string join ' ' -- $cmd $w)\" {}\n"
      "                    set cmd $cmd $w\n"
      "                else\n                    break\n                end\n"
      "        end\n    end\n"
      "    test \"$argv[1]\" = \"$cmd\"\nend\n\ncomplete -c orctl -f\n",
      skipped, join(names, " "));
}

std::string fish_script(const std::vector<Node>& nodes) {
  std::string out = fish_finder(nodes);
  for (const Node& node : nodes) {
    const std::string when =
        fmt::format("complete -c orctl -n {}", fish_quoted(fmt::format("__orctl_at \"{}\"", node.name)));
    for (const auto& [word, summary] : node.words)
      out += fmt::format("{} -a {} -d {}\n", when, fish_quoted(word), fish_quoted(summary));
    const Offer rest = operand(node);
    if (rest.fill != Fill::nothing)
      out += when + (rest.fill == Fill::files ? std::string(" -F") : fish_fill(rest).substr(3)) + "\n";
    for (const Offer& flag : node.flags) out += fish_flag(when, flag);
  }
  return out;
}

}  // namespace

std::string completion_script(const std::vector<Command>& table, const std::string& shell) {
  const std::vector<Node> nodes = nodes_of(table);
  if (shell == "bash") return bash_script(nodes);
  if (shell == "zsh") return zsh_script(nodes);
  if (shell == "fish") return fish_script(nodes);
  throw Error(Exit::usage, fmt::format("no completion for shell \"{}\"", shell), "bash, zsh and fish are known");
}

}  // namespace orctl
