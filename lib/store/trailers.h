#pragma once
#include <string>

namespace orctl {

/// The value of the last line "Key: value" of `text`; "" when there is none.
std::string line_value(const std::string& text, const std::string& key);
/// The same of a commit's message, in its last paragraph alone: a subject may be what somebody gave as a reason.
std::string trailer(const std::string& message, const std::string& key);
/// `text` as one line: the value of a trailer must not begin another.
std::string one_line(std::string text);

}  // namespace orctl
