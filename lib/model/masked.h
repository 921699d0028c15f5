#pragma once
#include <string>
#include <string_view>

#include "model/read.h"
#include "model/schema.h"
#include "model/value.h"

/// What is shown in the place of secrets. A field is secret by its type: its schema marks it with x-secret.
namespace orctl {

/// "(secret, sha256:0123456789ab)": of equal secrets the same, so that it shows a change. What can be guessed can be
/// guessed from it.
std::string mask_of(std::string_view secret);

/// The same of a value: of a string's text, of another's JSON.
std::string mask_of_value(const Value& secret);

/// The same of a fingerprint that is known already ("sha256:" and 64 digits).
std::string mask_of_fingerprint(std::string_view fingerprint);

/// `value`, which `node` describes, with each secret in it masked; names of members stay. Equal to `value` when it has
/// none.
Value masked(const Value& value, const Schema::Node& node);

/// The same of a spec, by its kind.
Value masked_spec(const Value& spec);

/// `text`, which a program has said, with each secret of a spec masked that stands in it as it is.
std::string without_secrets(std::string text, const Value& spec);

/// Takes out of faults the lines of `file`, read as `document`, in which a secret begins: they would be shown with it.
void hide_secret_lines(const std::string& file, const Value& document, const Schema::Node& node, Diagnostics& faults);

/// The text of a manifest or of a stored spec with each secret masked where it stands; what cannot be read becomes one
/// mask as a whole.
std::string masked_manifest(const Source& source);

/// The same of a gateway document, which is written anew when it holds a secret.
std::string masked_document(const std::string& text);

}  // namespace orctl
