#pragma once
#include <string>

#include "answer/answer.h"
#include "live/observe.h"

namespace orctl {

const Noun& status_noun();

/// How an instance is; `tree_fault` says what is wrong with its tree, `certificate_fault` with what it serves.
Value status_item(const Observed& now, const std::string& tree_fault, const std::string& certificate_fault,
                  const World& world);

/// Its unit as systemd tells it.
Value unit_value(const systemd::UnitState& unit, const std::string& name);
/// How many files the master may have open, and how many it should.
Value open_files_value(const Observed& o);

struct StatusAnswer {
  Answer answer;
  bool is_well = true;  ///< all of them run, as they should, and can be read
};

StatusAnswer list_status(const Choice& choice, const World& world);

}  // namespace orctl
