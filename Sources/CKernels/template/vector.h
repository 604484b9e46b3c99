// The vector types and the few operations on them that the other templates need. SCALAR, WORD (an integer of the same
// size), VECTOR_BYTES, SUFFIX and FUSED are set by whoever includes this.

#define JOIN_(name, suffix) name##suffix
#define JOIN(name, suffix) JOIN_(name, suffix)
#define NAME(name) JOIN(name, SUFFIX)
#define INLINE static inline __attribute__((always_inline))

#define LANES ((long)(VECTOR_BYTES / sizeof(SCALAR)))
#define vector NAME(vector_)
#define words NAME(words_)
typedef SCALAR vector __attribute__((vector_size(VECTOR_BYTES)));
typedef WORD words __attribute__((vector_size(VECTOR_BYTES)));

#define load NAME(load_)
INLINE vector load(const SCALAR *source) {
  vector v;
  __builtin_memcpy(&v, source, sizeof v);
  return v;
}

#define store NAME(store_)
INLINE void store(SCALAR *target, vector v) { __builtin_memcpy(target, &v, sizeof v); }

#define splat NAME(splat_)
INLINE vector splat(SCALAR x) { return x - (vector){0}; }

// The first `count` elements, the others `fill`.
#define load_part NAME(load_part_)
INLINE vector load_part(const SCALAR *source, long count, SCALAR fill) {
  vector v = splat(fill);
  for (long lane = 0; lane < count; lane++) v[lane] = source[lane];
  return v;
}

#define store_part NAME(store_part_)
INLINE void store_part(SCALAR *target, vector v, long count) {
  for (long lane = 0; lane < count; lane++) target[lane] = v[lane];
}

// a · b + c: in one rounding where the processor has that.
#define multiply_add NAME(multiply_add_)
INLINE vector multiply_add(vector a, vector b, vector c) {
#if FUSED
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

#define choose NAME(choose_)
INLINE vector choose(words condition, vector yes, vector no) {
  return (vector)((condition & (words)yes) | (~condition & (words)no));
}

// Lanes in halves, so that the order is the same for every row.
#define sum_of NAME(sum_of_)
INLINE SCALAR sum_of(vector v) {
  SCALAR part[LANES];
  __builtin_memcpy(part, &v, sizeof v);
  for (long half = LANES / 2; half > 0; half /= 2)
    for (long lane = 0; lane < half; lane++) part[lane] += part[lane + half];
  return part[0];
}

#define largest_of NAME(largest_of_)
INLINE SCALAR largest_of(vector v) {
  SCALAR best = v[0];
  for (long lane = 1; lane < LANES; lane++) best = v[lane] > best ? v[lane] : best;
  return best;
}
