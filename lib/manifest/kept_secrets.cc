#include "manifest/kept_secrets.h"

#include <set>

#include "base/tree_paths.h"
#include "model/secrets.h"
#include "nginx/config.h"

namespace orctl {
namespace {

/// Whether the file that a directive of this name takes is a secret by its nature.
bool takes_secret(const std::string& directive) {
  return directive.ends_with("_key") || directive.ends_with("_password_file") || directive == "auth_basic_user_file" ||
         directive == "auth_jwt_key_file" || directive == "auth_jwt_key_request";
}

void collect(const nginx::Config& config, std::set<std::string>& paths) {
  for (const nginx::Directive& d : config) {
    if (takes_secret(d.name))
      for (const nginx::Arg& arg : d.args) paths.insert(arg.text);
    collect(d.block, paths);
  }
}

/// Paths in the tree that the manifest, or a file laid over the tree, names as a key or passwords.
std::set<std::string> named_as_secret(const Instance& instance, const Tree& overlay) {
  std::set<std::string> paths;
  for (const Value& certificate : instance.list("certificate")) paths.insert(certificate.at("key").as_string());
  for (const auto& [path, file] : overlay) try {
      if (path.ends_with(".conf")) collect(nginx::parse(file.content), paths);
    } catch (const nginx::Fault&) {
      continue;  // told by the check of the overlay
    }
  return paths;
}

std::string remedy(const std::string& path, const std::string& content) {
  if (content.find("-----BEGIN ") == std::string::npos)
    return "where it is public, write it as PEM; where it is a secret, all is well, and a rollback past this version "
           "needs the file again";
  return "keep its blocks only: sed -n '/-----BEGIN/,/-----END/p' " + path +
         "; a rollback past a version with the file as it is needs it again";
}

}  // namespace

void warn_kept_as_secret(const Instance& instance, const Tree& overlay, const std::string& folder, Diagnostics& found) {
  std::set<std::string> secret;
  bool read = false;
  for (const auto& [path, file] : overlay) {
    if (!path.starts_with(tree_path::certs)) continue;
    const auto doubt = doubt_of_pem(file.content);
    if (!doubt || !find_secrets(file.content).empty()) continue;
    if (!read) secret = named_as_secret(instance, overlay), read = true;
    if (secret.contains(path)) continue;
    // the line itself is not shown: it may hold what nobody has found to be a secret
    found.push_back({Severity::warning,
                     "kept-as-secret",
                     folder + "/" + path,
                     {doubt->line, 1},
                     "",
                     "this line is not proved to be public: " + doubt->why +
                         "; the version store will keep the file as its fingerprint only",
                     remedy(folder + "/" + path, file.content),
                     ""});
  }
}

}  // namespace orctl
