#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "change/promote.h"
#include "model/address.h"
#include "model/server_path.h"

namespace orctl {
namespace {

using Kind = ServerEdit::Kind;

constexpr int64_t percent = 100;  ///< shares are counted in hundredths of a weight

/// One server as the promoted manifest is to have it.
struct Share {
  std::string address;
  int64_t hundredths = 0;  ///< of its weight
  int64_t stated = 0;      ///< the manifest's weight; 0: it has no such server
  bool backup = false;
  Value added;  ///< what else is said of a new one
};

bool is_true(const Value& object, const char* key) {
  const Value* v = object.find(key);
  return v != nullptr && v->is_bool() && v->as_bool();
}

int64_t weight_of(const Value& server) {
  const Value* weight = server.find("weight");
  return weight != nullptr && weight->is_int() ? weight->as_int() : 1;
}

bool is_at(const Value& server, const std::string& address) {
  return canonical_address(server.at("address").as_string()) == canonical_address(address);
}

const Value* find_at(const Value::Array& servers, const std::string& address) {
  const auto found = std::find_if(servers.begin(), servers.end(), [&](const Value& s) { return is_at(s, address); });
  return found == servers.end() ? nullptr : &*found;
}

const Value* find_named(const Value::Array& upstreams, const std::string& name) {
  const auto found =
      std::find_if(upstreams.begin(), upstreams.end(), [&](const Value& u) { return u.at("name") == Value(name); });
  return found == upstreams.end() ? nullptr : &*found;
}

/// What an override makes of the weight `own`, in hundredths.
int64_t weighed(const Override& override, int64_t own) {
  const Value* weight = override.item.find("weight");
  if (weight == nullptr || is_superseded(override)) return own * percent;
  const int64_t wanted = weight->is_string() ? own * std::stoll(weight->as_string()) : weight->as_int() * percent;
  if (wanted >= 1) return wanted;
  throw Error(
      Exit::refused,
      fmt::format("the override of {} takes every request from it, which no manifest says", override.server.str()),
      fmt::format("take the server out (orctl remove server {0} …), or: orctl overrides discard {0}",
                  override.server.str()));
}

void refuse_state(const Override& override) {
  const Value* state = override.item.find("state");
  if (state == nullptr) return;
  throw Error(
      Exit::refused,
      fmt::format("{} is in state {}, and a manifest has no such state", override.server.str(), state->as_string()),
      fmt::format("take the server out (orctl remove server {0} …), or end it: orctl ready {0}",
                  override.server.str()));
}

/// Whole weights in the proportions of `shares`: the same where all are whole, else the smallest multiple of them;
/// empty when the largest weight of a manifest is too small for that.
std::vector<int64_t> whole_weights(const std::vector<Share>& shares) {
  int64_t divisor = 0, most = 0;
  for (const Share& one : shares) {
    divisor = std::gcd(divisor, one.hundredths);
    most = std::max(most, one.hundredths);
  }
  const int64_t whole = std::gcd(divisor, percent);  // hundredths in a step that keeps whole multiples whole
  const int64_t step = most / whole <= max_weight ? whole : divisor;
  if (step == 0 || most / step > max_weight) return {};
  std::vector<int64_t> out;
  for (const Share& one : shares) out.push_back(one.hundredths / step);
  return out;
}

Error no_weights(const std::string& upstream, const std::vector<Share>& shares) {
  std::vector<std::string> all;
  for (const Share& one : shares)
    if (all.size() < 8)
      all.push_back(fmt::format("{} at {:g}", one.address, static_cast<double>(one.hundredths) / 100));
  return Error(Exit::refused,
               fmt::format("no whole weights up to {} keep the shares of '{}': {}", max_weight, upstream,
                           join(all, ", ") + (all.size() < shares.size() ? ", …" : "")),
               "give it a whole weight first, which a manifest can say: orctl weight INST/UP/SERVER N --reason …");
}

/// The edits of one upstream.
class UpstreamEdits {
 public:
  UpstreamEdits(const Promotion& promotion, const std::string& name) : promotion_(promotion), name_(name) {
    if (const Value* told = find_named(promotion.upstreams, name)) told_ = &told->at("servers").items();
  }

  void add_to(PromotedEdits& out, const Value& spec) {
    const Value* upstream = find_named(spec.at("upstream").items(), name_);
    static const Value::Array none;
    const Value::Array& servers = upstream == nullptr ? none : upstream->at("server").items();
    for (const Override& one : promotion_.overrides)
      if (one.server.upstream == name_) take_promoted(one, find_at(servers, one.server.address));
    for (const Value& server : servers) take_stated(server);
    for (const bool backup : {false, true}) weigh(backup, out.remarks);
    std::move(edits_.begin(), edits_.end(), std::back_inserter(out.edits));
  }

