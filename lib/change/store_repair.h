#pragma once
#include <functional>
#include <string>
#include <vector>

#include "change/request.h"
#include "manifest/load.h"
#include "store/repair.h"

namespace orctl {

/// Looks at what of an instance's history can be kept, and what its live tree is. The spec of the live tree comes from
/// `manifest`, if one is given, or else from whatever the store still holds that gives exactly this tree; Exit::refused
/// when nothing does. A running instance proves that it serves what is to become the revision.
Repair plan_repair(const std::string& name, const std::optional<Loaded>& manifest, const World& world,
                   const Request& request);

/// What comes before all else: moves aside what stands in the way of the store's folders and files, and finds the notes
/// again where their ref is lost, so that no outcome is taken for unknown.
void clear_way(World& world, const Request& request);
/// Mends what belongs to no instance: HEAD, config, packed-refs, packs, notes, and objects that the live trees of
/// `names` hold. What is damaged is moved to the store's folder orctl-aside. The caller holds the instances' locks.
void repair_store(const std::vector<std::string>& names, World& world, const Request& request);
/// Carries a plan out; returns the number of the live revision, 0 when there is none.
int repair_instance(const Repair& repair, World& world, const Request& request,
                    const std::function<void(const std::string&)>& tell);
/// Moves damaged objects aside that nobody needs any more.
void clear_store(World& world, const Request& request);

}  // namespace orctl
