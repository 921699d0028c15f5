#pragma once
#include <string>
#include <vector>

#include "cli/io.h"
#include "model/value.h"

/// Tables of what running gateways say; each also adds the JSON document's items.
namespace orctl {

/// What one instance's gateway answered: the items of GET /v1/upstreams, /v1/overrides or /v1/certs.
struct GatewayList {
  std::string instance;
  Value::Array items;
  bool running = true;
};

void show_upstreams(Io& io, const std::vector<GatewayList>& all);
void show_servers(Io& io, const std::vector<GatewayList>& all);
void show_overrides(Io& io, const std::vector<GatewayList>& all);
void show_certificates(Io& io, const std::vector<GatewayList>& all);

/// "drain, weight 50%": what an override does; "-" for none.
std::string override_text(const Value& override);
/// An override in one line: "drain by alice@host, 29m left: kernel upgrade".
std::string override_line(const Value& override);
/// 95 -> "1m35s", 1800 -> "30m", 90000 -> "25h".
std::string span_text(double seconds);
/// "31s left"; "" for an override without an end.
std::string left_text(const Value& override);

}  // namespace orctl
