#include "model/server_path.h"

#include "fuzz.h"
#include "model/address.h"

using namespace orctl;
using namespace orctl::fuzz;

// Paths INST/UP/SERVER, weights and addresses as users write them.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(text_of(data, size));
  for (const PathDepth least : {PathDepth::instance, PathDepth::upstream, PathDepth::server})
    refusable([&] {
      const ServerPath path = parse_server_path(text, least);
      require(!path.instance.empty(), "a path has an instance");
      const std::string whole = path.instance + (path.upstream.empty() ? "" : "/" + path.upstream) +
                                (path.server.empty() ? "" : "/" + path.server);
      require(parse_server_path(whole, least) == path, "a path that was read reads the same");
    });
  refusable([&] {
    const Value weight = parse_weight(text);
    require(weight.is_int() || weight.is_string(), "a weight is a number or a share");
  });
  const std::string host = canonical_host(text), address = canonical_address(text);
  require(canonical_host(host) == host && canonical_address(address) == address, "one spelling is its own");
  require(address_fault(text) == "" ? address_fault(host) == "" : host == text, "another spelling is as good");
  require(server_address_fault(text) == "" ? server_address_fault(address) == "" : true, "so is another address");
  if (server_host_fault(text).empty())
    require(address_fault(text).empty() && !is_wildcard(text), "a host is an address");
  return 0;
}
