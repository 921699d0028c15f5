#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "kind/column.h"
#include "model/value.h"
#include "sys/interrupt.h"

/// What people and programs are told of instances, as data: items with the names of the manifest, and how they stand in
/// a table. Commands print it; whoever else answers takes the same items.
namespace orctl {

/// The instances that somebody asks about: names or patterns, and labels "key=value"; all when both are empty.
struct Choice {
  std::vector<std::string> names, labels;
};

/// A kind of things that can be listed: how they are called, and their table.
struct Noun {
  std::string kind;      ///< of the JSON document: "InstanceList"
  std::string plural;    ///< "instances"
  std::string singular;  ///< stands before each name of -o name; "" where that is the name alone
  std::vector<Column> columns;
};

/// What is to be said beside the items.
struct Remark {
  enum class Kind { warning, error };

  Kind kind;
  Error error;
};

/// What was found when one or many were looked at. A fault of one leaves the answers about the others.
class Answer {
 public:
  Value::Array items;
  std::vector<Remark> remarks;  ///< in the order in which they were met

  /// What `look` does counts as an answer, unless it throws.
  template <class Look>
  void each(Look look) {
    try {
      look();
      ++told_;
    } catch (const Error& e) {
      stop_if_interrupted();
      fault(e);
    }
  }
  void fault(const Error& e);
  void warn(const std::string& message, const std::string& hint);
  /// Takes the faults that select_instances() and its like find.
  std::function<void(const Error&)> faults();
  /// 0, or 6 when some could be told of and some not, or the first fault's own code when none could.
  Exit exit() const { return first_ == Exit::ok || told_ == 0 ? first_ : Exit::partial; }

 private:
  size_t told_ = 0;
  Exit first_ = Exit::ok;
};

/// `object` as a thing of an instance: `owner`'s members come first, and no member of `object` takes their place.
Value owned(Value owner, const Value& object);

}  // namespace orctl
