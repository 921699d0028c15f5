#pragma once
#include <memory>
#include <string>
#include <vector>

#include "model/value.h"

/// The JSONPath of kubectl (kubernetes.io/docs/reference/kubectl/jsonpath): `{.items[*].name}`, `{range}` … `{end}`,
/// filters, slices, names in quotes.
namespace orctl {

namespace jsonpath {
struct Path;
struct Node;
}  // namespace jsonpath

/// Text with expressions in braces; one without any brace is an expression.
class JsonTemplate {
 public:
  /// Throws Error(Exit::usage) with a caret.
  explicit JsonTemplate(const std::string& text);
  /// What it makes of `root`: strings as they are with control bytes written visibly, other values as JSON, several
  /// with a blank between. What is not there is nothing. Throws Error(Exit::usage) when it goes on without end.
  std::string write(const Value& root) const;

 private:
  std::shared_ptr<const std::vector<jsonpath::Node>> nodes_;
};

/// One path as columns and --sort-by name it: `.upstream[0].name`, `name`, `{.labels['a.b']}`.
class FieldPath {
 public:
  /// Throws Error(Exit::usage) with a caret.
  explicit FieldPath(const std::string& text);
  /// The values that it leads to, none when it leads nowhere.
  std::vector<const Value*> find(const Value& item) const;

 private:
  std::shared_ptr<const jsonpath::Path> path_;
};

/// A value as text: a string as it is, everything else as JSON.
std::string plain_text(const Value& value);

}  // namespace orctl
