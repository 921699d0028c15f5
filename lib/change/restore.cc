#include "change/restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "model/certificate_rules.h"
#include "model/certificates.h"
#include "render/render.h"
#include "store/history.h"

namespace orctl {
namespace {

using TreeItem = Tree::value_type;

/// A certificate and its key as paths of a tree, under the name that people know.
struct PairPaths {
  std::string name, certificate, key;
  std::vector<std::string> hosts;  ///< given for it
};

const std::string& content(const Tree& tree, const std::string& path) {
  static const std::string none;
  const auto file = tree.find(path);
  return file == tree.end() ? none : file->second.content;
}

bool fits(const std::string& certificate, const std::string& key) { return read_pair(certificate, key).key_of == 0; }

class Restorer {
 public:
  Restorer(const std::string& commit, const Restoring& from, const World& world,
           const std::function<void(const std::string&)>& tell)
      : from_(from), now_(world.clock.now()), tell_(tell) {
    for (const auto& [path, file] : load_to_compare(world, commit).tree)
      if (!file.fingerprint.empty()) fingerprints_[path] = file.fingerprint;
    std::vector<std::string> missing;
    version_ = load_version(world, commit, found_by_fingerprint(), &missing);
    missing_.insert(missing.begin(), missing.end());
  }

  Version run() {
    find_pairs();
    for (const PairPaths& pair : pairs_) take_given_key(pair);
    refuse_useless();
    for (const PairPaths& pair : pairs_) keep_renewed(pair);
    refuse_missing();
    if (renewed_cold_) version_.digest = renew_digest(version_.tree);
    return std::move(version_);
  }

 private:
  /// Under the names of the revision.
  Tree found_by_fingerprint() {
    std::map<std::string, const std::string*> by_print;
    const auto offer = [&](const TreeItem& item) {
      if (is_secret(item.first, item.second)) by_print.emplace(fingerprint_of(item.second), &item.second.content);
    };
    std::for_each(from_.live.begin(), from_.live.end(), offer);
    std::for_each(from_.kept.begin(), from_.kept.end(), offer);
    for (const auto& [path, file] : from_.given) by_print.emplace(fingerprint_of(file), &file.content);
    Tree out;
    for (const auto& [path, print] : fingerprints_)
      if (const auto found = by_print.find(print); found != by_print.end())
        out[path] = {*found->second, rights::secret_file};
    for (const TreeItem& given : from_.given)
      if (std::any_of(fingerprints_.begin(), fingerprints_.end(),
                      [&](const auto& wanted) { return wanted.second == fingerprint_of(given.second); }))
        used_.insert(given.first);
    return out;
  }

  /// Those of [[certificate]], and those that another file of the tree names: they are told by the live pair alone.
  void find_pairs() {
    std::set<std::string> keys;
    for (const TreeCertificate& one : tree_certificates(version_.tree)) {
      pairs_.push_back({one.name, one.certificate, one.key, one.hosts});
      keys.insert(one.key);
    }
    for (const std::string& key : missing_) {
      if (keys.contains(key) || content(from_.live, key).empty()) continue;
      for (const auto& [path, file] : from_.live)
        if (path != key && version_.tree.contains(path) && first_certificate(file.content) &&
            fits(file.content, content(from_.live, key)))
          pairs_.push_back({path, path, key, {}});
    }
  }

  /// A key that was written anew has another fingerprint, and is the same key.
  void take_given_key(const PairPaths& pair) {
    for (const auto& [path, file] : from_.given) {
      if (!fits(content(version_.tree, pair.certificate), file.content)) continue;
      used_.insert(path);
      if (missing_.erase(pair.key) != 0) version_.tree[pair.key] = {file.content, rights::secret_file};
    }
  }

  void refuse_useless() const {
    for (const auto& [path, file] : from_.given)
      if (!used_.contains(path))
        throw Error(Exit::usage,
                    fmt::format("'{}' is no key of a certificate of {} of {}, nor another secret file of it", path,
                                from_.what, from_.name),
                    "without --key it says which are needed");
  }

