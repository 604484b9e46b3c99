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

static uint32_t by_table(const table_t *table, uint32_t crc, const void *bytes, size_t length) {
  const unsigned char *p = bytes;
  crc = ~crc;
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
  return ~crc;
}

uint32_t bertconv_crc32(uint32_t crc, const void *bytes, size_t length) {
  return by_table(&ieee, crc, bytes, length);
}

uint32_t bertconv_crc32c_portable(uint32_t crc, const void *bytes, size_t length) {
  return by_table(&castagnoli, crc, bytes, length);
}

#if defined(__x86_64__)
#include <nmmintrin.h>
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const void *bytes, size_t length) {
  const unsigned char *p = bytes;
  uint64_t state = ~crc;
  while (length >= 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    state = _mm_crc32_u64(state, word);
    p += 8;
    length -= 8;
  }
  while (length--) state = _mm_crc32_u8((uint32_t)state, *p++);
  return ~(uint32_t)state;
}

uint32_t bertconv_crc32c(uint32_t crc, const void *bytes, size_t length) {
  return __builtin_cpu_supports("sse4.2") ? by_instruction(crc, bytes, length)
                                          : bertconv_crc32c_portable(crc, bytes, length);
}
#else
uint32_t bertconv_crc32c(uint32_t crc, const void *bytes, size_t length) {
  return bertconv_crc32c_portable(crc, bytes, length);
}
#endif
