#include "change/held.h"

#include <fmt/format.h>

#include <set>

#include "base/whose.h"
#include "change/confirm.h"
#include "change/finish_interrupted.h"
#include "change/request.h"
#include "change/tidy.h"
#include "live/observe.h"

namespace orctl {
namespace {

constexpr Millis patience(1000);  // who waits longer is told what for

FileLock lock_instance(const std::string& name, World& world, Millis wait,
                       const std::function<void(const std::string&)>& note) {
  const std::string path = world.layout.lock(name);
  world.fs.make_folders(path.substr(0, path.rfind('/')));
  if (wait <= patience) return world.fs.lock(path, wait, name);
  try {
    return world.fs.lock(path, patience, name);
  } catch (const Error& e) {
    if (e.exit() != Exit::conflict) throw;
    note(fmt::format("{}; waiting for at most {:.3g} s", e.what(), static_cast<double>(wait.count()) / 1000));
  }
  return world.fs.lock(path, wait - patience, name);
}

bool can_be_observed(const std::string& name, const World& world) {
  try {
    observe(name, world);
    return true;
  } catch (const Error&) {
    stop_if_interrupted();
    return false;
  }
}

}  // namespace

Held::Held(const std::vector<std::string>& names, World& world, const Request& request,
           const std::function<void(const std::string&)>& note) {
  close_library(world);
  const std::set<std::string> sorted(names.begin(),
                                     names.end());  // one order for all, so that two calls never wait for each other
  for (const std::string& name : sorted) locks_.push_back(lock_instance(name, world, request.lock_wait, note));
  for (const std::string& name : sorted) try {
      finish_interrupted(name, world, request, note);
      settle_unconfirmed(name, world, request, note);
      tidy(name, world, note);
    } catch (const Error& e) {
      stop_if_interrupted();
      if (request.history == Request::History::needed || e.exit() == Exit::broken || can_be_observed(name, world))
        throw names.size() > 1 ? named(e, name) : e;
      note(fmt::format("{}: {}; what an interrupted change left is left so", name, e.what()));
    }
}

}  // namespace orctl