  void keep_renewed(const PairPaths& pair) {
    const auto own = first_certificate(content(version_.tree, pair.certificate));
    const bool lacks_key = missing_.contains(pair.key);
    const bool ended = own && from_.ended == Restoring::Ended::may_stay_renewed && !time_fault(*own, now_).empty();
    if (!own || (!lacks_key && !ended)) return;
    const auto renewed = live_pair_for(pair, *own);
    if (!renewed) return;
    const Certificate by = *first_certificate(content(from_.live, renewed->certificate));
    put(pair.certificate, renewed->certificate);
    put(pair.key, renewed->key);
    missing_.erase(pair.key);
    tell_(fmt::format("{}: certificate '{}' stays the one that is live (until {}, sha256:{}): {}", from_.name,
                      pair.name, utc_text(by.not_after), by.sha256,
                      lacks_key ? fmt::format("the private key that {} has for it is gone", from_.what)
                                : fmt::format("that of {} {}", from_.what, time_fault(*own, now_))));
  }

  /// The live pair that is valid, and for all that the revision's is for: first that of the same name.
  std::optional<PairPaths> live_pair_for(const PairPaths& pair, const Certificate& own) const {
    std::vector<PairPaths> all = {pair};
    for (const TreeCertificate& one : tree_certificates(from_.live))
      all.push_back({one.name, one.certificate, one.key, {}});
    std::stable_sort(all.begin() + 1, all.end(), [&](const PairPaths& a, const PairPaths& b) {
      return (a.name == pair.name) > (b.name == pair.name);
    });
    std::vector<std::string> hosts = pair.hosts;
    if (hosts.empty()) {
      hosts = own.names;
      hosts.insert(hosts.end(), own.addresses.begin(), own.addresses.end());
    }
    for (const PairPaths& one : all) {
      const CertificatePair live = read_pair(content(from_.live, one.certificate), content(from_.live, one.key));
      if (live.key_of != 0 || !time_fault(live.chain[0], now_).empty()) continue;
      const auto &names = live.chain[0].names, &addresses = live.chain[0].addresses;
      const bool covers = std::all_of(hosts.begin(), hosts.end(), [&](const std::string& host) {
        return std::any_of(names.begin(), names.end(),
                           [&](const std::string& name) { return certificate_names(name, host); }) ||
               std::find(addresses.begin(), addresses.end(), host) != addresses.end();
      });
      if (covers && !hosts.empty() && (one.name == pair.name || live.chain[0].key_type == own.key_type)) return one;
    }
    return std::nullopt;
  }

  /// What the live tree has at `from` under the revision's name.
  void put(const std::string& path, const std::string& from) {
    version_.tree[path] = from_.live.at(from);
    renewed_cold_ = renewed_cold_ || !hot_files(version_.tree).contains(path);
  }

  void refuse_missing() const {
    if (missing_.empty()) return;
    std::vector<std::string> all;
    for (const std::string& path : missing_) all.push_back(words_for(path));
    throw Error(Exit::refused,
                fmt::format("{} of {} needs what the store has but the fingerprint of, and this host has no more: {}",
                            from_.what, from_.name, join(all, "; ")),
                "name each with --key FILE, or put it back into the manifest's files and apply");
  }

  /// "the private key 'certs/a.key' (sha256:…) of the certificate 'a' for a.test ('certs/a.pem', sha256:…)"
  std::string words_for(const std::string& path) const {
    const auto print = fingerprints_.find(path);
    const std::string shown = print == fingerprints_.end() ? "" : " (" + print->second + ")";
    for (const PairPaths& pair : pairs_) {
      const auto own = pair.key == path ? first_certificate(content(version_.tree, pair.certificate)) : std::nullopt;
      if (own)
        return fmt::format("the private key '{}'{} of the certificate '{}' for {} ('{}', fingerprint {})", path, shown,
                           pair.name, join(pair.hosts.empty() ? own->names : pair.hosts, ", "), pair.certificate,
                           own->sha256);
    }
    return fmt::format("the file '{}'{}", path, shown);
  }

  const Restoring& from_;
  const int64_t now_;
  const std::function<void(const std::string&)>& tell_;
  Version version_;
  std::map<std::string, std::string> fingerprints_;  // of secret files, by path
  std::set<std::string> missing_, used_;
  std::vector<PairPaths> pairs_;
  bool renewed_cold_ = false;  // a file that the digest of the tree is of
};

}  // namespace

Version restore_version(const std::string& commit, const Restoring& from, const World& world,
                        const std::function<void(const std::string&)>& tell) {
  return Restorer(commit, from, world, tell).run();
}

}  // namespace orctl
