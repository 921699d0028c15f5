#pragma once
#include <functional>
#include <string>

#include "change/request.h"
#include "store/revision_name.h"
#include "sys/world.h"

namespace orctl {

/// What a tag that is there may be asked to do.
enum class Retag { no, yes };

/// Names a revision of an instance. False when it is called so already. Exit::usage for a name that no tag can have;
/// Exit::guard when another revision has it, unless it may be taken from there.
bool set_tag(const std::string& instance, const Revision& revision, const std::string& name, Retag retag, World& world,
             const Request& request, const std::function<void(const std::string&)>& tell);

/// Takes a name away; the revision stays. Exit::usage when there is no such tag.
void delete_tag(const std::string& instance, const std::string& name, World& world, const Request& request,
                const std::function<void(const std::string&)>& tell);

}  // namespace orctl
