#pragma once
#include <string>

#include "model/value.h"

namespace orctl {

/// The user, and the group of the same name, that an instance runs as under systemd: `nginx.user` when the manifest
/// names one, else one of its own, so that no instance can signal another's processes or read its files. "or-" and the
/// name; of a name that would pass the 31 characters that systemd allows, its first 19 and 8 digits of its SHA-256.
std::string instance_user(const Value& spec);

/// Whether that user is the instance's own, to be made and removed with it.
bool has_own_user(const Value& spec);

/// What the own user carries in its comment field, by which it is known as ours.
std::string user_comment(const Value& spec);

}  // namespace orctl
