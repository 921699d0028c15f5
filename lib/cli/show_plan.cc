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

void show_plan(Io& io, const Plan& plan, ShowFiles files) {
  for (const InstancePlan& one : plan.instances) io.item(summary(one));
  show_changes(io, plan, files);
}

void show_changes(Io& io, const Plan& plan, ShowFiles files) {
  for (const InstancePlan& one : plan.instances) {
    if (one.empty()) continue;
    io.print(fmt::format("{} ({})\n", io.paint(one.name, "bold"), to_string(one.impact())));
    for (const Change& change : one.changes)
      io.print(fmt::format("  {}  [{}]\n", io.paint(printable_line(change_line(change)), colour_of(change.op)),
                           to_string(change.impact)));
    const auto has = [&](const Step& step) {
      return std::find(one.steps.begin(), one.steps.end(), step) != one.steps.end();
    };
    if (has(Reload{}))
      io.print("  reload: each kept connection ends with an answer that says so; those without requests are closed\n");
    if (has(Supervise{Supervise::Action::restart}))
      io.print("  restart: connections end as by a reload, and until the new process listens new ones are refused\n");
    if (has(SwapTree{true}))
      io.print("  in two renames: the file system of the tree cannot exchange folders in one step\n");
    if (files == ShowFiles::no && !io.json()) continue;
    show_files(io, one, files, OwnLua::left_out);
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
