#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/layout.h"
#include "base/tree.h"
#include "model/instance.h"

namespace orctl {

/// What the nginx of a host needs to be told; see host/target.h for how it is found out.
struct Target {
  std::string binary = "/usr/local/openresty/nginx/sbin/nginx";
  std::vector<std::string> modules;  ///< load_module paths for the http Lua module, in order
  std::vector<std::string>
      stream_modules;  ///< load_module paths for stream; used only with tcp and udp listeners or files in streams.d/
  bool stderr_option = true;           ///< knows `-e stderr` (nginx 1.19.5)
  bool http2_directive = true;         ///< knows `http2 on` (nginx 1.25.1), and warns of `listen … http2`
  bool keepalive_min_timeout = false;  ///< knows that directive (nginx 1.27.4)
  std::string user, group;  ///< that a master run by root makes its workers; empty: they run as the master does
};

/// One instance as files. Equal input gives equal bytes.
struct Rendered {
  Tree tree;             ///< nginx.conf, gateway.json, lua/, and the overlay
  std::string unit;      ///< the systemd unit
  std::string document;  ///< gateway.json: what the gateway serves from
  std::string digest;    ///< tree_digest(); nginx.conf carries it, every worker reports it
};

/// `overlay` holds the files laid over the tree (manifest field `files`), already checked; `document` is
/// render_document() of the instance, where that was made before.
Rendered render(const Instance& instance, const Tree& overlay, const Target& target, const Layout& layout,
                const std::string& document = "");

/// The gateway document for an instance; schemas/gateway.json is its contract.
std::string render_document(const Instance& instance);

/// One upstream of a document, as it stands in the text.
struct UpstreamText {
  std::string name;
  std::string text;  ///< without the blanks before it and the comma after it
};

/// The only upstream in which two documents as render_document() writes them differ, as it is in `after`; nullopt when
/// they differ elsewhere, or not at all.
std::optional<UpstreamText> changed_upstream(const std::string& before, const std::string& after);

/// SHA-256 over paths, modes and bytes of `tree`, but for what is changed without a reload (gateway.json, hot_files())
/// and for the line of nginx.conf that carries the digest itself.
std::string tree_digest(const Tree& tree);

/// The digest that nginx.conf carries, which workers report; another than tree_digest() after an edit by hand. "" when
/// none.
std::string carried_digest(const Tree& tree);

/// Makes nginx.conf carry the digest that `tree` has now, and returns it; "" when it carries none.
std::string renew_digest(Tree& tree);

/// The path by which every listener proves that it serves the tree with this digest (204); unguessable without it.
std::string proof_path(const std::string& digest);

/// The folder of a tree, from its spec: of an instance below /opt/openresty, of another object from the root on
/// (object_folder()); Layout::tree() knows both.
std::string tree_folder(const Value& spec);

}  // namespace orctl
