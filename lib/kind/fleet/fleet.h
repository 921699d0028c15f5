#pragma once
#include <memory>
#include <optional>
#include <string>

#include "kind/manifest.h"
#include "model/name.h"

namespace orctl {

/// What the instances of one folder have in common.
struct Fleet {
  std::string file;
  NameRules rules;
  std::shared_ptr<const Defaults> defaults = {};  ///< nullptr: none
};

std::optional<Fleet> make_fleet(const Manifest& manifest, Diagnostics& found);

}  // namespace orctl
