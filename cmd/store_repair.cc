#include "change/store_repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "answer/outcomes.h"
#include "base/text.h"
#include "change/guards.h"
#include "change/held.h"
#include "change/request.h"
#include "cli/show_answer.h"
#include "manifest/load.h"
#include "model/server_path.h"
#include "shared/change.h"
#include "store/check.h"
#include "store/history.h"
#include "store/lost.h"
#include "store/repair.h"
#include "store/select.h"

namespace orctl {
namespace {

struct Options {
  std::vector<std::string> names;
  std::string manifest;
  bool yes = false;
  ChangeFlags change;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.names, "instances to mend, or patterns; none: all that need it");
  f.add("-f,--filename", o.manifest, "the manifest of the live tree, when the store cannot tell it").value("FILE");
  f.add("-y,--yes", o.yes, "do not ask before revisions that cannot be read are dropped");
  add_reason_flags(f, o.change);
  add_time_flags(f, o.change);
}

std::optional<Loaded> load_one(const std::string& file, const World& world, Io& io) {
  if (file.empty()) return std::nullopt;
  auto all = load_valid({file}, Recurse::no, world, [&](const Diagnostic& d) { io.error(d); });
  if (all.size() != 1) throw Error(Exit::usage, "-f must name one manifest", "name the file of one instance");
  return std::move(all.front());
}

std::vector<std::string> names_to_mend(const Options& o, const std::vector<StoreFault>& faults, const World& world) {
  if (!o.names.empty()) {
    const auto recorded = recorded_ids(world);
    const auto lost = lost_instances(world);
    std::set<std::string> known(recorded.begin(), recorded.end()), names;
    for (const auto& [name, tree] : lost) known.insert(name);
    for (const std::string& name : o.names) {
      std::copy_if(known.begin(), known.end(), std::inserter(names, names.end()),
                   [&](const std::string& one) { return glob_match(name, one); });
      if (!is_pattern(name) && !known.contains(name))
        throw Error(Exit::absent, "the store knows no '" + name + "'", "orctl store verify");
    }
    std::vector<std::string> chosen(names.begin(), names.end());
    refuse_unmatched(o.names, {}, chosen);
    return chosen;
  }
  std::set<std::string> names;
  for (const StoreFault& fault : faults)
    if (can_be_stored(fault.instance)) names.insert(fault.instance);
  return {names.begin(), names.end()};
}

/// What is left of others is no fault of this repair.
Exit tell_left(const Options& o, const std::vector<StoreFault>& left, Io& io) {
  bool own = false, others = false;
  for (const StoreFault& fault : left) {
    const bool named = std::any_of(o.names.begin(), o.names.end(),
                                   [&](const std::string& one) { return glob_match(one, fault.instance); });
    (o.names.empty() || fault.instance.empty() || named ? own : others) = true;
    if (o.names.empty() || fault.instance.empty() || named)
      io.error(Error(Exit::target, fault.text(), fault.mend()));
    else
      io.warn(fault.text(), fault.mend());
  }
  if (!own && !others) io.print("the version store is sound\n");
  return own ? Exit::partial : Exit::ok;
}

Exit run(const Options& o, World& world, Io& io) {
  io.kind("StoreRepairResult");
  const std::vector<StoreFault> faults = verify_store(world);
  if (faults.empty() && !world.git.exists())
    throw Error(Exit::refused, "there is no version store yet", "the first apply makes it");
  const auto manifest = load_one(o.manifest, world, io);
  const std::vector<std::string> names = names_to_mend(o, faults, world);
  if (faults.empty()) {
    io.print("the version store is sound; nothing to mend\n");
    return Exit::ok;
  }
  if (manifest && (names.size() != 1 || names.front() != manifest->instance.name.str()))
    throw Error(Exit::usage, "-f is the manifest of another instance than is mended", "name one instance, and its own");
  Request request = make_request(o.change, world, "store repair");
  if (request.note.reason.empty()) request.note.reason = "repaired from the live tree";
  request.history = Request::History::passed_over;
  clear_way(world, request);
  const Held held(names, world, request, remarks(io));
  repair_store(names, world, request);
  std::vector<Repair> plans;
  std::vector<std::string> questions;
  Answer answer;
  for (const std::string& name : names)
    answer.each([&] {
      plans.push_back(plan_repair(name, manifest, world, request));
      for (const std::string& question : plans.back().questions) questions.push_back(question);
    });
  tell_remarks(io, answer);
  if (!questions.empty() && !o.yes)
    require_yes(join(questions, "; ") + ". Go on?",
                Error(Exit::guard, "not mended: " + join(questions, "; "),
                      "say --yes; what is damaged is kept in " + world.git.path() + "/orctl-aside"),
                world);
  for (const Repair& plan : plans) {
    const int revision = repair_instance(plan, world, request, remarks(io));
    io.changed(true);  // whatever becomes of the next one
    io.item(repaired_item(plan.name, revision, plan.kept.size(), plan.dropped));
    io.print(repaired_line(plan.name, revision, plan.dropped) + "\n");
  }
  clear_store(world, request);
  io.changed(true);
  if (answer.exit() != Exit::ok) return answer.exit();  // what is left is theirs
  return tell_left(o, verify_store(world), io);
}

}  // namespace

Command store_repair_command() {
  return command<Options>(
      {"store repair",
       "mend the store from what runs and what can still be read",
       {{"Mend all that store verify names", "orctl store repair"},
        {"One instance, and drop revisions that cannot be read", "orctl store repair prd_payment_001_8080 --yes"}},
       "Objects are written anew from the live tree; where its revision is lost, the live tree becomes a new one, once "
       "the running instance has proved that it serves it. Revisions that can be read are kept, with their outcomes. "
       "What is damaged is moved to the store's folder orctl-aside. The instance serves on.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
