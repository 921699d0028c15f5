#pragma once
#include <string>

#include "model/value.h"

namespace orctl {

enum class Tone { plain, good, warning, bad };

/// One column of a table of items: its head, the member that it shows, and how.
struct Column {
  enum class Shown { always, wide };

  std::string head;
  std::string field;
  std::string (*text)(const Value& item, const std::string& field);
  Shown shown = Shown::always;  ///< the wide ones come last
  Tone (*tone)(const Value& item) = nullptr;
};

/// The member as it is: a string, or JSON; "-" where it is absent or null.
std::string member_text(const Value& item, const std::string& field);
/// The first twelve digits of a digest or a commit.
std::string short_text(const Value& item, const std::string& field);
/// How many a list has.
std::string count_text(const Value& item, const std::string& field);
/// A process, "-" for 0.
std::string pid_text(const Value& item, const std::string& field);
/// "team=payments,tier=edge", "<none>".
std::string labels_text(const Value& item, const std::string& field);
/// What was found of it: "well", or the codes of what is not; and all of it in words.
std::string findings_text(const Value& item, const std::string& field);
/// The member in words; "" where there is none.
std::string words_text(const Value& item, const std::string& field);
/// Seconds that are left to confirm a change.
std::string confirm_text(const Value& item, const std::string& field);

}  // namespace orctl
