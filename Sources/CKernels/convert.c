#include "kernels.h"
#include <string.h>

// Loads and stores go through memcpy: payloads of checkpoints lie at any address.

static inline float from_f16(uint16_t half) {
  // The exponent is moved to its place in a float and then corrected by a factor, which also makes subnormals normal;
  // infinity and NaN keep an exponent of all ones.
  uint32_t bits = (uint32_t)(half & 0x7fffu) << 13;
  float value;
  memcpy(&value, &bits, 4);
  value *= 0x1p112f;
  memcpy(&bits, &value, 4);
  if ((half & 0x7c00u) == 0x7c00u) bits |= 0x7f800000u;
  bits |= (uint32_t)(half & 0x8000u) << 16;
  memcpy(&value, &bits, 4);
  return value;
}

static inline float from_bf16(uint16_t brain) {
  uint32_t bits = (uint32_t)brain << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

#define CONVERSION(name, from, to, expression)                                \
  void name(const void *source, to *out, long count) {                        \
    const unsigned char *bytes = source;                                      \
    for (long i = 0; i < count; i++) {                                        \
      from value;                                                             \
      memcpy(&value, bytes + i * (long)sizeof value, sizeof value);           \
      out[i] = (to)(expression);                                              \
    }                                                                         \
  }

CONVERSION(bertconv_f16_to_f32, uint16_t, float, from_f16(value))
CONVERSION(bertconv_f16_to_f64, uint16_t, double, from_f16(value))
CONVERSION(bertconv_bf16_to_f32, uint16_t, float, from_bf16(value))
CONVERSION(bertconv_bf16_to_f64, uint16_t, double, from_bf16(value))
CONVERSION(bertconv_f32_to_f64, float, double, value)
CONVERSION(bertconv_f64_to_f32, double, float, value)
