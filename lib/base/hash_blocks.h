#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace orctl {

using Sha1State = std::array<uint32_t, 5>;
using Sha256State = std::array<uint32_t, 8>;

constexpr size_t sha_block = 64;  // bytes

/// Whether this processor has instructions for SHA-1 and SHA-256; without them the next two must not be called.
bool has_sha_instructions();

/// Adds `blocks`, a whole number of blocks, to `state` by those instructions.
void add_by_instructions(Sha1State& state, std::string_view blocks);
void add_by_instructions(Sha256State& state, std::string_view blocks);

/// The same in plain C++, on any processor.
void add_plainly(Sha1State& state, std::string_view blocks);
void add_plainly(Sha256State& state, std::string_view blocks);

}  // namespace orctl
