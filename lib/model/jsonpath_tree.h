#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/value.h"

/// What a JSONPath is made of; jsonpath_parse.cc makes it, jsonpath.cc goes along it.
namespace orctl::jsonpath {

struct Filter;

struct Name {
  std::string text;
};
struct Index {
  int64_t at;  ///< from the end when negative
};
struct Slice {
  std::optional<int64_t> from, to;
  int64_t step = 1;
};
struct Every {};
using Selector = std::variant<Name, Index, Slice, Every, std::shared_ptr<const Filter>>;

/// Children that one of the selectors means, or (descend) a value and all below it.
struct Step {
  bool descend = false;
  std::vector<Selector> selectors;
};

struct Path {
  bool from_root = false;  ///< `$`, else the value at hand
  std::vector<Step> steps;
};

enum class Compare { exists, equal, unequal, less, at_most, more, at_least };

struct Filter {
  std::variant<Value, Path> left, right;
  Compare how = Compare::exists;
};

struct Node {
  std::variant<std::string, Path> what;
  bool range = false;  ///< the nodes below are written for each value that the path leads to
  std::vector<Node> below;
};

std::vector<Node> parse_template(std::string_view text);
Path parse_field_path(const std::string& text);

}  // namespace orctl::jsonpath
