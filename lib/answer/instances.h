#pragma once
#include "answer/answer.h"
#include "answer/examined.h"
#include "kind/kind.h"
#include "live/observe.h"

namespace orctl {

/// How the objects of a kind are listed.
const Noun& noun_of(const Kind& kind);

/// The manifest of an instance, or of an object of another kind, and what it is right now; of one whose spec or
/// revision is not known, what is.
Value instance_item(const Observed& o);
/// The same with what was found of it.
Value instance_item(const Examined& seen);

Answer list_instances(const Choice& choice, const World& world);

/// The same of any kind that lives on a host.
Answer list_objects(const Kind& kind, const Choice& choice, const World& world);

}  // namespace orctl
