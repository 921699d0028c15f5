#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "model/read.h"
#include "model/schema.h"
#include "model/value.h"

namespace orctl {

/// What a Fleet gives to its instances where they do not say it themselves, as it stands in its file.
struct Defaults {
  Source source;
  Value values;  ///< members labels, layout, nginx as an instance has them
};

/// What one manifest describes, whatever its kind, as it is meant to be.
struct Object {
  Value spec;     ///< the manifest with all defaults; canonical: equal meaning, equal value
  Source source;  ///< the manifest as written
  std::shared_ptr<const Defaults> given = {};  ///< by a Fleet
};

/// "vip_pool" of "VipPool": how the files of a kind are called, and what stands before the names of its objects.
std::string word_of(std::string_view kind);

/// The kind that a manifest or a spec says; "Instance" when it says none, as the oldest specs of a store.
std::string kind_name_of(const Value& document);

/// The schema of a manifest or a spec, by its kind.
const Schema& schema_of(const Value& document);

/// What an object is called in the store, in locks and by commands, as kubectl does it: "vip_pool/edge". An Instance is
/// called by its name alone.
std::string id_of(const Value& spec);

/// The two parts of an id; `word` is "instance" when it is an Instance's name.
struct IdParts {
  std::string word, name;
};
IdParts parts_of_id(std::string_view id);

}  // namespace orctl
