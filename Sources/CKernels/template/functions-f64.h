// Element-wise functions in double precision, by the C library lane by lane: its errors stay below 1 ulp, and double
// runs are made to judge others, not to be quick.

#define EACH_LANE(expression)                          \
  for (long lane = 0; lane < LANES; lane++) {          \
    SCALAR x = v[lane];                                \
    v[lane] = (expression);                            \
  }                                                    \
  return v;

#define exponential NAME(exponential_)
INLINE vector exponential(vector v) { EACH_LANE(exp(x)) }

#define gelu_erf NAME(gelu_erf_)
INLINE vector gelu_erf(vector v) { EACH_LANE(x * 0.5 * erfc(x * -0.70710678118654752440)) }

// x / (1 + e^(−k)) with k = 2 √(2/π) (x + 0.044715 x³)
#define GELU_BY_TANH(twice_root) EACH_LANE(x / (1.0 + exp(-(twice_root) * x * (1.0 + 0.044715 * x * x))))
#define gelu_tanh NAME(gelu_tanh_)
INLINE vector gelu_tanh(vector v) { GELU_BY_TANH(1.5957691216057307117) }

#define gelu_fast NAME(gelu_fast_)
INLINE vector gelu_fast(vector v) { GELU_BY_TANH(1.5957691216) }

#define silu NAME(silu_)
INLINE vector silu(vector v) { EACH_LANE(x / (1.0 + exp(-x))) }

#define gelu_sigmoid NAME(gelu_sigmoid_)
INLINE vector gelu_sigmoid(vector v) { EACH_LANE(x / (1.0 + exp(-1.702 * x))) }

#define hyperbolic_tangent NAME(hyperbolic_tangent_)
INLINE vector hyperbolic_tangent(vector v) { EACH_LANE(tanh(x)) }

#define rectified NAME(rectified_)
INLINE vector rectified(vector v) { EACH_LANE(x < 0 ? 0 : x) }