 private:
  const Override* promoted(const Value& server) const {
    const auto found = std::find_if(promotion_.overrides.begin(), promotion_.overrides.end(), [&](const Override& o) {
      return o.server.upstream == name_ && is_at(server, o.server.address);
    });
    return found == promotion_.overrides.end() ? nullptr : &*found;
  }

  /// An override that is no weight of a server of the manifest.
  void take_promoted(const Override& one, const Value* stated) {
    refuse_state(one);
    const std::string& address = one.server.address;
    if (is_true(one.item, "removed")) {
      edits_.push_back({Kind::remove, name_, address, Value::object()});
    } else if (stated == nullptr && is_true(one.item, "added")) {
      const Value* server = told_ == nullptr ? nullptr : find_at(*told_, address);
      Share share{address, weighed(one, server == nullptr ? 1 : weight_of(*server)), 0, false, Value::object()};
      if ((share.backup = server != nullptr && is_true(*server, "backup"))) share.added.set("backup", true);
      if (const Value* most = server == nullptr ? nullptr : server->find("max_conns");
          most != nullptr && most->is_int())
        share.added.set("max_conns", *most);
      shares_.push_back(std::move(share));
    } else if (stated == nullptr) {  // edit_document() says that it is not there
      edits_.push_back({Kind::set_weight, name_, address, Value(Value::Object{{"weight", 1}})});
    }
  }

  void take_stated(const Value& server) {
    const Override* one = promoted(server);
    if (one != nullptr && is_true(one->item, "removed")) return;
    const std::string address = server.at("address").as_string();
    const int64_t own = weight_of(server);
    if (const Value* told = told_ == nullptr ? nullptr : find_at(*told_, address);
        told != nullptr && told->find("weight") != nullptr && weight_of(*told) != own)
      throw Error(Exit::conflict,
                  fmt::format("{}/{}/{}: the gateway serves a document that gives it weight {}, and the manifest {}",
                              promotion_.instance, name_, address, weight_of(*told), own),
                  "bring both together first: orctl diff, orctl apply");
    shares_.push_back(
        {address, one == nullptr ? own * percent : weighed(*one, own), own, is_true(server, "backup"), Value()});
  }

  /// Backups get requests only when none of the others can: theirs are shares of their own.
  void weigh(bool backup, std::vector<std::string>& remarks) {
    std::vector<Share> group;
    std::copy_if(shares_.begin(), shares_.end(), std::back_inserter(group),
                 [&](const Share& s) { return s.backup == backup; });
    if (group.empty()) return;
    const std::vector<int64_t> weights = whole_weights(group);
    if (weights.empty()) throw no_weights(promotion_.instance + "/" + name_, group);
    const bool scaled = weights[0] * percent != group[0].hundredths;
    if (scaled) {
      refuse_absolute();
      remarks.push_back(
          fmt::format("{}/{}: a manifest has whole weights only, so all of them are scaled; every share "
                      "stays what it is",
                      promotion_.instance, name_));
    }
    for (size_t i = 0; i < group.size(); ++i) edit(group[i], weights[i]);
  }

  /// What stays as a number would be another share among scaled weights.
  void refuse_absolute() const {
    for (const Override& one : promotion_.standing) {
      const Value* weight = one.item.find("weight");
      if (one.server.upstream != name_ || !(is_true(one.item, "added") || (weight != nullptr && weight->is_int())))
        continue;
      throw Error(
          Exit::refused,
          fmt::format("the weights of {}/{} have to be scaled, and the override of {} would then be another share",
                      promotion_.instance, name_, one.server.address),
          fmt::format("promote them together: orctl overrides promote {}/{}", promotion_.instance, name_));
    }
  }

  void edit(const Share& share, int64_t weight) {
    Value server = Value::object();
    if (share.stated == 0) server.set("address", share.address);
    if (share.stated != weight) server.set("weight", weight);
    if (share.stated == 0)
      for (const auto& m : share.added.members()) server.set(m.key, m.value);
    if (share.stated != weight)
      edits_.push_back({share.stated == 0 ? Kind::add : Kind::set_weight, name_, share.address, std::move(server)});
  }

  const Promotion& promotion_;
  const std::string& name_;
  const Value::Array* told_ = nullptr;
  std::vector<Share> shares_;
  std::vector<ServerEdit> edits_;
};

}  // namespace

PromotedEdits promoted_edits(const Promotion& promotion, const Value& spec) {
  PromotedEdits out;
  std::set<std::string> names;
  for (const Override& one : promotion.overrides) names.insert(one.server.upstream);
  for (const std::string& name : names) UpstreamEdits(promotion, name).add_to(out, spec);
  // what is added comes before what is removed, so that no upstream is empty in between
  std::stable_sort(out.edits.begin(), out.edits.end(),
                   [](const ServerEdit& a, const ServerEdit& b) { return a.kind < b.kind; });
  return out;
}

}  // namespace orctl
