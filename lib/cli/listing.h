#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/table.h"
#include "model/value.h"

namespace orctl {

/// Flags of every command that only looks and lists items.
struct ListFlags {
  std::string sort_by, field_selector;
  bool no_headers = false, watch = false, watch_only = false;
};

/// The items in the order that was asked for, and only those that were. Throws Error(Exit::usage).
std::vector<Value> arranged(std::vector<Value> items, const ListFlags& flags);

/// What is new since the look before: the memory of a watch.
class Watch {
 public:
  /// Which of what is there now, by name and content, are new or changed; `gone` gets the names that are there no more.
  std::vector<bool> news(const std::vector<std::pair<std::string, std::string>>& now, std::vector<std::string>& gone);
  /// Whether a message is said for the first time, or again after a look without it.
  bool is_news(const std::string& message);
  void end_of_look();

 private:
  std::map<std::string, std::string> seen_;
  std::set<std::string> said_, said_now_;
};

}  // namespace orctl
