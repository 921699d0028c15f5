#include "change/rollback.h"

#include <fmt/format.h>

#include "change/make_plan.h"
#include "cli/show_plan.h"
#include "shared/change.h"
#include "store/history.h"
#include "store/revision_name.h"
#include "store/select.h"

namespace orctl {
namespace {

constexpr const char* keep_hint = "give the key with --key FILE to go back to the certificate, too";

struct Options {
  std::string name;
  std::string to;
  std::vector<std::string> keys;
  bool dry_run = false;
  ChangeFlags change;
};

void flags(Flags& f, Options& o) {
  f.positional("INST", o.name, "instance, or a pattern that stands for one").required();
  f.add("--to", o.to,
        std::string("revision to go back to: ") + revision_words + "; absent: the one applied before the live one")
      .value("REV");
  f.add("--key", o.keys, "private key of a certificate of that revision, where this host has it no more").value("FILE");
  f.add("--dry-run", o.dry_run, "show the plan and change nothing").needs_no_reason();
  add_drift_flag(f, o.change);
  add_change_flags(f, o.change);
}

Exit run(const Options& given, World& world, Io& io) {
  io.kind("RollbackResult");
  Options o = given;
  const auto name = one_instance(given.name, world);
  if (!name) refuse_unmatched({given.name}, {}, {});
  o.name = name.value_or(given.name);
  if (!o.dry_run && revisions(world, o.name, 1).empty()) throw no_revisions(world, o.name);
  Revision to;
  Version version;
  Wish wish;
  wish.first = o.dry_run ? Wish::First::only_look : Wish::First::lock;
  wish.names = {o.name};
  wish.request = make_request(o.change, world, "rollback " + o.name);
  wish.request.ends_wait = true;
  wish.choose = [&](Wish& w, const World& now) {  // only now: an apply that was killed has been finished
    to = choose_revision(o.name, o.to, now);
    if (w.request.note.reason.empty()) w.request.note.reason = fmt::format("roll back to revision {}", to.number);
    w.request.note.command += fmt::format(" --to {}", to.number);
    version = version_to_roll_back_to(to, o.name, now,
                                      {o.keys, [&](const Diagnostic& d) { io.error(d); },
                                       [&](const std::string& text) { io.warn(text, keep_hint); }});
  };
  wish.plan = [&](Observed now, const World& w) { return make_plan(std::move(now), version, w); };
  Showing showing;
  showing.verb = [&](const InstancePlan& p) {
    return p.empty() ? fmt::format("unchanged: it is what revision {} says", to.number)
                     : fmt::format("rolled back to revision {}", to.number);
  };
  showing.show = [&](const Plan& p) {
    o.dry_run ? show_plan(io, p, ShowFiles::no) : show_changes(io, p, ShowFiles::no);
  };
  showing.dry_run = [&](const Plan& plan) {
    io.print(fmt::format("{} would go back to revision {} (dry run)\n", o.name, to.number));
    io.changed(!plan.empty());
  };
  return run_change(std::move(wish), showing, world, io).exit();
}

}  // namespace

Command rollback_command() {
  return command<Options>(
      {"rollback",
       "go back to an earlier revision, byte for byte",
       {{"Undo the last change", "orctl rollback prd_payment_001_8080 --reason 'errors since noon'"},
        {"Go back to a revision", "orctl rollback prd_payment_001_8080 --to 3"},
        {"… of which a key is on this host no more", "orctl rollback prd_payment_001_8080 --to 3 --key shop.key"}},
       "The tree, the gateway's Lua and the unit become what they were; the way back is a new revision, proved like "
       "any other. A deleted instance comes back too.\n\n"
       "The store keeps private keys by their fingerprints alone. Where a certificate was renewed since, and its old "
       "key "
       "is gone, the renewed pair stays if it is for the same hosts, and so it does where the old one has ended; else "
       "the "
       "rollback is refused (exit 3) and says which key it needs: --key names it, once for each.",
       {"text", "json"}},
      flags, run);
}

}  // namespace orctl
