#include "checksum.h"
#include <string.h>

// Slicing by eight: eight tables let one step take eight bytes without a carried dependency per byte.
typedef struct { uint32_t row[8][256]; } table_t;

static void fill(table_t *table, uint32_t polynomial) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ (polynomial & (0u - (value & 1u)));
    table->row[0][byte] = value;
  }
  for (int row = 1; row < 8; row++)
    for (uint32_t byte = 0; byte < 256; byte++) {
      uint32_t before = table->row[row - 1][byte];
      table->row[row][byte] = (before >> 8) ^ table->row[0][before & 0xffu];
    }
}

static table_t castagnoli, ieee;
__attribute__((constructor)) static void fill_tables(void) {
  fill(&castagnoli, 0x82f63b78u);
  fill(&ieee, 0xedb88320u);
}

// The register after some bytes; not inverted, as it stands between them.
static uint32_t by_table(const table_t *table, uint32_t crc, const unsigned char *p, size_t length) {
  while (length >= 8) {
    uint32_t low, high;
    memcpy(&low, p, 4);
    memcpy(&high, p + 4, 4);
    low ^= crc;
    crc = table->row[7][low & 0xff] ^ table->row[6][(low >> 8) & 0xff] ^ table->row[5][(low >> 16) & 0xff] ^
          table->row[4][low >> 24] ^ table->row[3][high & 0xff] ^ table->row[2][(high >> 8) & 0xff] ^
          table->row[1][(high >> 16) & 0xff] ^ table->row[0][high >> 24];
    p += 8;
    length -= 8;
  }
  while (length--) crc = (crc >> 8) ^ table->row[0][(crc ^ *p++) & 0xff];
  return crc;
}

#if defined(__x86_64__)
#include <immintrin.h>

// x^(n + 32) and x^(n − 32) modulo the polynomial, bits reversed: what the two halves of 128 bits are multiplied by to
// be moved n bits on (Gopal et al., Fast CRC Computation for Generic Polynomials Using PCLMULQDQ, 2009).
typedef struct { uint64_t by_2048[2], by_512[2], by_128[2]; } fold_t;
static const fold_t castagnoli_fold = {
    {0xdcb17aa4, 0xb9e02b86}, {0x740eef02, 0x9e4addf8}, {0xf20c0dfe, 0x14cd00bd6}};
static const fold_t ieee_fold = {
    {0x11542778a, 0x1322d1430}, {0x154442bd4, 0x1c6e41596}, {0x1751997d0, 0xccaa009e}};

#define FOLDING __attribute__((target("pclmul,sse4.1")))
FOLDING static inline __m128i folded(__m128i value, __m128i by, __m128i next) {
  __m128i low = _mm_clmulepi64_si128(value, by, 0x00), high = _mm_clmulepi64_si128(value, by, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

// The register after four blocks of 16 bytes that have the checksum of all bytes before `p`, and the rest.
FOLDING static uint32_t finished(
    const table_t *table, const fold_t *fold, __m128i block[4], const unsigned char *p, size_t length) {
  __m128i by = _mm_loadu_si128((const __m128i *)fold->by_128);
  for (int i = 1; i < 4; i++) block[0] = folded(block[0], by, block[i]);
  unsigned char rest[16];
  _mm_storeu_si128((__m128i *)rest, block[0]);
  return by_table(table, by_table(table, 0, rest, sizeof rest), p, length);
}

// Four blocks at a time are moved onto the next four.
FOLDING static uint32_t by_folding(
    const table_t *table, const fold_t *fold, uint32_t crc, const unsigned char *p, size_t length) {
  if (length < 128) return by_table(table, crc, p, length);
  __m128i block[4], by = _mm_loadu_si128((const __m128i *)fold->by_512);
  for (int i = 0; i < 4; i++) block[i] = _mm_loadu_si128((const __m128i *)(p + 16 * i));
  block[0] = _mm_xor_si128(block[0], _mm_cvtsi32_si128((int)crc));
  for (p += 64, length -= 64; length >= 64; p += 64, length -= 64)
    for (int i = 0; i < 4; i++) block[i] = folded(block[i], by, _mm_loadu_si128((const __m128i *)(p + 16 * i)));
  return finished(table, fold, block, p, length);
}

#define WIDE_FOLDING __attribute__((target("vpclmulqdq,avx512f,pclmul,sse4.1")))
WIDE_FOLDING static inline __m512i folded_wide(__m512i value, __m512i by, __m512i next) {
  __m512i low = _mm512_clmulepi64_epi128(value, by, 0x00), high = _mm512_clmulepi64_epi128(value, by, 0x11);
  return _mm512_ternarylogic_epi64(low, high, next, 0x96);
}

// The same, sixteen blocks at a time: four in a register.
WIDE_FOLDING static uint32_t by_wide_folding(
    const table_t *table, const fold_t *fold, uint32_t crc, const unsigned char *p, size_t length) {
  if (length < 512) return by_folding(table, fold, crc, p, length);
  __m512i four[4], by = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)fold->by_2048));
  for (int i = 0; i < 4; i++) four[i] = _mm512_loadu_si512(p + 64 * i);
  four[0] = _mm512_xor_si512(four[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)crc)));
  for (p += 256, length -= 256; length >= 256; p += 256, length -= 256)
    for (int i = 0; i < 4; i++) four[i] = folded_wide(four[i], by, _mm512_loadu_si512(p + 64 * i));
  by = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)fold->by_512));
  for (int i = 1; i < 4; i++) four[0] = folded_wide(four[0], by, four[i]);
  for (; length >= 64; p += 64, length -= 64) four[0] = folded_wide(four[0], by, _mm512_loadu_si512(p));
  __m128i block[4];
  _mm512_storeu_si512(block, four[0]);
  return finished(table, fold, block, p, length);
}

static uint32_t fastest(const table_t *table, const fold_t *fold, uint32_t crc, const void *bytes, size_t length) {
  if (!__builtin_cpu_supports("pclmul") || !__builtin_cpu_supports("sse4.1"))
    return by_table(table, crc, bytes, length);
  return __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx512f")
             ? by_wide_folding(table, fold, crc, bytes, length)
             : by_folding(table, fold, crc, bytes, length);
}
#define FASTEST(table, crc, bytes, length) fastest(&table, &table##_fold, crc, bytes, length)
#else
#define FASTEST(table, crc, bytes, length) by_table(&table, crc, bytes, length)
#endif

uint32_t bertconv_crc32(uint32_t crc, const void *bytes, size_t length) { return ~FASTEST(ieee, ~crc, bytes, length); }

uint32_t bertconv_crc32c(uint32_t crc, const void *bytes, size_t length) {
  return ~FASTEST(castagnoli, ~crc, bytes, length);
}

uint32_t bertconv_crc32_portable(uint32_t crc, const void *bytes, size_t length) {
  return ~by_table(&ieee, ~crc, bytes, length);
}

uint32_t bertconv_crc32c_portable(uint32_t crc, const void *bytes, size_t length) {
  return ~by_table(&castagnoli, ~crc, bytes, length);
}
