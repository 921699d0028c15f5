#include <sstream>

#include "answer/certificates.h"
#include "answer/examined.h"
#include "answer/health.h"
#include "answer/overrides.h"
#include "answer/status.h"
#include "answer/upstreams.h"
#include "change/promote.h"
#include "cli/show_answer.h"
#include "fuzz.h"
#include "gateway/gateway.h"
#include "gateway/overrides.h"
#include "gateway/summary.h"

using namespace orctl;
using namespace orctl::fuzz;

namespace {

/// Shows items as `get` does, as text and as JSON.
void require_shown(const Noun& noun, const Value::Array& items) {
  for (const char* format : {"wide", "json"}) {
    std::ostringstream out, err;
    Io io(out, err, format, Colour::never);
    show_items(io, noun, items);
    io.finish(Exit::ok);
    require(is_harmless(out.str()) && is_harmless(err.str()), "an answer is harmless on a terminal");
  }
}

void try_override(const Value& item, const Value& server) {
  OverrideChange change;
  change.state = "drain";
  change.weight = Value(5);
  change.lasts = "30m";
  is_made(change, server, item);
  override_line(item);
  const auto upstreams = [](const char* servers, const Value& one) {
    return Value::Array{Value(Value::Object{{"name", "b"}, {"source", Value()}, {servers, Value(Value::Array{one})}})};
  };
  Promotion promotion{"a", {{{"a", "b", "10.0.0.1:80"}, item}}, {}, upstreams("servers", server)};
  const Value address(Value::Object{{"address", "10.0.0.1:80"}});
  refusable([&] {
    promoted_edits(promotion, Value(Value::Object{{"upstream", Value(upstreams("server", address))}}));
  });
}

}  // namespace

// The body of an answer of a running gateway, which may be anybody: status, upstreams, overrides, health,
// certificates, a refusal.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Http::Response response;
  response.status = 200;
  response.body = std::string(text_of(data, size));
  require(!gateway_problem(response, "GET /").hint().empty(), "a problem has a hint");
  refusable([&] {
    const GatewayStatus status = gateway_status_of(gateway_answer(response, "GET /v1/status"));
    require(!status.settled() || !status.workers.empty(), "a settled gateway has workers");
    require(status.common_digest() == "" || !status.workers.empty(), "a common digest is somebody's");
  });
  const std::string name = "tst_law_001_8080";
  refusable([&] {
    Examined seen;
    seen.now.name = name;
    seen.summary = gateway_summary_of(gateway_answer(response, "GET /v1/summary"));
    seen.findings = findings_of(seen);
    for (const Finding& one : seen.findings)
      require((one.text + one.mend).find('\n') == std::string::npos, "a finding is one line");
    Value item(Value::Object{{"name", name}, {"status", "running"}});
    set_examined(item, seen);
    require_shown(status_noun(), {item});
  });
  const auto list = [&](ListOf what) { return gateway_items(gateway_answer(response, "GET /"), what); };
  const auto each = [&](ListOf what, Value (*item)(const std::string&, const Value&)) {
    Value::Array items;
    for (const Value& told : list(what)) items.push_back(item(name, told));
    return items;
  };
  refusable([&] {
    const Value::Array upstreams = upstream_items(name, list(ListOf::upstreams)), servers = server_items(upstreams);
    require_shown(upstreams_noun(), upstreams);
    require_shown(servers_noun(), servers);
    for (const Value& server : servers) {
      require(server.at("instance") == Value(name), "a server is the instance's that was asked");
      const Value* override = server.find("override");
      try_override(override == nullptr ? Value() : *override, server);
    }
  });
  refusable([&] {
    const Value::Array overrides = each(ListOf::overrides, override_item);
    require_shown(overrides_noun(), overrides);
    for (const Value& item : overrides) try_override(item, item);
  });
  refusable([&] { require_shown(health_noun(), each(ListOf::health, health_item)); });
  refusable([&] { require_shown(certificates_noun(), certificate_items(name, list(ListOf::certificates))); });
  return 0;
}
