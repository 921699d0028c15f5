#include "model/certificates.h"

#include "base/hash.h"
#include "base/text.h"
#include "base/tree_paths.h"
#include "model/read.h"

namespace orctl {
namespace {

/// The entries of certs.json; none when the file is missing, or is not what certificates_file() wrote.
Value::Array entries(const Tree& tree) {
  const auto file = tree.find(tree_path::certificates);
  if (file == tree.end()) return {};
  Diagnostics found;
  const auto document = read_json({tree_path::certificates, file->second.content}, found);
  const Value* list = document ? document->find("certificates") : nullptr;
  if (list == nullptr || !list->is_array()) return {};
  Value::Array out;
  for (const Value& one : list->items()) {
    bool whole = true;
    for (const char* member : {"name", "certificate", "key"}) {
      const Value* v = one.find(member);
      whole = whole && v != nullptr && v->is_string();
    }
    if (whole) out.push_back(one);
  }
  return out;
}

std::string content(const Tree& tree, const Value& path) {
  const auto file = tree.find(path.as_string());
  return file == tree.end() ? "" : file->second.content;
}

std::string hosts_of(const Value& entry) {
  std::vector<std::string> hosts;
  if (const Value* list = entry.find("hosts"); list != nullptr && list->is_array())
    for (const Value& host : list->items())
      if (host.is_string()) hosts.push_back(host.as_string());
  return join(hosts, ",");
}

}  // namespace

std::string certificates_file(const Value& certificates) {
  if (certificates.items().empty()) return {};
  Value out = Value::object();
  out.set("certificates", certificates);
  return to_json(out, 1) + "\n";
}

std::set<std::string> hot_files(const Tree& tree) {
  std::set<std::string> out;
  for (const Value& entry : entries(tree))
    for (const char* member : {"certificate", "key"}) out.insert(entry.at(member).as_string());
  for (const auto& [path, file] : tree) {
    // ours name them, and are no reason
    if (path == tree_path::certificates || path == tree_path::nginx_conf || path.starts_with(tree_path::own_lua) ||
        out.contains(path))
      continue;
    std::erase_if(out, [&file = file](const std::string& hot) { return file.content.find(hot) != std::string::npos; });
  }
  if (tree.contains(tree_path::certificates)) out.insert(tree_path::certificates);
  return out;
}

std::string certificates_digest(const Tree& tree) {
  std::string all;
  for (const Value& entry : entries(tree))
    all += entry.at("name").as_string() + " " +
           sha256(hosts_of(entry) + "\n" + content(tree, entry.at("certificate")) + "\n" +
                  content(tree, entry.at("key"))) +
           "\n";
  return all.empty() ? "" : sha256(all);
}

std::string certificates_body(const Tree& tree) {
  Value items = Value::array();
  for (const Value& entry : entries(tree)) {
    Value item = Value::object();
    item.set("name", entry.at("name"));
    if (const Value* hosts = entry.find("hosts")) item.set("hosts", *hosts);
    item.set("certificate", content(tree, entry.at("certificate")));
    item.set("key", content(tree, entry.at("key")));
    items.push(std::move(item));
  }
  Value out = Value::object();
  out.set("items", std::move(items));
  return to_json(out);
}

}  // namespace orctl
