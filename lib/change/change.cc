#include "change/change.h"

#include "base/whose.h"
#include "change/guards.h"
#include "change/held.h"
#include "change/leftovers.h"
#include "change/served_dates.h"
#include "render/render.h"

namespace orctl {
namespace {

/// Whether the next one who holds the lock has nothing to finish, to undo or to sweep.
bool is_settled(const Observed& now, const World& world) {
  const std::string folder = now.version ? tree_folder(now.version->spec) : "";
  return !now.unsettled() && leftovers(now.name, folder, world).empty();
}

struct Sight {
  Plan plan;
  bool idle = true;  ///< nothing is to be done, nor to be settled; looked for without a lock only
};

/// Looks at every instance of a wish, and plans. `hold` is null while nobody else is kept out: nothing is changed then.
Sight look(Wish& wish, const World& world, World* hold) {
  if (wish.choose) wish.choose(wish, world);
  Sight sight;
  const bool seeks_rest = hold == nullptr && wish.first == Wish::First::look;
  const NginxMasters all(world);
  const auto plan_one = [&](const std::string& name) {
    Observed now = wish.look(name, world, all);
    if (hold != nullptr && wish.clear && wish.clear(now, *hold)) return static_cast<void>(wish.cleared.insert(name));
    const bool settled = !seeks_rest || !sight.idle || is_settled(now, world);
    const Live live = now.live;
    if (auto one = wish.plan(std::move(now), world)) {
      refuse_untimely(*one, live, world);
      sight.plan.instances.push_back(std::move(*one));
    }
    if (seeks_rest && sight.idle) sight.idle = sight.plan.empty() && settled;
  };
  for (const std::string& name : wish.names) about(wish.names.size() > 1 ? name : "", [&] { plan_one(name); });
  if (wish.request.confirm_within.count() != 0) ask_confirmation(sight.plan);
  refuse_impact(sight.plan, wish.most);
  return sight;
}

Changed only_shown(Plan plan, const Wish& wish, const World& world, const Teller& tell) {
  tell.show(plan);
  refuse_lost(plan, world);
  if (!wish.request.overwrites_drift) refuse_flattening(plan);
  tell.dry_run(plan);
  return {std::move(plan), {}};
}

/// What one instance leaves unfinished is no reason not to finish the others.
void finish(const Wish& wish, const Changed& done, World& world) {
  std::optional<Error> first;
  for (size_t i = 0; wish.finish && i < done.outcomes.size() && !done.outcomes[i].error; ++i) try {
      wish.finish(done.plan.instances[i], world);
    } catch (const Error& e) {
      if (!first) first = named(e, done.plan.instances[i].name);
    }
  if (first) throw Error(*first);
}

Changed carried_out(const Wish& wish, Plan plan, World& world, const Teller& tell) {
  tell.show(plan);
  if (wish.prepare) wish.prepare(world);
  Changed done{std::move(plan), {}};
  done.outcomes = apply(done.plan, world, wish.request, tell.note);
  tell.report(done.plan, done.outcomes);
  finish(wish, done, world);
  return done;
}

Changed make_change(Wish& wish, World& world, const Teller& tell) {
  if (wish.first != Wish::First::lock) {
    Sight sight = look(wish, world, nullptr);
    if (wish.first == Wish::First::only_look) return only_shown(std::move(sight.plan), wish, world, tell);
    if (sight.idle) return carried_out(wish, std::move(sight.plan), world, tell);
  }
  const Held held(wish.names, world, wish.request, tell.note);
  Plan plan = look(wish, world, &world).plan;
  if (!wish.request.ends_wait) refuse_unconfirmed(plan, world);
  if (!wish.request.overwrites_drift) refuse_flattening(plan);
  return carried_out(wish, std::move(plan), world, tell);
}

}  // namespace

Changed change(Wish wish, World& world, const Teller& tell) {
  bool told = wish.first == Wish::First::only_look || !tell.stopped;
  Teller teller = tell;
  teller.report = [&](const Plan& plan, const std::vector<Outcome>& outcomes) {
    told = true;
    tell.report(plan, outcomes);
  };
  try {
    return make_change(wish, world, teller);
  } catch (const Error& e) {
    std::erase_if(wish.names, [&](const std::string& name) { return wish.cleared.contains(name); });
    if (!told) tell.stopped(wish.names, e);
    throw;
  }
}

}  // namespace orctl
