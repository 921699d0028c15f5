#pragma once
#include <string>

namespace orctl {

/// `text` between marks of a colour: "red", "green", "yellow", "bold", "dim". No text from outside can carry a mark.
std::string marked(const std::string& text, const char* colour);
std::string without_marks(std::string text);
/// With escape sequences in the place of the marks.
std::string marks_as_sequences(std::string text);
/// The first `width` cells of a table's cell, the last of which says that there is more; its colour stays.
std::string cut(const std::string& cell, size_t width);

}  // namespace orctl
