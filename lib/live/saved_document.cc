#include "live/saved_document.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "model/read.h"

namespace orctl {
namespace {

constexpr size_t most = size_t{64} << 20;

/// The next line, without its end; `text` is what follows.
std::string take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string line(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// The whole file; "" when there is none that can be read.
std::string content_of(const std::string& path, const World& world) {
  try {
    return world.fs.read_from(path, 0, most);
  } catch (const Error&) {
    stop_if_interrupted();
    return {};  // the gateway's business: it says in its log why it does not take it
  }
}

}  // namespace

std::string saved_document_digest(const std::string& name, const std::string& document, const World& world) {
  const std::string bytes = content_of(world.layout.state(name) + "/document", world);
  if (bytes.empty()) return {};
  std::string_view rest = bytes;
  const std::string seal = take_line(rest);
  if (seal != fmt::format("orctl-state 1 document {} {}", rest.size(), sha256(rest))) return {};
  Diagnostics found;
  const auto head = read_json({"document", take_line(rest)}, found);
  if (!head || !head->is_object()) return {};
  const auto says = [&](const char* key, const std::string& wanted) {
    const Value* value = head->find(key);
    return value != nullptr && *value == Value(wanted);
  };
  return says("name", name) && says("base", sha256(document)) ? sha256(rest) : "";
}

}  // namespace orctl
