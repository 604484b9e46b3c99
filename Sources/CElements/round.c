#include "elements.h"
#include <stdint.h>
#include <string.h>

typedef uint16_t bf16;
#define INLINE static inline __attribute__((always_inline))

INLINE float bits_to_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

INLINE uint32_t float_to_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

INLINE float widen_bf16(bf16 value) { return bits_to_float((uint32_t)value << 16); }

// The bits that go are rounded away by adding half of the last one that stays, a little less where that one is even.
INLINE bf16 narrow_bits(uint32_t bits) {
  uint32_t quiet = (bits >> 16) | 0x40, nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  return (bf16)((bits & 0x7fffffff) > 0x7f800000 ? quiet : nearest);
}

INLINE bf16 float_to_bf16(float value) { return narrow_bits(float_to_bits(value)); }

// By way of a float that is rounded to odd: its last bit tells that something was cut off, and which side a tie is on.
INLINE bf16 double_to_bf16(double value) {
  float nearest = (float)value;
  uint32_t bits = float_to_bits(nearest);
  if (value != value || nearest - nearest != 0) return narrow_bits(bits);
  if ((double)nearest != value) {
    if (__builtin_fabs((double)nearest) > __builtin_fabs(value)) bits -= 1;
    bits |= 1;
  }
  return narrow_bits(bits);
}

#define SAME(x) (x)
#define TO_F64(x) ((double)(x))
#define TO_F32(x) ((float)(x))
#define TO_F16(x) ((_Float16)(x))

// `source` widened to `wide` is exact; `back` widens a result for comparison.
#define ROUNDING(name, source, wide, widen, target, narrow, back)                       \
  INLINE bertconv_rounding name(const void *input, void *out, long count) {             \
    const char *from = input;                                                           \
    char *into = out;                                                                   \
    long changed = 0, overflowed = 0;                                                   \
    for (long i = 0; i < count; i++) {                                                  \
      source stored;                                                                    \
      memcpy(&stored, from + i * (long)sizeof stored, sizeof stored);                   \
      wide value = (wide)widen(stored);                                                 \
      target result = narrow(value);                                                    \
      memcpy(into + i * (long)sizeof result, &result, sizeof result);                   \
      wide restored = (wide)back(result);                                               \
      long differs = (restored != value) & (value == value);                            \
      changed += differs;                                                               \
      overflowed += differs & (restored - restored != 0);                               \
    }                                                                                   \
    return (bertconv_rounding){changed, overflowed};                                    \
  }

ROUNDING(f64_f32, double, double, SAME, float, TO_F32, TO_F64)
ROUNDING(f64_f16, double, double, SAME, _Float16, TO_F16, TO_F64)
ROUNDING(f64_bf16, double, double, SAME, bf16, double_to_bf16, widen_bf16)
ROUNDING(f32_f64, float, float, SAME, double, TO_F64, TO_F32)
ROUNDING(f32_f16, float, float, SAME, _Float16, TO_F16, TO_F32)
ROUNDING(f32_bf16, float, float, SAME, bf16, float_to_bf16, widen_bf16)
ROUNDING(f16_f64, _Float16, float, TO_F32, double, TO_F64, TO_F32)
ROUNDING(f16_f32, _Float16, float, TO_F32, float, SAME, SAME)
ROUNDING(f16_bf16, _Float16, float, TO_F32, bf16, float_to_bf16, widen_bf16)
ROUNDING(bf16_f64, bf16, float, widen_bf16, double, TO_F64, TO_F32)
ROUNDING(bf16_f32, bf16, float, widen_bf16, float, SAME, SAME)
ROUNDING(bf16_f16, bf16, float, widen_bf16, _Float16, TO_F16, TO_F32)

#define BY_TYPES(name, attributes)                                                                          \
  attributes static bertconv_rounding name(int from, const void *input, int to, void *out, long count) {    \
    switch (from * 4 + to) {                                                                                \
      case BERTCONV_F64 * 4 + BERTCONV_F32: return f64_f32(input, out, count);                              \
      case BERTCONV_F64 * 4 + BERTCONV_F16: return f64_f16(input, out, count);                              \
      case BERTCONV_F64 * 4 + BERTCONV_BF16: return f64_bf16(input, out, count);                            \
      case BERTCONV_F32 * 4 + BERTCONV_F64: return f32_f64(input, out, count);                              \
      case BERTCONV_F32 * 4 + BERTCONV_F16: return f32_f16(input, out, count);                              \
      case BERTCONV_F32 * 4 + BERTCONV_BF16: return f32_bf16(input, out, count);                            \
      case BERTCONV_F16 * 4 + BERTCONV_F64: return f16_f64(input, out, count);                              \
      case BERTCONV_F16 * 4 + BERTCONV_F32: return f16_f32(input, out, count);                              \
      case BERTCONV_F16 * 4 + BERTCONV_BF16: return f16_bf16(input, out, count);                            \
      case BERTCONV_BF16 * 4 + BERTCONV_F64: return bf16_f64(input, out, count);                            \
      case BERTCONV_BF16 * 4 + BERTCONV_F32: return bf16_f32(input, out, count);                            \
      default: return bf16_f16(input, out, count);                                                          \
    }                                                                                                       \
  }

BY_TYPES(portable, )
#if defined(__x86_64__)
BY_TYPES(by_avx2, __attribute__((target("avx2,f16c"))))
#endif

bertconv_rounding bertconv_round(int from, const void *input, int to, void *out, long count) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c")) return by_avx2(from, input, to, out, count);
#endif
  return portable(from, input, to, out, count);
}
