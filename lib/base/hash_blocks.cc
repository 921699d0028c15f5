#include "base/hash_blocks.h"

#include <bit>
#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace orctl {
namespace {

// FIPS 180-4, section 4.2.2.
alignas(16) constexpr std::array<uint32_t, 64> rounds = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

uint32_t byte_at(std::string_view bytes, size_t at) { return static_cast<unsigned char>(bytes[at]); }

void add_block(Sha256State& state, std::string_view block) {
  std::array<uint32_t, 64> w{};
  for (size_t i = 0; i < 16; ++i) {
    w[i] = byte_at(block, 4 * i) << 24 | byte_at(block, 4 * i + 1) << 16 | byte_at(block, 4 * i + 2) << 8 |
           byte_at(block, 4 * i + 3);
  }
  for (size_t i = 16; i < 64; ++i) {
    const uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
    const uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (size_t i = 0; i < 64; ++i) {
    const uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + rounds[i] + w[i];
    const uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const std::array<uint32_t, 8> sum = {a, b, c, d, e, f, g, h};
  for (size_t i = 0; i < 8; ++i) state[i] += sum[i];
}

void add_block(Sha1State& state, std::string_view block) {
  std::array<uint32_t, 80> w{};
  for (size_t i = 0; i < 16; ++i) {
    w[i] = byte_at(block, 4 * i) << 24 | byte_at(block, 4 * i + 1) << 16 | byte_at(block, 4 * i + 2) << 8 |
           byte_at(block, 4 * i + 3);
  }
  for (size_t i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];  // clang 14 captures no bindings
  const auto rounds_of = [&](size_t from, uint32_t constant, auto choose) {
    for (size_t i = from; i < from + 20; ++i) {
      const uint32_t next = std::rotl(a, 5) + choose(b, c, d) + e + constant + w[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
  };
  const auto parity = [](uint32_t x, uint32_t y, uint32_t z) { return x ^ y ^ z; };
  rounds_of(0, 0x5a827999, [](uint32_t x, uint32_t y, uint32_t z) { return (x & y) ^ (~x & z); });
  rounds_of(20, 0x6ed9eba1, parity);
  rounds_of(40, 0x8f1bbcdc, [](uint32_t x, uint32_t y, uint32_t z) { return (x & y) ^ (x & z) ^ (y & z); });
  rounds_of(60, 0xca62c1d6, parity);
  const Sha1State sum = {a, b, c, d, e};
  for (size_t i = 0; i < sum.size(); ++i) state[i] += sum[i];
}

template <class State>
void add_all(State& state, std::string_view blocks) {
  for (; blocks.size() >= sha_block; blocks.remove_prefix(sha_block)) add_block(state, blocks.substr(0, sha_block));
}

}  // namespace

void add_plainly(Sha1State& state, std::string_view blocks) { add_all(state, blocks); }
void add_plainly(Sha256State& state, std::string_view blocks) { add_all(state, blocks); }

#ifdef __x86_64__

// Intel's "SHA Extensions" (2013): four rounds, or the words for them, at a time.
#define ORCTL_SHA __attribute__((target("sha,sse4.1")))

namespace {

/// The sixteen words in hand, four in each.
struct Words {
  __m128i at[4];
};

ORCTL_SHA inline __m128i load(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
ORCTL_SHA inline void store(void* to, __m128i words) { _mm_storeu_si128(static_cast<__m128i*>(to), words); }

/// Sixteen bytes as four words of which the first is in the lowest lane (SHA-256) or in the highest (SHA-1).
ORCTL_SHA inline __m128i words_upwards(const char* from) {
  return _mm_shuffle_epi8(load(from), _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}
ORCTL_SHA inline __m128i words_downwards(const char* from) {
  return _mm_shuffle_epi8(load(from), _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f));
}

/// The rounds of one block; `abef` and `cdgh` hold the state as the instruction wants it.
ORCTL_SHA inline void add_256(__m128i& abef, __m128i& cdgh, const char* block) {
  Words w = {{words_upwards(block), words_upwards(block + 16), words_upwards(block + 32), words_upwards(block + 48)}};
  const __m128i abef_before = abef, cdgh_before = cdgh;
#pragma GCC unroll 16
  for (size_t i = 0; i < 16; ++i) {
    const __m128i now = w.at[i % 4], words = _mm_add_epi32(now, load(&rounds[4 * i]));
    cdgh = _mm_sha256rnds2_epu32(cdgh, abef, words);
    abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(words, 0x0e));
    if (i >= 12) continue;
    const __m128i last = w.at[(i + 3) % 4], seven_ago = _mm_alignr_epi8(last, w.at[(i + 2) % 4], 4);
    w.at[i % 4] = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(now, w.at[(i + 1) % 4]), seven_ago), last);
  }
  abef = _mm_add_epi32(abef, abef_before);
  cdgh = _mm_add_epi32(cdgh, cdgh_before);
}

/// Five times four rounds of SHA-1, which have one function in common. `e` is what the next four take it from.
template <size_t part>
ORCTL_SHA inline void add_20(__m128i& abcd, __m128i& before, Words& w) {
#pragma GCC unroll 5
  for (size_t i = 5 * part; i < 5 * part + 5; ++i) {
    __m128i& now = w.at[i % 4];
    if (i >= 4)
      now = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(now, w.at[(i + 1) % 4]), w.at[(i + 2) % 4]),
                               w.at[(i + 3) % 4]);
    const __m128i e = i == 0 ? _mm_add_epi32(before, now) : _mm_sha1nexte_epu32(before, now);
    before = abcd;
    abcd = _mm_sha1rnds4_epu32(abcd, e, static_cast<int>(part));
  }
}

}  // namespace

