#include "shared/plan_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/rights.h"
#include "base/text.h"
#include "model/x509.h"
#include "store/history.h"

namespace orctl {
namespace {

constexpr size_t max_plan_file = size_t{64} << 20;

std::string again(const PlanFile& file) {
  return "look at the new plan, and make it again: orctl plan" + (file.recursive ? std::string(" -R") : "") + " -f " +
         join(file.manifests, " -f ") + " --out FILE";
}

}  // namespace

void refuse_standard_input(const PlanSource& source) {
  if (std::find(source.files.begin(), source.files.end(), "-") != source.files.end())
    throw Error(Exit::usage, "--out cannot bind a plan to standard input, which is gone when it is carried out",
                "put the manifest into a file: orctl plan -f FILE --out plan.json");
}

PlanFile record(const Plan& plan, const PlanSource& source, const World& world) {
  PlanFile file{.host = world.env.host(),
                .store = world.layout.store(),
                .made_at = utc_text(world.clock.now()),
                .made_by = world.env.user() + "@" + world.env.host(),
                .manifests = {},
                .recursive = source.recursive,
                .plans = {}};
  for (const std::string& one : source.files) file.manifests.push_back(world.fs.absolute(one));
  for (const InstancePlan& one : plan.instances) {
    const auto live = applied_revision(world, one.name);
    file.plans.push_back(recorded(one, live ? live->number : 0));
  }
  return file;
}

void write_plan_file(const std::string& path, const PlanFile& file, World& world) {
  const std::string whole = world.fs.resolved(path);
  const std::string folder = whole.substr(0, whole.rfind('/'));
  world.fs.beneath(folder.empty() ? "/" : folder).write(whole, to_text(file), rights::secret_file);
}

PlanFile read_plan_of_this_host(const std::string& path, const World& world) {
  PlanFile file = read_plan_file({path, world.fs.read(path, max_plan_file)});
  const std::string host = world.env.host(), store = world.layout.store();
  if (file.host != host)
    throw Error(Exit::conflict, fmt::format("{}: the plan was made on {}, and this is {}", path, file.host, host),
                "carry it out there, or make one here: orctl plan -f MANIFEST --out FILE");
  if (file.store != store)
    throw Error(Exit::conflict,
                fmt::format("{}: the plan was made for the store {}, not for {}", path, file.store, store),
                "give the same --root");
  return file;
}

void require_recorded(const PlanFile& file, const InstancePlan& plan, int live) {
  const Value* one = file.find(plan.name);
  const std::string moved = one == nullptr ? "the plan does not have it" : moved_since(*one, plan, live);
  if (!moved.empty()) throw Error(Exit::conflict, plan.name + ": " + moved, again(file));
}

void require_names(const PlanFile& file, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (file.find(name) == nullptr)
      throw Error(Exit::conflict, name + ": the manifests have it, and the plan does not", again(file));
  for (const Value& one : file.plans)
    if (const std::string& name = one.at("name").as_string();
        std::find(names.begin(), names.end(), name) == names.end())
      throw Error(Exit::conflict, name + ": the plan has it, and the manifests no longer do", again(file));
}

}  // namespace orctl
