// Element-wise functions in single precision, a vector at a time. The polynomials are minimax fits of our own
// (docs/numerics.md gives their errors); NaN goes in and comes out.

// eˣ within about 1 ulp; 0 below −87.3, no more than e^88.3 above.
#define exponential NAME(exponential_)
INLINE vector exponential(vector x) {
  const float shift = 12582912.0f;  // 1.5 · 2²³: adding it rounds to a whole number
  vector inside = choose(x > splat(88.3f), splat(88.3f), x);
  words tiny = inside < splat(-87.3f);
  inside = choose(tiny, splat(-87.3f), inside);
  vector whole = multiply_add(inside, splat(1.44269504f), splat(shift)) - shift;
  // ln 2 in two parts, the first with so few bits that its product with `whole` is exact.
  vector rest = multiply_add(whole, splat(-0.693359375f), inside);
  rest = multiply_add(whole, splat(2.12194440e-4f), rest);
  vector sum = splat(0.00139421650f);
  sum = multiply_add(sum, rest, splat(0.00836377613f));
  sum = multiply_add(sum, rest, splat(0.0416663634f));
  sum = multiply_add(sum, rest, splat(0.166665734f));
  sum = multiply_add(sum, rest, splat(0.5f));
  vector less_one = multiply_add(rest * rest, sum, rest);
  vector power = (vector)((__builtin_convertvector(whole, words) + 127) << 23);
  vector result = (less_one + 1.0f) * power;
  return choose(tiny, splat(0.0f), result);
}

// x · Φ(x). For a = |x| the tail ½ erfc(a / √2) is e^(−a²/2) · t · P(t) with t = 1 / (1 + 0.3 a).
#define gelu_erf NAME(gelu_erf_)
INLINE vector gelu_erf(vector x) {
  vector a = (vector)((words)x & 0x7fffffff);
  vector t = 1.0f / multiply_add(a, splat(0.3f), splat(1.0f));
  vector sum = splat(-0.0206128190f);
  sum = multiply_add(sum, t, splat(0.112375724f));
  sum = multiply_add(sum, t, splat(-0.228067393f));
  sum = multiply_add(sum, t, splat(0.191581540f));
  sum = multiply_add(sum, t, splat(-0.0792472168f));
  sum = multiply_add(sum, t, splat(0.0960577659f));
  sum = multiply_add(sum, t, splat(0.0784256009f));
  sum = multiply_add(sum, t, splat(0.110227319f));
  sum = multiply_add(sum, t, splat(0.119572842f));
  sum = multiply_add(sum, t, splat(0.119686634f));
  vector square = a * a;
  vector tail = sum * t * exponential(square * -0.5f);
#if FUSED
  // What rounding took from a² would weigh a²/2 times as much after the exponential.
  vector lost = multiply_add(a, a, -square);
  tail = multiply_add(tail * -0.5f, lost, tail);
#endif
  // x · 0 for a far negative x; for an infinite x the tail's correction is not a number, but its limit is 0.
  tail = choose(square > splat(200.0f), splat(0.0f), tail);
  vector result = x * choose(x > splat(0.0f), 1.0f - tail, tail);
  return choose(x < splat(-20.0f), splat(-0.0f), result);
}

// x / (1 + e^(−k)) with k = 2 √(2/π) (x + 0.044715 x³)
#define gelu_tanh NAME(gelu_tanh_)
INLINE vector gelu_tanh(vector x) {
  vector k = x * multiply_add(x * x, splat(0.0713548163f), splat(1.59576912f));
  return x / (1.0f + exponential(-k));
}

// The constants of the two differ by less than single precision can tell.
#define gelu_fast NAME(gelu_fast_)
INLINE vector gelu_fast(vector x) { return gelu_tanh(x); }

#define silu NAME(silu_)
INLINE vector silu(vector x) { return x / (1.0f + exponential(-x)); }

#define gelu_sigmoid NAME(gelu_sigmoid_)
INLINE vector gelu_sigmoid(vector x) { return x / (1.0f + exponential(x * -1.702f)); }

// x + x³ P(x²) below 0.625, 1 − 2 / (e^(2|x|) + 1) with x's sign above.
#define hyperbolic_tangent NAME(hyperbolic_tangent_)
INLINE vector hyperbolic_tangent(vector x) {
  vector a = (vector)((words)x & 0x7fffffff);
  words sign = (words)x & (words)splat(-0.0f);
  vector square = x * x;
  vector sum = splat(0.00229894191f);
  sum = multiply_add(sum, square, splat(-0.00835000848f));
  sum = multiply_add(sum, square, splat(0.0217709959f));
  sum = multiply_add(sum, square, splat(-0.0539595503f));
  sum = multiply_add(sum, square, splat(0.133333050f));
  sum = multiply_add(sum, square, splat(-0.333333332f));
  vector near = multiply_add(sum * square, x, x);
  vector far = 1.0f - 2.0f / (exponential(a + a) + 1.0f);
  return choose(a < splat(0.625f), near, (vector)((words)far | sign));
}

#define rectified NAME(rectified_)
INLINE vector rectified(vector x) { return choose(x < splat(0.0f), splat(0.0f), x); }
