#include "cli/show_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/text.h"
#include "kind/secret_files.h"
#include "model/masked.h"
#include "sys/world.h"

namespace orctl {
namespace {

std::string shown(const Value& v) { return v.is_string() ? v.as_string() : to_json(v); }

const char* colour_of(Op op) { return op == Op::add ? "green" : op == Op::remove ? "red" : "yellow"; }

using Paths = std::set<std::string>;

/// A file as it may be shown: what is secret by its type, and `secret` by its kind, is masked.
std::string text_of(const std::string& path, const TreeFile& file, const Paths& secret) {
  const bool key = path.starts_with(tree_path::certs) && path.ends_with(".key");
  if (!file.irregular.empty()) return "(" + file.irregular + ")\n";
  if (key || secret.contains(path) || is_secret(path, file)) return mask_of_fingerprint(fingerprint_of(file)) + "\n";
  return path == tree_path::document ? masked_document(file.content) : file.content;
}

using See = std::function<void(const std::string&, const std::string*, const std::string*)>;

/// Hands both texts of a file to `see`; nullptr where there is none.
void show_file(const std::string& path, const TreeFile* was, const TreeFile* is, const Paths& secret, const See& see) {
  const std::string before = was == nullptr ? "" : text_of(path, *was, secret),
                    after = is == nullptr ? "" : text_of(path, *is, secret);
  if (was == nullptr || is == nullptr || before != after)
    see(path, was == nullptr ? nullptr : &before, is == nullptr ? nullptr : &after);
}

/// Every file that differs, by its path as the user knows it.
void each_file(const InstancePlan& plan, OwnLua own, const See& see) {
  static const Tree none;
  const Tree& before = plan.before ? plan.before->tree : none;
  const Tree& after = plan.after ? plan.after->tree : none;
  const auto file_of = [](const Tree& tree, const std::string& path) -> const TreeFile* {
    const auto found = tree.find(path);
    return found == tree.end() ? nullptr : &found->second;
  };
  // a file that a hand has edited may hold the secret of either
  Paths paths, secret;
  for (const auto* version : {&plan.before, &plan.after})
    if (*version) secret.merge(files_with_secrets((*version)->spec));
  for (const Tree* tree : {&before, &after})
    for (const auto& [path, file] : *tree) paths.insert(path);
  for (const std::string& path : paths) {
    if (own == OwnLua::left_out && path.starts_with(tree_path::own_lua)) continue;
    const TreeFile *was = file_of(before, path), *is = file_of(after, path);
    if (was == nullptr || is == nullptr || !(*was == *is)) show_file(path, was, is, secret, see);
  }
  const std::string* old_unit = plan.before && !plan.before->unit.empty() ? &plan.before->unit : nullptr;
  const std::string* new_unit = plan.after && !plan.after->unit.empty() ? &plan.after->unit : nullptr;
  if ((old_unit == nullptr) != (new_unit == nullptr) || (old_unit != nullptr && *old_unit != *new_unit))
    see("openresty-" + plan.name + ".service", old_unit, new_unit);
}

}  // namespace

std::string change_line(const Change& c) {
  std::string line = fmt::format("{} {}", c.op == Op::add ? "+" : c.op == Op::remove ? "-" : "~", to_string(c.key));
  if (c.op == Op::change && !(c.before.is_null() && c.after.is_null()))
    line += fmt::format(": {} -> {}", shown(c.before), shown(c.after));
  else if (c.op == Op::add && c.key != Key(Whole::instance) && c.key != Key(Whole::object) && !c.after.is_null())
    line += ": " + shown(c.after);
  if (!c.reason.empty()) line += " (" + c.reason + ")";
  return line;
}

void show_plan(Io& io, const Plan& plan, ShowFiles files, const AtStake& at_stake) {
  for (const InstancePlan& one : plan.instances) {
    Value item = summary(one);
    if (const auto found = at_stake.find(one.name); found != at_stake.end()) item.set("connections", found->second);
    io.item(std::move(item));
  }
  show_changes(io, plan, files, at_stake);
}

namespace {

bool has(const InstancePlan& plan, const Step& step) {
  return std::find(plan.steps.begin(), plan.steps.end(), step) != plan.steps.end();
}

/// What a plan costs besides the changes themselves, in sentences.
std::vector<std::string> costs_of(const InstancePlan& plan, const AtStake& at_stake) {
  std::vector<std::string> out;
  const auto stake = at_stake.find(plan.name);
  const std::string open =
      stake == at_stake.end() ? "" : "; open now: " + count(static_cast<size_t>(stake->second), "connection");
  if (has(plan, Reload{}))
    out.push_back("reload: each kept connection ends with an answer that says so; those without requests are closed" +
                  open);
  if (has(plan, Supervise{Supervise::Action::restart}))
    out.push_back("restart: connections end as by a reload, and until the new process listens new ones are refused" +
                  open);
  if (has(plan, Supervise{Supervise::Action::stop})) out.push_back("stop: nobody serves its addresses any more" + open);
  if (has(plan, SwapTree{true}))
    out.push_back("in two renames: the file system of the tree cannot exchange folders in one step");
  return out;
}

/// The changes, and behind that of a new instance or object what it will be.
std::vector<Change> told(const InstancePlan& plan) {
  std::vector<Change> all = plan.changes;
  if (plan.before || !plan.after) return all;
  for (Change& one : fields_of_new(plan.after->spec)) all.push_back(std::move(one));
  return all;
}

void show_text(Io& io, const InstancePlan& one, const AtStake& at_stake) {
  io.print(fmt::format("{} ({})\n", io.paint(one.name, "bold"), to_string(one.impact())));
  const bool comes = !one.before && one.after;
  for (const Change& change : comes ? told(one) : one.changes) {
    const bool is_part = comes && change.key != Key(Whole::instance) && change.key != Key(Whole::object);
    io.print(fmt::format("  {}{}", is_part ? "  " : "",
                         io.paint(printable_line(change_line(change)), colour_of(change.op))));
    io.print(is_part ? "\n" : fmt::format("  [{}]\n", to_string(change.impact)));
  }
  for (const std::string& cost : costs_of(one, at_stake)) io.print("  " + cost + "\n");
}

/// Text as code in a cell of a table (GitHub Flavored Markdown).
std::string code(const std::string& text) {
  if (text.empty()) return "";
  std::string out, fence = "`";
  for (const char c : printable_line(text)) {
    if (c == '|') out += '\\';
    out += c;
  }
  while (out.find(fence) != std::string::npos) fence += '`';
  const std::string gap = out.front() == '`' || out.back() == '`' ? " " : "";
  return fence + gap + out + gap + fence;
}

std::string cell(const Value& value) { return value.is_null() ? "" : code(shown(value)); }

void show_markdown(Io& io, const InstancePlan& one, ShowFiles files, const AtStake& at_stake) {
  io.print(fmt::format("### {} ({})\n\n| | what | from | to | impact | why |\n|---|---|---|---|---|---|\n",
                       code(one.name), to_string(one.impact())));
  for (const Change& c : told(one)) {
    const bool whole = c.key == Key(Whole::instance) || c.key == Key(Whole::object);  // told by its fields
    io.print(fmt::format("| {} | {} | {} | {} | {} | {} |\n",
                         c.op == Op::add      ? "+"
                         : c.op == Op::remove ? "-"
                                              : "~",
                         code(to_string(c.key)), whole ? "" : cell(c.before), whole ? "" : cell(c.after),
                         to_string(c.impact), printable_line(c.reason)));
  }
  io.print("\n");
  for (const std::string& cost : costs_of(one, at_stake)) io.print("- " + cost + "\n");
  if (files == ShowFiles::no) return;
  std::string diffs;
  each_file(one, OwnLua::left_out, [&](const std::string& path, const std::string* before, const std::string* after) {
    diffs += Git::text_diff(path, before, after);
  });
  if (diffs.empty()) return;
  std::string fence = "```";
  while (diffs.find(fence) != std::string::npos) fence += '`';
  io.print("\n<details><summary>files</summary>\n\n" + fence + "diff\n" + diffs + fence + "\n\n</details>\n\n");
}

}  // namespace

void show_changes(Io& io, const Plan& plan, ShowFiles files, const AtStake& at_stake) {
  const bool markdown = io.format() == "markdown";
  if (markdown && plan.empty()) io.print("No changes.\n");
  for (const InstancePlan& one : plan.instances) {
    if (one.empty()) continue;
    markdown ? show_markdown(io, one, files, at_stake) : show_text(io, one, at_stake);
    if (io.json() || (files == ShowFiles::yes && !markdown)) show_files(io, one, files, OwnLua::left_out);
  }
}

void show_files(Io& io, const InstancePlan& plan, ShowFiles files, OwnLua own) {
  each_file(plan, own, [&](const std::string& path, const std::string* before, const std::string* after) {
    if (files == ShowFiles::yes) io.print(Git::text_diff(path, before, after));
    const std::string name = plan.name + "/" + path;
    io.diff({name + " (before)", before == nullptr ? "" : *before, name + " (after)", after == nullptr ? "" : *after});
  });
}

}  // namespace orctl
