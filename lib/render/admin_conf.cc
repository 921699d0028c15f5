#include "render/admin_conf.h"

#include <algorithm>
#include <set>

#include "render/directives.h"

namespace orctl {
namespace {

using nginx::Config;

struct Undo {
  std::vector<std::string> of;  ///< directives of an http block that a server inherits
  std::string name, value;      ///< what takes them back
};

const std::vector<Undo>& undos() {
  static const std::vector<Undo> all = {
      {{"satisfy"}, "satisfy", "all"},
      {{"allow", "deny"}, "allow", "all"},
      {{"auth_basic"}, "auth_basic", "off"},
      {{"auth_request"}, "auth_request", "off"},
      {{"limit_req"}, "limit_req_dry_run", "on"},
      {{"limit_conn"}, "limit_conn_dry_run", "on"},
      {{"limit_rate"}, "limit_rate", "0"},
      {{"mirror"}, "mirror", "off"},
      {{"ssi"}, "ssi", "off"},
      {{"gzip"}, "gzip", "off"},
      {{"charset"}, "charset", "off"},
      {{"chunked_transfer_encoding"}, "chunked_transfer_encoding", "on"},
      // what is filtered in answers is told by type, and text/html besides
      {{"sub_filter", "sub_filter_types"}, "sub_filter_types", "application/x-none"},
      {{"add_before_body", "add_after_body", "addition_types"}, "addition_types", "application/x-none"},
  };
  return all;
}

void collect(const Config& config, std::set<std::string>& names) {
  for (const nginx::Directive& d : config) {
    names.insert(d.name);
    collect(d.block, names);
  }
}

}  // namespace

std::set<std::string> directives_of_snippets(const Tree& overlay) {
  std::set<std::string> names;
  for (auto file = overlay.lower_bound("http.d/"); file != overlay.end() && file->first.starts_with("http.d/"); ++file)
    try {
      collect(nginx::parse(file->second.content), names);
    } catch (const nginx::Fault&) {
      continue;  // the check of the overlay tells it, with its place
    }
  return names;
}

Config undo_of_snippets(const Tree& overlay) {
  const std::set<std::string> names = directives_of_snippets(overlay);
  Config out;
  for (const Undo& undo : undos())
    if (std::any_of(undo.of.begin(), undo.of.end(), [&](const std::string& one) { return names.contains(one); }))
      out.push_back(directive(undo.name, {text(undo.value)}));
  return out;
}

}  // namespace orctl
