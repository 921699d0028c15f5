#include "render/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "base/hash.h"
#include "base/rights.h"
#include "base/tree_paths.h"
#include "kind/kind.h"
#include "model/certificates.h"
#include "model/listener.h"
#include "model/route_phases.h"
#include "model/upstream_health.h"
#include "render/embedded.h"
#include "render/nginx_conf.h"

namespace orctl {
namespace {

const std::string no_digest(64, '0');

/// `config` as nginx reads it: a literal `$` has become a variable that holds one.
nginx::Config as_read(nginx::Config config) {
  for (nginx::Directive& d : config) {
    for (nginx::Arg& arg : d.args) {
      for (size_t at = arg.text.find('$'); !arg.variables && at != std::string::npos; at = arg.text.find('$', at + 1))
        arg.text.replace(at, 1, "${orctl_dollar}");
      arg.variables = true;
    }
    d.block = as_read(std::move(d.block));
  }
  return config;
}

/// nginx.conf as text; what is written must read back as the tree that was meant.
std::string conf_text(const nginx::Config& config) {
  const std::string text = nginx::write(config);
  if (nginx::parse(text) != as_read(config)) throw std::logic_error("nginx.conf does not read back as it was meant");
  return "# Written by orctl. Change the manifest and run `orctl apply`; changes made here are lost.\n" + text;
}

/// Names of the overlay's Lua modules, "a.b" for lua/a/b.lua, one a line; init.lua requires them at start.
std::string overlay_modules(const Tree& overlay) {
  std::string list;
  for (const auto& [path, file] : overlay) {
    if (const std::string module = tree_path::module_of(path); !module.empty()) list += module + "\n";
  }
  return list;
}

/// What the gateway reads at its start besides its document (lua/orctl/init.lua).
/// The listeners of the upstreams that nginx balances by itself, by name: what the gateway may not say it changes.
Value fixed_upstreams(const Instance& instance) {
  std::map<std::string, Value> listeners;
  for (const Value& listener : instance.list("listener"))
    if (is_stream(listener))
      listeners.emplace(listener.at("upstream").as_string(), Value::array()).first->second.push(socket_name(listener));
  Value out = Value::object();
  for (auto& [name, sockets] : listeners) out.set(name, std::move(sockets));
  return out;
}

std::string settings(const Instance& instance, const Layout& layout) {
  Value out = Value::object();
  out.set("state", layout.state(instance.name.str()));
  const Value* admin = instance.spec.find("admin");
  if (const Value* token_file = admin == nullptr ? nullptr : admin->find("token_file")) {
    Value tcp = Value::object();
    tcp.set("token_file", layout.host_path(token_file->as_string()));
    out.set("admin", std::move(tcp));
  }
  if (const Value* given = instance.spec.find("source")) {
    Value source = *given;
    if (Value* file = source.find("password_file")) *file = layout.host_path(file->as_string());
    out.set("source", std::move(source));
  }
  if (const Value fixed = fixed_upstreams(instance); !fixed.members().empty()) out.set("fixed", fixed);
  out.set("policies", policy_list());
  if (const RoutePhases needed = route_phases(instance.spec); needed.any()) {
    Value policy = Value::object(), phases = Value::array();
    for (const Phase phase : needed.phases) phases.push(to_string(phase));
    policy.set("phases", std::move(phases));
    policy.set("limit", needed.body_limit);
    policy.set("cap", needed.body_cap);
    out.set("policy", std::move(policy));
  }
  return to_json(out, 1) + "\n";
}

}  // namespace

Rendered render(const Instance& instance, const Tree& overlay, const Target& target, const Layout& layout,
                const std::string& document) {
  Rendered out;
  for (const auto& [path, text] : embedded_lua())
    if (path.starts_with(tree_path::own_lua)) out.tree[path] = {std::string(text)};
  for (const auto& [path, file] : overlay)
    out.tree[path] = {file.content, is_secret(path, file) ? rights::secret_file : rights::public_file};
  if (const std::string list = overlay_modules(overlay); !list.empty()) out.tree[tree_path::overlay_modules] = {list};
  // where nothing speaks TLS no worker is asked for one
  if (const std::string list = certificates_file(instance.spec.at("certificate")); !list.empty() && has_https(instance))
    out.tree[tree_path::certificates] = {list};
  out.document = document.empty() ? render_document(instance) : document;
  out.tree[tree_path::document] = {out.document};
  out.tree[tree_path::settings] = {settings(instance, layout)};
  out.tree[tree_path::nginx_conf] = {conf_text(nginx_conf(instance, overlay, target, layout, no_digest))};
  out.digest = tree_digest(out.tree);
  out.tree[tree_path::nginx_conf] = {conf_text(nginx_conf(instance, overlay, target, layout, out.digest))};
  out.unit = render_unit(instance, target, layout);
  return out;
}

std::string render_document(const Instance& instance) {
  Value document = Value::object();
  document.set("format", 1);
  Value upstreams = Value::array();
  for (const Value& upstream : instance.list("upstream")) {
    Value out = Value::object();
    for (const auto& [key, value, place] : upstream.members()) {
      if (key != "server") {
        out.set(key, key == "health" ? lower_health(value) : value);
        continue;
      }
      Value servers = Value::array();
      for (const Value& server : value.items()) servers.push(server);
      out.set("servers", std::move(servers));
    }
    upstreams.push(std::move(out));
  }
  document.set("upstreams", std::move(upstreams));
  document.set("routes", instance.spec.at("route"));
  return to_json(document, 1) + "\n";
}

std::optional<UpstreamText> changed_upstream(const std::string& before, const std::string& after) {
  // One member a line, one blank for each level: no string of JSON holds a line break, so a line that looks like the
  // begin or the end of an upstream is one.
  const std::string begin = "\n  {\n   \"name\": \"", end = "\n  }";
  const size_t common = std::min(before.size(), after.size());
  size_t differs = 0;
  while (differs < common && before[differs] == after[differs]) ++differs;
  const size_t list = after.find("\n \"upstreams\": ["), start = after.rfind(begin, differs);
  if (before == after || list == after.npos || start == after.npos || start < list) return std::nullopt;
  const size_t name = start + begin.size(), quote = after.find('"', name);
  const size_t stop = after.find(end, start), old_stop = before.find(end, start);
  // the end and the name come after and before what differs, in both
  if (quote >= differs || stop == after.npos || old_stop == before.npos || stop < differs || old_stop < differs ||
      after.compare(stop, after.npos, before, old_stop, before.npos) != 0 ||
      after.find("\n \"routes\": ", list) < start)
    return std::nullopt;
  return UpstreamText{after.substr(name, quote - name), after.substr(start + 3, stop + end.size() - start - 3)};
}

std::string carried_digest(const Tree& tree) {
  const auto conf = tree.find(tree_path::nginx_conf);
  if (conf == tree.end()) return {};
  const std::string& content = conf->second.content;
  const size_t at = content.find("init_by_lua_block");
  const size_t quote = at == std::string::npos ? at : content.find(", \"", at);
  return quote == std::string::npos || quote + 3 + 64 > content.size() ? "" : content.substr(quote + 3, 64);
}

std::string tree_digest(const Tree& tree) {
  std::string all;
  const std::set<std::string> hot = hot_files(tree);
  for (const auto& [path, file] : tree) {
    if (path == tree_path::document || hot.contains(path)) continue;
    std::string content = file.content;
    if (path == tree_path::nginx_conf) {
      // the digest stands in nginx.conf itself, whole and in part: blank both
      const std::string digest = carried_digest(tree);
      for (const std::string& from : {digest, proof_path(digest)})
        for (size_t p = digest.empty() ? content.npos : content.find(from); p != content.npos;
             p = content.find(from, p + 1))
          content.replace(p, from.size(), std::string(from.size(), '0'));
    }
    all += fmt::format("{} {:o} {}\n", path, file.mode, sha256(content));
  }
  return sha256(all);
}

std::string renew_digest(Tree& tree) {
  const std::string old = carried_digest(tree), digest = tree_digest(tree);
  if (old.empty()) return {};
  std::string& text = tree[tree_path::nginx_conf].content;
  for (const auto& [from, to] : {std::pair(old, digest), {proof_path(old), proof_path(digest)}})
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  return digest;
}

std::string proof_path(const std::string& digest) { return "/.well-known/orctl/" + digest.substr(0, 32); }

std::string tree_folder(const Value& spec) {
  if (!has_process(spec)) return object_folder(spec);
  return fill_layout(spec.at("layout").as_string(), known_name(spec.at("name").as_string()));
}

}  // namespace orctl
