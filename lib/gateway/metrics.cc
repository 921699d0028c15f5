#include "gateway/metrics.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <memory>

#include "base/error.h"
#include "base/text.h"

namespace orctl {
namespace {

constexpr Millis scrape_limit(20000);  // the gateway writes a large answer in slices
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Reads one line from its front on; every step throws when the line is no sample.
class Line {
 public:
  explicit Line(std::string_view text) : text_(text), rest_(text) {}

  Sample sample() {
    Sample out;
    out.name = name();
    if (take('{')) {
      while (!take('}')) {
        std::string label = name();
        if (!take('=')) fail();
        out.labels.emplace(std::move(label), value());
        if (!take(',') && (rest_.empty() || rest_.front() != '}')) fail();
      }
    }
    if (!take(' ')) fail();
    out.value = number();
    return out;
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(Exit::target, fmt::format("GET /metrics answered a line that is no sample: {}", text_.substr(0, 200)),
                "is this socket an orctl gateway's?");
  }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string name() {
    size_t n = 0;
    while (n < rest_.size() && (std::isalnum(static_cast<unsigned char>(rest_[n])) != 0 || rest_[n] == '_')) ++n;
    if (n == 0) fail();
    std::string out(rest_.substr(0, n));
    rest_.remove_prefix(n);
    return out;
  }
  std::string value() {
    if (!take('"')) fail();
    std::string out;
    while (!take('"')) {
      const bool escaped = take('\\');
      if (rest_.empty()) fail();
      out += escaped && rest_.front() == 'n' ? '\n' : rest_.front();
      rest_.remove_prefix(1);
    }
    return out;
  }
  double number() const {
    const std::string word(rest_);
    if (word == "+Inf") return infinity;
    char* end = nullptr;
    const double found = std::strtod(word.c_str(), &end);
    if (word.empty() || end != word.c_str() + word.size()) fail();
    return found;
  }

  std::string_view text_, rest_;
};

std::string label(const Sample& s, const char* name) {
  const auto found = s.labels.find(name);
  return found == s.labels.end() ? "" : found->second;
}

double grown(double before, double now) { return now < before ? now : now - before; }

/// Collects samples by upstream and server, in the order in which each comes first.
class Collector {
 public:
  void add(const Sample& s) {
    constexpr std::string_view prefix = "openresty_upstream_";
    if (s.name.rfind(prefix, 0) != 0) return;
    const std::string what = s.name.substr(prefix.size());
    const std::string name = label(s, "upstream"), peer = label(s, "peer");
    if (what == "retries_total") {
      row(name, "").retries = s.value;
    } else if (what == "response_duration_seconds_bucket") {
      const std::string bound = label(s, "le");
      row(name, "").seconds[bound == "+Inf" ? infinity : std::strtod(bound.c_str(), nullptr)] = s.value;
    } else if (what == "peer_state") {
      row(name, peer).state = label(s, "state");
    } else {
      for (Traffic* t : {&row(name, ""), &row(name, peer)}) count(*t, what, s);
    }
  }

  std::vector<Traffic> rows() && {
    std::vector<Traffic> out;
    for (const auto& upstream : rows_)
      for (const auto& t : upstream) out.push_back(std::move(*t));
    return out;
  }

 private:
  static void count(Traffic& t, const std::string& what, const Sample& s) {
    if (what == "peer_requests_in_flight") t.in_flight += s.value;
    if (what != "requests_total") return;
    t.requests += s.value;
    if (label(s, "code").starts_with('5')) t.errors += s.value;
  }

  Traffic& row(const std::string& upstream, const std::string& server) {
    const auto [place, is_new] = upstreams_.try_emplace(upstream, rows_.size());
    if (is_new) {
      rows_.emplace_back();
      add_row(upstream, "", place->second);
    }
    const auto found = known_.find({upstream, server});
    return found == known_.end() ? add_row(upstream, server, place->second) : *found->second;
  }

  Traffic& add_row(const std::string& upstream, const std::string& server, size_t place) {
    auto& list = rows_[place];
    list.push_back(std::make_unique<Traffic>());
    list.back()->upstream = upstream;
    list.back()->server = server;
    known_[{upstream, server}] = list.back().get();
    return *list.back();
  }

  std::map<std::string, size_t> upstreams_;                  // place in rows_
  std::vector<std::vector<std::unique_ptr<Traffic>>> rows_;  // the upstream itself comes first
  std::map<std::pair<std::string, std::string>, Traffic*> known_;
};

}  // namespace

std::vector<Sample> parse_metrics(const std::string& text) {
  std::vector<Sample> out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line(text.data() + at, end - at);
    at = end + 1;
    if (!line.empty() && line.front() != '#') out.push_back(Line(line).sample());
  }
  return out;
}

std::vector<Traffic> traffic(const std::vector<Sample>& samples) {
  Collector all;
  for (const Sample& s : samples) all.add(s);
  return std::move(all).rows();
}

std::vector<Traffic> between(const std::vector<Traffic>& before, const std::vector<Traffic>& now) {
  std::map<std::pair<std::string, std::string>, const Traffic*> known;
  for (const Traffic& t : before) known[{t.upstream, t.server}] = &t;
  std::vector<Traffic> out = now;
  for (Traffic& t : out) {
    const auto found = known.find({t.upstream, t.server});
    if (found == known.end()) continue;
    const Traffic& old = *found->second;
    if (t.requests < old.requests) continue;
    t.requests -= old.requests;
    t.errors = grown(old.errors, t.errors);
    t.retries = grown(old.retries, t.retries);
    for (auto& [bound, count] : t.seconds)
      if (const auto was = old.seconds.find(bound); was != old.seconds.end()) count = grown(was->second, count);
  }
  return out;
}

std::optional<double> quantile(const Traffic& t, double share) {
  if (t.seconds.empty() || t.seconds.rbegin()->second <= 0) return std::nullopt;
  const double wanted = share * t.seconds.rbegin()->second;
  double below = 0, before = 0;
  for (const auto& [bound, count] : t.seconds) {
    if (count >= wanted) {
      if (std::isinf(bound)) return below;
      return count > before ? below + (bound - below) * (wanted - before) / (count - before) : bound;
    }
    below = bound;
    before = count;
  }
  return below;
}

namespace {

std::vector<Sample> ask(const World& world, const std::string& socket) {
  const Http::Response response = world.http.get({socket, ""}, "/metrics", scrape_limit);
  if (response.status != 200)
    throw Error(Exit::target, fmt::format("GET /metrics was answered {}", response.status),
                "the instance may run an older revision: apply it again");
  return parse_metrics(response.body);
}

}  // namespace

std::optional<int64_t> gateway_connections(const World& world, const std::string& socket) {
  for (const Sample& one : ask(world, socket))
    if (one.name == "openresty_connections" && label(one, "state") == "active")
      return std::max<int64_t>(0, static_cast<int64_t>(one.value) - 1);
  return std::nullopt;
}

std::vector<Traffic> gateway_traffic(const World& world, const std::string& socket) {
  return traffic(ask(world, socket));
}

}  // namespace orctl
