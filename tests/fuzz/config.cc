#include "model/config.h"

#include "fuzz.h"
#include "model/address.h"

using namespace orctl;
using namespace orctl::fuzz;

// The configuration of a host, and on the first line an address or a network that its policy judges.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest = text_of(data, size);
  const std::string word = take_line(rest);
  const Source source{"/etc/orctl/config.toml", std::string(rest)};
  std::string fault, hint;
  for (const Network& n : parse_networks(word, fault, hint))
    require(n.bits <= 128 && n.holds(n.base), "a network holds its base");
  for (const Reach reach : {Reach::host, Reach::user}) {
    const Config config = read_config({{source, reach}}, Policy::Risk::low, source.file);
    require_told(config.found);
    if (has_errors(config.found)) continue;
    require(reach == Reach::host || config.policy.rules.empty(), "a user's file has no policy");
    require(!config.all().empty(), "every key has a value or a default");
    const auto refused = refuse_address(word, config.policy);
    require(!refused || !refused->text.empty(), "a refusal says why");
    require(refused || server_address_fault(word).empty(), "what is no address is refused");
    if (config.policy.rules.empty())
      require(refuse_host("169.254.169.254", config.policy).has_value(), "metadata is refused");
  }
  return 0;
}
