#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/diagnostic.h"
#include "model/value.h"

namespace orctl {

/// What changing a field costs a running instance; ordered by how much it disturbs.
enum class Impact { none, hot, reload, restart, start, stop };
std::string_view to_string(Impact impact);

/// What a field makes root do on the host, so that whoever may write it borrows that much authority (x-authority of the
/// schemas). Every field has a mark; check_policy() holds each but `none` against the host's policy.
enum class Authority {
  none,              ///< nothing: it is data of what is served
  host,              ///< it is the host's own word (config.toml)
  instance,          ///< of a Fleet: held as the field of the instance that it becomes
  name,              ///< names units, users, folders and the branch in the store
  binary,            ///< a program that is run
  user,              ///< a user that programs run as
  layout,            ///< where a folder is made and replaced
  overlay,           ///< files beside the manifest that get into the tree
  code,              ///< Lua or nginx directives of one's own
  connect,           ///< where requests are sent
  source,            ///< where the document comes from, and a password goes to
  secret_file,       ///< a file whose content is kept from others
  certificate_file,  ///< a file of certificates
  listen,            ///< where clients are served
  admin_listen,      ///< where the admin endpoint is served
};
/// The mark that a schema writes as `name`; std::logic_error when there is none.
Authority authority_from(std::string_view name);

/// Phases of nginx in which a policy of a route works (x-phase of the schemas), in their order. Every instance has the
/// balancer phase; nginx.conf has the others only when a route needs them.
enum class Phase { rewrite, access, balancer, header_filter };
std::string_view to_string(Phase phase);
/// The phase that a schema writes as `name`; std::logic_error when there is none.
Phase phase_from(std::string_view name);

/// How well a document fits its schema. `typed`: it has faults, but each value has its type and no required field is
/// absent, so that code may read it.
enum class Fit { valid, typed, unfit };

/// One compiled schema: the subset of JSON Schema draft-07 that schemas/ uses (type, properties, required,
/// additionalProperties, propertyNames, items, enum, pattern, minimum, maximum, minLength, maxLength, minItems,
/// maxItems, default, description, examples, $ref to a piece of this or another file of schemas/), with keywords of our
/// own: x-impact, x-key, x-authority, x-secret; x-phase at a policy and x-policies, which orders them; x-fields-of,
/// which takes over the properties of another schema. Any other keyword is a defect of the schema and throws
/// std::logic_error at load.
class Schema {
 public:
  struct Node;

  /// The schema in schemas/<name>.json; compiled once.
  static const Schema& get(const std::string& name);
  /// From a schema's own JSON text; for tests.
  explicit Schema(const std::string& json);
  ~Schema();

  const Node& root() const { return *root_; }

  /// Adds the faults of `document` to `found`, at most max_faults; the answer knows of those beyond, too.
  /// `line` gives the source's line for a caret.
  Fit check(const Value& document, const std::string& file, const std::function<std::string(uint32_t)>& line,
            Diagnostics& found) const;

  /// `document` with every absent field that has a default, members in the schema's order.
  Value with_defaults(Value document) const;

  /// What a value of a marked field is handed to: the mark, the value, the object or list that it stands in, and its
  /// field.
  using Visit = std::function<void(Authority, const Value&, const Value&, const std::string&)>;
  /// Calls `visit` for every value of `document` whose field acts with more authority than `none`.
  void visit_authority(const Value& document, const Visit& visit) const;

  /// The node that describes "upstream.server.weight" (indexes left out); nullptr when there is none.
  const Node* find(std::string_view path) const;

 private:
  std::vector<std::unique_ptr<Node>> nodes_;
  const Node* root_ = nullptr;
  friend class SchemaCompiler;
};

struct Schema::Node {
  struct Property {
    std::string name;
    const Node* node = nullptr;
  };
  struct Pattern;  // model/pattern.h

  std::string description;
  std::vector<std::string> types;  ///< empty: any
  std::vector<Property> properties;
  bool closed = false;               ///< additionalProperties: false
  const Node* additional = nullptr;  ///< additionalProperties: a schema
  const Node* property_names = nullptr;
  std::vector<std::string> required;
  const Node* items = nullptr;
  Value::Array choices;  ///< enum
  std::shared_ptr<Pattern> pattern;
  std::string pattern_text;
  const Value* minimum = nullptr;
  const Value* maximum = nullptr;
  int64_t min_length = 0, max_length = -1, min_items = 0, max_items = -1;
  bool has_default = false;
  Value default_value;
  Value::Array examples;
  std::vector<std::string> key;           ///< x-key: the members that tell the items of this list apart
  Impact impact = Impact::reload;         ///< x-impact, or the parent's
  Authority authority = Authority::none;  ///< x-authority
  std::set<Phase> phases;                 ///< x-phase: those that a route with this field needs; empty: no policy
  std::vector<std::string> policies;      ///< x-policies: the fields that are policies, in the order in which they act
  bool lends = false;                     ///< it or something in it acts with more authority than none
  bool secret = false;                    ///< x-secret, or the parent's: its value is shown masked (model/masked.h)
  bool holds_secret = false;              ///< it or something in it is secret
  Value minimum_value, maximum_value;

  const Node* property(std::string_view name) const;
};

}  // namespace orctl
