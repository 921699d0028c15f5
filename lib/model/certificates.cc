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

std::vector<std::string> hosts_of(const Value& entry) {
  std::vector<std::string> hosts;
  if (const Value* list = entry.find("hosts"); list != nullptr && list->is_array())
    for (const Value& host : list->items())
      if (host.is_string()) hosts.push_back(host.as_string());
  return hosts;
}

/// Whether a file that nothing names now can be that of a certificate later.
bool may_be_certificate(const TreeFile& file) {
  return file.content.find("-----BEGIN CERTIFICATE-----") != std::string::npos ||
         file.content.find("PRIVATE KEY-----") != std::string::npos;
}

/// nginx.conf without the lines that name the first certificate: nginx only wants one to start with.
std::string without_first(const std::string& conf) {
  std::string out;
  for (const std::string& line : split(conf, '\n'))
    if (const auto words = trim(line);
        !words.starts_with("ssl_certificate ") && !words.starts_with("ssl_certificate_key "))
      out += line + "\n";
  return out;
}

/// Whether a text has the name of a file of certs/ that ends in a pattern, a variable or another string: any may be
/// meant.
bool names_any(const std::string& text) {
  const std::string folder = tree_path::certs;
  const auto is_of_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || c == '/';
  };
  for (size_t at = text.find(folder); at != std::string::npos; at = text.find(folder, at + 1)) {
    size_t end = at + folder.size();
    while (end < text.size() && is_of_name(text[end])) ++end;
    if (end == at + folder.size() ||
        (end < text.size() && std::string_view("; \t\r\n\"'").find(text[end]) == std::string_view::npos))
      return true;
  }
  return false;
}

}  // namespace

std::string certificates_file(const Value& certificates) {
  if (certificates.items().empty()) return {};
  Value out = Value::object();
  out.set("certificates", certificates);
  return to_json(out, 1) + "\n";
}

std::vector<TreeCertificate> tree_certificates(const Tree& tree) {
  std::vector<TreeCertificate> out;
  for (const Value& entry : entries(tree))
    out.push_back({entry.at("name").as_string(), hosts_of(entry), entry.at("certificate").as_string(),
                   entry.at("key").as_string()});
  return out;
}

std::set<std::string> hot_files(const Tree& tree) {
  if (!tree.contains(tree_path::certificates)) return {};
  std::set<std::string> listed, others;
  for (const TreeCertificate& one : tree_certificates(tree)) listed.insert({one.certificate, one.key});
  for (const auto& [path, file] : tree)
    if (path.starts_with(tree_path::certs) && !listed.contains(path) && may_be_certificate(file)) others.insert(path);
  for (const auto& [path, file] : tree) {
    // ours name them, or name none, and are no reason
    if (path == tree_path::certificates || path == tree_path::document || path.starts_with(tree_path::own_lua) ||
        listed.contains(path) || others.contains(path))
      continue;
    const std::string text = path == tree_path::nginx_conf ? without_first(file.content) : file.content;
    const auto is_named = [&](const std::string& hot) { return text.find(hot) != std::string::npos; };
    std::erase_if(listed, is_named);
    std::erase_if(others, is_named);
    if (names_any(text)) others.clear();
  }
  listed.merge(others);
  listed.insert(tree_path::certificates);
  return listed;
}

std::string certificates_digest(const Tree& tree) {
  std::string all;
  for (const Value& entry : entries(tree))
    all += entry.at("name").as_string() + " " +
           sha256(join(hosts_of(entry), ",") + "\n" + content(tree, entry.at("certificate")) + "\n" +
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
