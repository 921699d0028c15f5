#include "cli/table.h"

#include <algorithm>
#include <numeric>

#include "base/text.h"
#include "cli/marks.h"

namespace orctl {
namespace {

constexpr size_t gap = 3, narrowest = 8;

}  // namespace

void ColumnWidths::take_in(const Row& row) {
  widths_.resize(std::max(widths_.size(), row.size()), 0);
  for (size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], display_width(without_marks(row[i])));
}

void ColumnWidths::fit(size_t line) {
  if (line == 0 || widths_.size() < 2) return;
  // the first column is the name, which people copy
  for (;;) {
    const size_t all = std::accumulate(widths_.begin(), widths_.end(), size_t{0}) + gap * (widths_.size() - 1);
    const auto widest = std::max_element(widths_.begin() + 1, widths_.end());
    if (all <= line || *widest <= narrowest) return;
    // down to the next widest in one step
    size_t next = narrowest;
    for (auto it = widths_.begin() + 1; it != widths_.end(); ++it)
      if (*it < *widest) next = std::max(next, *it);
    *widest -= std::min({all - line, std::max<size_t>(*widest - next, 1)});
  }
}

std::string ColumnWidths::line(const Row& row) const {
  std::string text;
  for (size_t i = 0; i < std::min(widths_.size(), row.size()); ++i) {
    const std::string cell = i == 0 ? row[i] : cut(row[i], widths_[i]);
    const size_t taken = display_width(without_marks(cell));
    text += cell + std::string(widths_[i] - std::min(widths_[i], taken) + gap, ' ');
  }
  return text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
}

std::vector<Row> shown_rows(const std::vector<Row>& rows, size_t columns) {
  std::vector<Row> out;
  for (const Row& row : rows) {
    Row& cells = out.emplace_back();
    for (size_t i = 0; i < std::min(columns, row.size()); ++i) cells.push_back(printable_line(row[i]));
  }
  return out;
}

}  // namespace orctl
