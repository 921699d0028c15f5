#pragma once
#include <optional>
#include <string>
#include <vector>

#include "model/read.h"
#include "model/value.h"

namespace orctl {

/// What becomes of one server of a manifest.
struct ServerEdit {
  enum class Kind { set_weight, add, remove } kind = Kind::set_weight;
  std::string upstream, address;
  Value server;  ///< set_weight: {"weight"}; add: the whole server; remove: nothing
};

/// Does `edit` to a manifest as it was read, or to a spec. Error(Exit::refused) when the upstream or the server is not
/// there, stands there already, or is the last one.
void edit_document(Value& document, const ServerEdit& edit);

/// Does `edits` to the text of a manifest so that comments and layout stay, and proves it: the new text reads as the
/// edited document. nullopt when the text is written in a way that this cannot edit.
std::optional<std::string> edit_text(const Source& source, const std::vector<ServerEdit>& edits);

}  // namespace orctl
