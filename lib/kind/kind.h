#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/tree.h"
#include "kind/column.h"
#include "model/diagnostic.h"
#include "model/object.h"

namespace orctl {

/// Tells what is wrong with an object: severity, code, the value that is wrong, its field, a text and a hint.
using Faults = std::function<void(Severity, const char* code, const Value& at, std::string field, std::string text,
                                  std::string hint)>;

/// What a kind of manifest is, beyond its schema schemas/<word>.json: one row of kinds(), which
/// lib/kind/<word>/<word>.cc gives as <word>_kind(). Load, validate, explain, diff, apply, get, history, rollback,
/// delete and completion go by it.
struct Kind {
  /// Where its objects live on a host.
  enum class Lives {
    nowhere,     ///< they tell others what to be: the Fleet alone, which the loader knows
    in_files,    ///< in a folder of their own (object_folder()), made by `render`
    in_process,  ///< an nginx serves them: the Instance
  };

  std::string name;  ///< as manifests say it: "VipPool"
  /// As `orctl get` lists them, and their folder below /etc/orctl: "vip_pools". No other thing there is called so.
  std::string plural;
  Lives lives = Lives::nowhere;
  std::vector<Column> columns = {};  ///< of `orctl get`, behind name, status and revision; those of `-o wide` last

  /// What the schema cannot say of one object, whose spec may have a wrong value but none of a wrong type. Its name is
  /// checked (can_be_object_name()); what becomes a part of a path is for this to check.
  void (*check)(const Object& object, const Faults& faults) = nullptr;
  /// What all objects of this kind that are given to one command must agree upon; the store is not asked.
  void (*check_together)(const std::vector<const Object*>& all, Diagnostics& found) = nullptr;
  /// The files of one object on the host of that name; for those that live in files. A function of its arguments alone,
  /// and also called with mask_of() in the place of each secret. nginx.conf, gateway.json, certs.json and what lies
  /// below certs/ and lua/orctl/ are an Instance's: no file is called so. Private keys are in no store.
  Tree (*render)(const Value& spec, const std::string& host) = nullptr;
  /// A program and its arguments that accepts or refuses rendered files before they go live, "{tree}" being their
  /// folder; empty: there is none. No shell reads it, and the folder may have any name: `{"/bin/sh", "-c", "… \"$0\"",
  /// "{tree}"}`. It runs as whoever runs orctl; it fails by its exit code, and what it says is told.
  std::vector<std::string> check_files = {};
  /// The same once they are live: how to see that what reads them has taken them. Run again until it succeeds or
  /// --verify-timeout has passed; then the files are put back.
  std::vector<std::string> prove = {};

  std::string word() const { return word_of(name); }
};

/// All of them; CMake makes the table from the folders of lib/kind/.
const std::vector<Kind>& kinds();

/// "Instance", "Fleet", …
const std::vector<std::string>& kind_names();

/// The kind called `name`, or written `word`; nullptr when there is none.
const Kind* find_kind(std::string_view name);
const Kind* find_kind_by_word(std::string_view word);

/// The kind of a spec or a manifest that has been checked.
const Kind& kind_of(const Value& spec);

/// Whether an nginx serves what a spec describes.
inline bool has_process(const Value& spec) { return kind_of(spec).lives == Kind::Lives::in_process; }

/// The folder of an object that lives in files: "/etc/orctl/vip_pools/edge".
std::string object_folder(const Kind& kind, const std::string& name);
inline std::string object_folder(const Value& spec) {
  return object_folder(kind_of(spec), spec.at("name").as_string());
}

/// What a name of such an object may be: it is a folder, and a part of a ref.
bool can_be_object_name(std::string_view name);

}  // namespace orctl
