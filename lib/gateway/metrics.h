#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sys/world.h"

namespace orctl {

/// One line of the text format of Prometheus that carries a value.
struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

/// The samples of a text; comments are left out. Exit::target on a line that is no sample.
std::vector<Sample> parse_metrics(const std::string& text);

/// What an upstream, or one server of it, was asked: counts since they began, or between two looks.
struct Traffic {
  std::string upstream;
  std::string server;               ///< "" for the upstream as a whole
  std::string state;                ///< of a server: "up", "down", "drain", …; "" for an upstream
  double requests = 0, errors = 0;  ///< tries; errors are those that ended with a status from 500 to 599
  double retries = 0;               ///< of an upstream
  double in_flight = 0;             ///< now
  std::map<double, double>
      seconds;  ///< of an upstream: tries that took at most so many seconds, by bound; infinity is all
};

/// Upstreams, each followed by its servers, in the order of /metrics.
std::vector<Traffic> traffic(const std::vector<Sample>& samples);

/// What came between two looks; a count that is smaller than before began anew. Those of `now` only.
std::vector<Traffic> between(const std::vector<Traffic>& before, const std::vector<Traffic>& now);

/// Seconds that `share` (0 to 1) of the tries took at most, by linear interpolation within a bucket as Prometheus does
/// it; the largest finite bound when it is above that; nullopt without tries or without buckets.
std::optional<double> quantile(const Traffic& t, double share);

/// How many connections clients have to an instance, this question not counted; nullopt where its nginx does not tell.
/// Errors as of gateway_traffic().
std::optional<int64_t> gateway_connections(const World& world, const std::string& socket);

/// GET /metrics. Exit::unreachable or Exit::timeout when there is no answer, Exit::target when it is not 200.
std::vector<Traffic> gateway_traffic(const World& world, const std::string& socket);

}  // namespace orctl
