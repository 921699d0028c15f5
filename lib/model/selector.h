#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/jsonpath.h"
#include "model/value.h"

namespace orctl {

/// Conditions on labels, all of which must hold: `team=payments,tier!=core,env in (prd,stg),zone notin (a),edge,!old`.
/// As in Kubernetes `!=` and `notin` hold for what has no such label, too.
class LabelSelector {
 public:
  /// Throws Error(Exit::usage) with a caret.
  explicit LabelSelector(const std::string& text);
  /// Whether they hold for these labels; nullptr: there are none.
  bool matches(const Value* labels) const;

 private:
  enum class Test { in, not_in, exists, absent };
  struct Condition {
    std::string key;
    Test test = Test::exists;
    std::vector<std::string> values;
  };
  class Parser;
  std::vector<Condition> conditions_;
};

/// Conditions on fields of an item: `status=running,upstream[0].name!=pay`; a value may be a pattern.
class FieldSelector {
 public:
  /// Throws Error(Exit::usage) with a caret.
  explicit FieldSelector(const std::string& text);
  bool matches(const Value& item) const;

 private:
  struct Condition {
    FieldPath path;
    bool equal = true;
    std::string value;
  };
  std::vector<Condition> conditions_;
};

}  // namespace orctl
