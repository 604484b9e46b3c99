// The two limits of a processor that a model's speed is held against: multiply-adds in registers, and reading memory.
#include <math.h>
#include <string.h>
#include "kernels.h"
#include "measure.h"

// `CHAINS` sums are in flight at a time: no fewer than latency × units, no more than there are registers for. Where they
// begin comes from outside: of a chain that begins with 2, a compiler knows that it stays there, and leaves it out.
#define MEASURES(NAME, ATTRIBUTES, BYTES, CHAINS, STEP)                                           \
  typedef float NAME##_vector __attribute__((vector_size(BYTES)));                                \
                                                                                                  \
  ATTRIBUTES static double NAME##_products(long rounds, float *number) {                          \
    NAME##_vector sums[CHAINS], shrinking = 0.5f - (NAME##_vector){0}, added = 1 - (NAME##_vector){0}; \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < CHAINS; i++) sums[i] = added * (*number + i); \
    for (long round = 0; round < rounds; round++) {                                               \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < CHAINS; i++) {                       \
        NAME##_vector sum = sums[i];                                                              \
        sums[i] = STEP;                                                                           \
      }                                                                                           \
    }                                                                                             \
    for (int i = 1; i < CHAINS; i++) sums[0] += sums[i];                                          \
    *number = sums[0][0];                                                                         \
    return 2.0 * rounds * CHAINS * (BYTES / sizeof(float));                                       \
  }                                                                                               \
                                                                                                  \
  ATTRIBUTES static float NAME##_reading(const float *values, long count) {                       \
    enum { LANES = BYTES / sizeof(float), WIDTH = 8 * LANES };                                    \
    NAME##_vector sums[8] = {0};                                                                  \
    long i = 0;                                                                                   \
    for (; i + WIDTH <= count; i += WIDTH) {                                                      \
      _Pragma("clang loop unroll(full)") for (int k = 0; k < 8; k++) {                            \
        NAME##_vector read;                                                                       \
        memcpy(&read, values + i + k * LANES, BYTES);                                             \
        sums[k] += read;                                                                          \
      }                                                                                           \
    }                                                                                             \
    for (int k = 1; k < 8; k++) sums[0] += sums[k];                                               \
    float sum = 0;                                                                                \
    for (int lane = 0; lane < LANES; lane++) sum += sums[0][lane];                                \
    for (; i < count; i++) sum += values[i];                                                      \
    return sum;                                                                                   \
  }

MEASURES(portable, , 16, 12, sum *shrinking + added)
#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")))
MEASURES(avx2, AVX2, 32, 12, __builtin_elementwise_fma(sum, shrinking, added))
MEASURES(avx512, AVX512, 64, 24, __builtin_elementwise_fma(sum, shrinking, added))
#endif

static const struct {
  const char *name;
  double (*products)(long rounds, float *number);
  float (*reading)(const float *values, long count);
} measures[] = {
    {"portable", portable_products, portable_reading},
#if defined(__x86_64__)
    {"avx2", avx2_products, avx2_reading},
    {"avx512", avx512_products, avx512_reading},
#endif
};

// The index of the measures called `name`, or -1 where this processor cannot run them.
static int find(const char *name) {
  for (int i = 0; i < (int)(sizeof measures / sizeof *measures); i++)
    if (!strcmp(measures[i].name, name) && bertconv_kernels_find(name, sizeof(float))) return i;
  return -1;
}

double bertconv_measure_products(const char *name, long rounds, float *number) {
  int index = find(name);
  return index < 0 ? 0 : measures[index].products(rounds, number);
}

float bertconv_measure_reading(const char *name, const float *values, long count) {
  int index = find(name);
  return index < 0 ? NAN : measures[index].reading(values, count);
}
