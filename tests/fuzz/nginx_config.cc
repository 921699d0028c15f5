#include "fuzz.h"
#include "nginx/config.h"

using namespace orctl;
using namespace orctl::fuzz;

// An nginx configuration: what is read is written so that the same is read again; what an overlay may hold is told.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = text_of(data, size);
  for (const nginx::Finding& f : nginx::check_overlay(text)) require(!f.text.empty(), "a finding has a text");
  nginx::Config config;
  try {
    config = nginx::parse(text);
  } catch (const nginx::Fault& fault) {
    require(fault.line > 0 && fault.col > 0, "a fault has a place");
    return 0;
  }
  for (const nginx::LuaChunk& chunk : nginx::lua_chunks(config)) require(chunk.line > 0, "Lua has a place");
  std::string written;
  try {
    written = nginx::write(config);
  } catch (const nginx::Fault&) {
    return 0;  // an argument with a line break or a NUL, which orctl never writes
  }
  require(nginx::parse(written) == config, "what is written is read as it was");
  return 0;
}
