#include <sstream>

#include "change/promote.h"
#include "cli/show_gateway.h"
#include "fuzz.h"
#include "gateway/gateway.h"
#include "gateway/overrides.h"

using namespace orctl;
using namespace orctl::fuzz;

namespace {

/// Shows lists as `get` does, as text and as JSON.
template <class Show>
void require_shown(Show show) {
  for (const char* format : {"wide", "json"}) {
    std::ostringstream out, err;
    Io io(out, err, format, Colour::never);
    show(io);
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
  refusable([&] { edit_of({{"a", "b", "10.0.0.1:80"}, item}, server); });
}

}  // namespace

// The body of an answer of a running gateway, which may be anybody: status, upstreams, overrides, certificates, a
// refusal.
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
  const auto list = [&](ListOf what) -> GatewayList {
    return {"tst_law_001_8080", gateway_items(gateway_answer(response, "GET /"), what), true};
  };
  refusable([&] {
    const GatewayList upstreams = list(ListOf::upstreams);
    require_shown([&](Io& io) { show_upstreams(io, {upstreams}); });
    require_shown([&](Io& io) { show_servers(io, {upstreams}); });
    for (const Value& upstream : upstreams.items)
      for (const Value& server : upstream.at("servers").items()) {
        const Value* override = server.find("override");
        try_override(override == nullptr ? Value() : *override, server);
      }
  });
  refusable([&] {
    const GatewayList overrides = list(ListOf::overrides);
    require_shown([&](Io& io) { show_overrides(io, {overrides}); });
    for (const Value& item : overrides.items) try_override(item, item);
  });
  refusable([&] {
    const GatewayList certificates = list(ListOf::certificates);
    require_shown([&](Io& io) { show_certificates(io, {certificates}); });
  });
  return 0;
}
