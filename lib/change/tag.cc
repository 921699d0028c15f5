#include "change/tag.h"

#include <fmt/format.h>

#include "base/text.h"
#include "change/tidy.h"
#include "store/audit.h"

namespace orctl {
namespace {

void tell_all(const std::string& instance, const Request& request, World& world,
              const std::function<void(const std::string&)>& tell) {
  Value what = Value::object();
  what.set("outcome", "done");
  write_audit(world, instance, request.note, what, tell);
}

}  // namespace

bool set_tag(const std::string& instance, const Revision& revision, const std::string& name, Retag retag, World& world,
             const Request& request, const std::function<void(const std::string&)>& tell) {
  if (const std::string fault = fault_of_tag(name); !fault.empty())
    throw Error(Exit::usage, fmt::format("'{}' can be no tag: {}", name, fault),
                "a letter, then letters, digits, '.', '_' and '-', for example before-black-friday");
  close_library(world);
  const std::string ref = tag_ref(instance, name);
  {
    const FileLock lock = world.git.lock(request.lock_wait);
    const std::string now = world.git.ref(ref).value_or("");
    if (now == revision.commit) return false;
    if (!now.empty() && retag == Retag::no)
      throw Error(Exit::guard,
                  fmt::format("revision {} of {} has the tag '{}'; nothing was changed",
                              revision_number(world.git.commit(now)), instance, name),
                  "choose another name, or take it from there with --move");
    world.git.set_ref(ref, revision.commit);
  }
  tell_all(instance, request, world, tell);
  return true;
}

void delete_tag(const std::string& instance, const std::string& name, World& world, const Request& request,
                const std::function<void(const std::string&)>& tell) {
  std::vector<std::string> names;
  for (const Tag& tag : tags(world, instance)) names.push_back(tag.name);
  close_library(world);
  {
    const FileLock lock = world.git.lock(request.lock_wait);
    if (!fault_of_tag(name).empty() || !world.git.ref(tag_ref(instance, name))) {
      const auto near = nearest(name, names);
      throw Error(Exit::absent, fmt::format("{} has no tag '{}'", instance, name),
                  near ? fmt::format("did you mean '{}'?", *near) : "orctl tag list " + instance);
    }
    world.git.remove_ref(tag_ref(instance, name));
  }
  tell_all(instance, request, world, tell);
}

}  // namespace orctl
