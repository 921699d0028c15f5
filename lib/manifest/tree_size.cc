#include "manifest/tree_size.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/layout.h"
#include "base/text.h"
#include "base/tree_paths.h"
#include "model/certificates.h"
#include "model/origin.h"
#include "render/embedded.h"
#include "render/render.h"

namespace orctl {
namespace {

constexpr size_t max_document = size_t{12} << 20;  // twice, whole and in parts, it must fit lua_shared_dict (32m)

/// What the gateway takes in one PUT of all certificates (client_max_body_size of its admin endpoint).
constexpr size_t max_certificates_body = size_t{16} << 20;
/// What lua_shared_dict has for documents and certificates, less what it needs itself.
constexpr size_t shared_memory = size_t{30} << 20;
/// The dictionary keeps what is larger than half a page in whole ones.
constexpr size_t page = 4096;
constexpr const char* certificates_hint =
    "split the instance, or take what no client needs out of the files: text between the blocks, other chains";

/// Below both of these nothing can be too much, whatever is rendered from it: no byte of a manifest becomes 500.
constexpr size_t small_manifest = size_t{64} << 10;
constexpr TreeLimits small_overlay{5'000, size_t{16} << 20, new_tree_limits.depth, new_tree_limits.path_bytes};

/// Everything that is kept of a version, by names that are each other's neighbours in the store.
Tree all_files(const Instance& instance, Rendered& rendered) {
  Tree all = std::move(rendered.tree);
  all["manifest"] = {instance.source.text};
  all["spec.json"] = {to_json(instance.spec, 1)};
  all["unit.service"] = {std::move(rendered.unit)};
  return all;
}

std::string document_text(size_t bytes) {
  return fmt::format(
      "the gateway document would have {} bytes, and {} are the most that an instance's shared memory takes", bytes,
      max_document);
}
constexpr const char* document_hint = "split the instance: fewer servers or routes";

class SizeCheck {
 public:
  SizeCheck(const Instance& instance, const Tree& overlay, Diagnostics& found)
      : instance_(instance), overlay_(overlay), found_(found) {}

  void folder() {
    const std::string folder = fill_layout(instance_.spec.at("layout").as_string(), instance_.name);
    const auto parts = split(folder, '/');
    const bool long_name = std::any_of(parts.begin(), parts.end(),
                                       [](const auto& part) { return part.size() > max_tree_folder_name_bytes; });
    if (long_name || folder.size() > new_tree_limits.path_bytes)
      add("layout",
          fmt::format("the tree's folder would have a path of {} bytes; {} are the most, and {} of each name",
                      folder.size(), new_tree_limits.path_bytes, max_tree_folder_name_bytes),
          "name fewer words in the layout");
  }

  /// A new set lies beside the old one until it is whole, and both beside the document, which is there twice.
  void certificates() {
    size_t stored = 0;
    for (const Value& one : instance_.list("certificate")) {
      Value pair = Value::object();
      for (const char* member : {"certificate", "key"})
        if (const auto file = overlay_.find(one.at(member).as_string()); file != overlay_.end())
          pair.set(member, file->second.content);
      stored += (to_json(pair).size() + page) / page * page;
    }
    if (2 * (stored + max_document) <= shared_memory && instance_.source.text.size() <= small_manifest) return;
    const Tree& tree = rendered().tree;
    const size_t document = tree.at(tree_path::document).content.size();
    const size_t most = shared_memory / 2 - std::min(document, shared_memory / 2);
    if (stored > most)
      add("certificate",
          fmt::format("the certificates would take {} bytes of the gateway's shared memory, and {} are the most beside "
                      "this document",
                      stored, most),
          certificates_hint);
    else if (const size_t body = certificates_body(tree).size(); body > max_certificates_body)
      add("certificate",
          fmt::format("the certificates would be sent in {} bytes, and {} are the most that the gateway takes", body,
                      max_certificates_body),
          certificates_hint);
  }

  /// The last: takes the files that were rendered.
  void files() {
    rendered();
    const Tree all = all_files(instance_, *rendered_);
    if (const size_t bytes = all.at(tree_path::document).content.size(); bytes > max_document)
      add("upstream", document_text(bytes), document_hint);
    if (const auto limit = over_limit(all, new_tree_limits))
      add("files", "the tree would be too large to be kept: " + *limit,
          fmt::format("lay fewer or smaller files over it; {} are orctl's own", all.size() - overlay_.size()));
  }

  std::string document() { return rendered_ ? std::move(rendered_->document) : ""; }

 private:
  void add(const char* field, const std::string& text, const std::string& hint) {
    const Value* value = instance_.spec.find(field);
    found_.push_back(
        fault_of(instance_, Severity::error, "too-large", value == nullptr ? Value() : *value, field, text, hint));
  }

  const Rendered& rendered() {
    if (!rendered_) rendered_ = render(instance_, overlay_, Target{}, Layout("/"));
    return *rendered_;
  }

  const Instance& instance_;
  const Tree& overlay_;
  Diagnostics& found_;
  std::optional<Rendered> rendered_;
};

}  // namespace

std::string check_size(const Instance& instance, const Tree& overlay, Diagnostics& found) {
  SizeCheck check(instance, overlay, found);
  check.folder();
  check.certificates();
  if (instance.source.text.size() > small_manifest || over_limit(overlay, small_overlay)) check.files();
  return check.document();
}

void require_keepable(const Version& version, const std::string& name) {
  if (const auto limit = over_limit(version.tree, kept_tree_limits))
    throw Error(Exit::refused, fmt::format("{}: the tree would be too large to be kept: {}", name, *limit),
                "lay fewer or smaller files over it");
  if (const size_t bytes = version.document().size(); bytes > max_document)
    throw Error(Exit::refused, fmt::format("{}: {}", name, document_text(bytes)), document_hint);
}

}  // namespace orctl
