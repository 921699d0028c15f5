#pragma once
#include <string>
#include <vector>

#include "model/value.h"

namespace orctl {

/// How much something that was found of an instance matters: a note is to be known and as somebody wanted it; a warning
/// will be a fault, or was one; with a fault the instance is not well.
enum class Concern { note, warning, fault };

/// What can be found of an instance, and how much it matters: the one table of that.
struct FindingKind {
  const char* code;
  Concern concern;
  const char* meaning;  ///< for help
};
const std::vector<FindingKind>& finding_kinds();

/// Something to be said of an instance.
struct Finding {
  Concern concern;
  std::string code;  ///< of finding_kinds()
  std::string text;
  std::string mend;  ///< a command, or what to do; "" where there is nothing to be done
};

/// `code` must be one of finding_kinds().
Finding finding(const std::string& code, std::string text, std::string mend = {});

const char* word_of(Concern concern);
Value to_value(const Finding& finding);

/// Whether none is a fault.
bool is_well(const std::vector<Finding>& findings);
/// All in one line, the gravest first as they stand, with what mends the first unless that is a note.
std::string line_of(const std::vector<Finding>& findings);
/// What is told of the findings in an item: `well` and `findings`.
void set_findings(Value& item, const std::vector<Finding>& findings);
/// What finding_kinds() says of one concern: "stopped (it does not run), …".
std::string kinds_text(Concern concern);

}  // namespace orctl
