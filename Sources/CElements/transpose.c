#include "elements.h"
#include <stdint.h>
#include <string.h>

// Squares of 8 × 8 elements change rows for columns in registers: three times over, line i and line i + 4 are shuffled
// into each other, which turns an index (row, column) round by one bit each time.
#define INTERLEAVE(a, b, low, high)                                      \
  low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);         \
  high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);

#define TRANSPOSITION(name, element)                                                                       \
  typedef element name##_line __attribute__((vector_size(8 * sizeof(element))));                           \
  static inline __attribute__((always_inline)) void name##_square(                                         \
      const element *from, long columns, element *into, long stride) {                                     \
    name##_line a[8], b[8];                                                                                \
    for (int i = 0; i < 8; i++) memcpy(&a[i], from + i * columns, sizeof a[i]);                            \
    for (int turn = 0; turn < 3; turn++) {                                                                 \
      for (int i = 0; i < 4; i++) { INTERLEAVE(a[i], a[i + 4], b[2 * i], b[2 * i + 1]) }                   \
      memcpy(a, b, sizeof a);                                                                              \
    }                                                                                                      \
    for (int i = 0; i < 8; i++) memcpy(into + i * stride, &a[i], sizeof a[i]);                             \
  }                                                                                                        \
  static inline __attribute__((always_inline)) void name(                                                  \
      const element *from, long rows, long columns, element *into, long stride) {                          \
    /* Some rows at a time, so that what is read stays in the cache until all its columns are done. */     \
    for (long first = 0; first < rows; first += 64) {                                                      \
      long end = first + 64 < rows ? first + 64 : rows, column = 0;                                        \
      for (; column + 8 <= columns; column += 8) {                                                         \
        long row = first;                                                                                  \
        for (; row + 8 <= end; row += 8)                                                                   \
          name##_square(from + row * columns + column, columns, into + column * stride + row, stride);     \
        for (; row < end; row++)                                                                           \
          for (long c = column; c < column + 8; c++)                                                       \
            memcpy(into + c * stride + row, from + row * columns + c, sizeof(element));                    \
      }                                                                                                    \
      for (; column < columns; column++)                                                                   \
        for (long row = first; row < end; row++)                                                           \
          memcpy(into + column * stride + row, from + row * columns + column, sizeof(element));            \
    }                                                                                                      \
  }

TRANSPOSITION(two_bytes, uint16_t)
TRANSPOSITION(four_bytes, uint32_t)
TRANSPOSITION(eight_bytes, uint64_t)

#define BY_SIZE(name, attributes)                                                                              \
  attributes static void name(const void *matrix, long rows, long columns, long size, void *out, long stride) { \
    switch (size) {                                                                                            \
      case 2: two_bytes(matrix, rows, columns, out, stride); break;                                            \
      case 4: four_bytes(matrix, rows, columns, out, stride); break;                                           \
      case 8: eight_bytes(matrix, rows, columns, out, stride); break;                                          \
    }                                                                                                          \
  }

BY_SIZE(portable, )
#if defined(__x86_64__)
BY_SIZE(by_avx2, __attribute__((target("avx2"))))
#endif

void bertconv_transpose(
    const void *matrix, long rows, long columns, long element_size, void *out, long out_stride) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return by_avx2(matrix, rows, columns, element_size, out, out_stride);
#endif
  portable(matrix, rows, columns, element_size, out, out_stride);
}
