#include "sha256.h"
#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
static const uint32_t round_constants[64] __attribute__((aligned(64))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// Words a, b, e, f and c, d, g, h, the highest first: how the instructions want them.
typedef struct { __m128i abef, cdgh; } state_t;

#define INSTRUCTIONS __attribute__((target("sha,sse4.1")))

INSTRUCTIONS static inline state_t taken(const uint32_t words[8]) {
  __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)words), 0xb1);
  __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(words + 4)), 0x1b);
  return (state_t){_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
}

INSTRUCTIONS static inline void put(state_t state, uint32_t words[8]) {
  __m128i feba = _mm_shuffle_epi32(state.abef, 0x1b), dchg = _mm_shuffle_epi32(state.cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)words, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128((__m128i *)(words + 4), _mm_alignr_epi8(dchg, feba, 8));
}

// Two rounds take one instruction, which takes four cycles; another one may begin every cycle. What the rounds of one
// message leave free goes to those of the other one. Of the schedule the last 16 words are kept, four in a register.
INSTRUCTIONS void bertconv_sha256_two(
    uint32_t first[8], const void *first_bytes, uint32_t second[8], const void *second_bytes, size_t blocks) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const unsigned char *bytes[2] = {first_bytes, second_bytes};
  state_t state[2] = {taken(first), taken(second)};
  for (; blocks; blocks--) {
    state_t before[2] = {state[0], state[1]};
    __m128i word[2][4], sum[2];
#pragma clang loop unroll(full)
    for (int four = 0; four < 16; four++) {
      __m128i constants = _mm_load_si128((const __m128i *)(round_constants + 4 * four));
#pragma clang loop unroll(full)
      for (int m = 0; m < 2; m++) {
        if (four < 4)
          word[m][four] =
              _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(bytes[m] + 16 * four)), big_endian);
        sum[m] = _mm_add_epi32(word[m][four & 3], constants);
        state[m].cdgh = _mm_sha256rnds2_epu32(state[m].cdgh, state[m].abef, sum[m]);
      }
#pragma clang loop unroll(full)
      for (int m = 0; m < 2; m++) {
        __m128i *now = &word[m][four & 3], *next = &word[m][(four + 1) & 3], *last = &word[m][(four + 3) & 3];
        if (four >= 3 && four < 15)
          *next = _mm_sha256msg2_epu32(_mm_add_epi32(*next, _mm_alignr_epi8(*now, *last, 4)), *now);
        state[m].abef = _mm_sha256rnds2_epu32(state[m].abef, state[m].cdgh, _mm_shuffle_epi32(sum[m], 0x0e));
        if (four >= 1 && four < 13) *last = _mm_sha256msg1_epu32(*last, *now);
      }
    }
    for (int m = 0; m < 2; m++) {
      state[m].abef = _mm_add_epi32(state[m].abef, before[m].abef);
      state[m].cdgh = _mm_add_epi32(state[m].cdgh, before[m].cdgh);
      bytes[m] += 64;
    }
  }
  put(state[0], first);
  put(state[1], second);
}

int bertconv_sha256_takes_two(void) { return __builtin_cpu_supports("sha") && __builtin_cpu_supports("sse4.1"); }
#else
void bertconv_sha256_two(
    uint32_t first[8], const void *first_bytes, uint32_t second[8], const void *second_bytes, size_t blocks) {
  abort();
}

int bertconv_sha256_takes_two(void) { return 0; }
#endif
