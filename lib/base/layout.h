#pragma once
#include <string>

#include "base/error.h"

namespace orctl {

/// Where everything is on a host; `root` moves all of it. Pure: makes paths, looks at nothing.
class Layout {
 public:
  /// `root` is absolute. Paths go into nginx.conf and units, where a blank, a quote, `$` or `%` means something,
  /// so a root that holds one is refused.
  explicit Layout(const std::string& root) : root_(root == "/" ? "" : root) {
    for (const char c : root_) {
      const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                        std::string("/._-+=@,~").find(c) != std::string::npos;
      if (!fine)
        throw Error(Exit::usage, "the root '" + root + "' has a character that paths in nginx.conf cannot have",
                    "choose a folder named with a-z, A-Z, 0-9 and . _ - + = @ , ~");
    }
  }

  bool whole_host() const { return root_.empty(); }
  std::string trees() const { return root_ + "/opt/openresty"; }
  /// `folder` is below trees(), or begins with a slash.
  std::string tree(const std::string& folder) const {
    return folder.starts_with('/') ? root_ + folder : trees() + "/" + folder;
  }
  /// Where a tree is staged: beside the live one, so that both are on one filesystem.
  std::string stage(const std::string& folder) const { return beside(folder, ".orctl-stage."); }
  /// Where the check of a staged tree works.
  std::string check_scratch(const std::string& folder) const { return stage(folder) + ".check"; }
  /// Where the live tree waits while the staged one takes its place, if the two cannot be exchanged in one step.
  std::string aside(const std::string& folder) const { return beside(folder, ".orctl-aside."); }
  std::string run(const std::string& name) const { return root_ + "/run/openresty/" + name; }
  std::string pid(const std::string& name) const { return run(name) + "/nginx.pid"; }
  std::string admin_socket(const std::string& name) const { return run(name) + "/admin.sock"; }
  std::string state(const std::string& name) const { return root_ + "/var/lib/openresty/" + name; }
  std::string logs(const std::string& name) const { return root_ + "/var/log/openresty/" + name; }
  std::string unit_name(const std::string& name) const { return "openresty-" + name + ".service"; }
  /// The unit in which a tree is checked before it goes live.
  std::string check_unit_name(const std::string& name) const { return "openresty-" + name + "-check.service"; }
  std::string unit(const std::string& name) const { return root_ + "/etc/systemd/system/" + unit_name(name); }
  /// What orctl itself keeps: store, locks, waits for a confirmation, audit log.
  std::string library() const { return root_ + "/var/lib/orctl"; }
  std::string store() const { return library() + "/store.git"; }
  std::string lock(const std::string& name) const { return library() + "/lock/" + name; }
  /// The record of a change that waits for its confirmation, and the private keys that going back needs.
  std::string confirm(const std::string& name) const { return library() + "/confirm/" + name + ".json"; }
  std::string confirm_keys(const std::string& name) const { return library() + "/confirm/" + name + ".keys"; }
  /// The unit (without ".service" or ".timer") that takes an unconfirmed change back.
  std::string confirm_unit_name(const std::string& name) const { return "openresty-" + name + "-confirm"; }
  /// The unit in which it is tried before whether orctl can run there, and the folder for what that says.
  std::string confirm_trial_name(const std::string& name) const { return confirm_unit_name(name) + "-trial.service"; }
  std::string confirm_trial(const std::string& name) const { return library() + "/confirm/" + name + ".trial"; }
  std::string confirm_unit(const std::string& name) const {
    return root_ + "/etc/systemd/system/" + confirm_unit_name(name);
  }
  /// A file of the host that a manifest names by its absolute path.
  std::string host_path(const std::string& path) const { return root_ + path; }
  std::string config() const { return root_ + "/etc/orctl/config.toml"; }
  std::string audit() const { return library() + "/audit.jsonl"; }
  /// One of the files that are full, from 1, the oldest.
  std::string full_audit(long number) const { return library() + "/audit." + std::to_string(number) + ".jsonl"; }
  std::string audit_lock() const { return library() + "/audit.lock"; }

 private:
  std::string beside(const std::string& folder, const char* prefix) const {
    const std::string live = tree(folder);
    const size_t slash = live.rfind('/');
    return live.substr(0, slash + 1) + prefix + live.substr(slash + 1);
  }

  std::string root_;
};

}  // namespace orctl
