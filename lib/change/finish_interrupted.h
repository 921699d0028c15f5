#pragma once
#include <functional>
#include <string>

#include "change/request.h"
#include "sys/world.h"

namespace orctl {

/// What the next changing command does about an apply that was killed half-way: when the new tree is already in place
/// it is made to serve and proved, or else taken back; before that point it is forgotten, and noted as interrupted.
void finish_interrupted(const std::string& name, World& world, const Request& request,
                        const std::function<void(const std::string&)>& note);

}  // namespace orctl
