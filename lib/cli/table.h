#pragma once
#include <string>
#include <vector>

namespace orctl {

/// A table as kubectl prints it: upper-case header, columns padded with three blanks, no borders.
struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  size_t wide_columns = 0;              ///< how many of the last columns are shown only with -o wide
  std::vector<std::string> names = {};  ///< what -o name says of each row; empty: the first cell
};

using Row = std::vector<std::string>;

/// The cells that each column takes; those printed before stay at least as wide.
class ColumnWidths {
 public:
  void take_in(const Row& row);
  /// Makes the widest columns but the first narrower, until a line has at most `line` cells (0: as many as it needs).
  void fit(size_t line);
  std::string line(const Row& row) const;

 private:
  std::vector<size_t> widths_;
};

/// The rows that a table has in a format: what is wide is left out unless it is asked for, and all is printable.
std::vector<Row> shown_rows(const std::vector<Row>& rows, size_t columns);

}  // namespace orctl