bool has_sha_instructions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (b & bit_SHA) == 0) return false;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSE4_1) != 0 && (c & bit_SSSE3) != 0;
}

ORCTL_SHA void add_by_instructions(Sha256State& state, std::string_view blocks) {
  const __m128i badc = _mm_shuffle_epi32(load(&state[0]), 0xb1), efgh = _mm_shuffle_epi32(load(&state[4]), 0x1b);
  __m128i abef = _mm_alignr_epi8(badc, efgh, 8), cdgh = _mm_blend_epi16(efgh, badc, 0xf0);
  for (; blocks.size() >= sha_block; blocks.remove_prefix(sha_block)) add_256(abef, cdgh, blocks.data());
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  store(&state[0], _mm_blend_epi16(feba, dchg, 0xf0));
  store(&state[4], _mm_alignr_epi8(dchg, feba, 8));
}

ORCTL_SHA void add_by_instructions(Sha1State& state, std::string_view blocks) {
  __m128i abcd = _mm_shuffle_epi32(load(&state[0]), 0x1b);
  __m128i e = _mm_set_epi32(static_cast<int>(state[4]), 0, 0, 0);
  for (; blocks.size() >= sha_block; blocks.remove_prefix(sha_block)) {
    const char* block = blocks.data();
    Words w = {{words_downwards(block), words_downwards(block + 16), words_downwards(block + 32),
                words_downwards(block + 48)}};
    const __m128i abcd_before = abcd, e_before = e;
    __m128i four_ago = e;
    add_20<0>(abcd, four_ago, w);
    add_20<1>(abcd, four_ago, w);
    add_20<2>(abcd, four_ago, w);
    add_20<3>(abcd, four_ago, w);
    e = _mm_sha1nexte_epu32(four_ago, e_before);
    abcd = _mm_add_epi32(abcd, abcd_before);
  }
  store(&state[0], _mm_shuffle_epi32(abcd, 0x1b));
  state[4] = static_cast<uint32_t>(_mm_extract_epi32(e, 3));
}

#else

bool has_sha_instructions() { return false; }
void add_by_instructions(Sha1State& state, std::string_view blocks) { add_plainly(state, blocks); }
void add_by_instructions(Sha256State& state, std::string_view blocks) { add_plainly(state, blocks); }

#endif

}  // namespace orctl
