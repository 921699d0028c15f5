#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "answer/answer.h"
#include "sys/world.h"

namespace orctl {

/// Of one instance, and of several, whose names stand in front.
const Noun& history_noun();
const Noun& timeline_noun();

/// Which part of the history is asked for. What is absent is no condition.
struct HistoryQuestion {
  std::vector<std::string> names;  ///< instances, deleted ones too, or patterns; none: all
  std::string who, grep;  ///< part of the author's name; of reason, ticket, command, cause or what it was done to
  std::optional<int64_t> since, until;  ///< seconds since 1970
  size_t limit = 0;                     ///< only the newest; 0: all
};

/// Whether it is about one instance, named and no pattern.
bool is_of_one(const HistoryQuestion& question);

/// Revisions and events as one timeline, newest first. What cannot be read is a fault beside them; when the one
/// instance that is named has none that can be, or there is none, that is thrown.
Answer list_history(const HistoryQuestion& question, const World& world);

/// A time of an item, "2026-11-30T12:00:00Z", in a table.
std::string moment_cell(const Value& item, const std::string& field);

}  // namespace orctl
