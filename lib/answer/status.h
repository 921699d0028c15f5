#pragma once
#include <string>

#include "answer/answer.h"
#include "answer/examined.h"

namespace orctl {

const Noun& status_noun();

/// How an instance is.
Value status_item(const Examined& seen, const World& world);

/// Its unit as systemd tells it.
Value unit_value(const systemd::UnitState& unit, const std::string& name);
/// How many files the master may have open, and how many it should.
Value open_files_value(const Observed& o);

struct StatusAnswer {
  Answer answer;
  bool is_well = true;  ///< nothing of finding_kinds() that is a fault was found of any, and all can be read
};

StatusAnswer list_status(const Choice& choice, const World& world);

}  // namespace orctl
