// Element-wise functions in single precision, a vector at a time. The polynomials are minimax fits of our own
// (docs/numerics.md gives their errors); NaN goes in and comes out.

// eˣ within about 1 ulp; 0 below −87.3, ∞ above 88.3.
#define exponential NAME(exponential_)
INLINE vector exponential(vector x) {
  const float shift = 12582912.0f;  // 1.5 · 2²³: adding it rounds to a whole number
  words huge = x > splat(88.3f);
  vector inside = choose(huge, splat(88.3f), x);
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
  vector result = choose(tiny, splat(0.0f), (less_one + 1.0f) * power);
  return choose(huge, splat(__builtin_inff()), result);
}

// x · Φ(x). For a = |x| the tail ½ erfc(a / √2) is e^(−a²/2) · (½ + s P(s)) with s = ¼a / (1 + ¼a): exact at 0. Beyond
// a = 9 the tail is below 10⁻¹⁸ and taken as 0.
#define gelu_erf NAME(gelu_erf_)
INLINE vector gelu_erf(vector x) {
  vector a = (vector)((words)x & 0x7fffffff);
  vector quarter = a * 0.25f;
  vector s = quarter / (1.0f + quarter);
  vector sum = splat(-0.0393523484f);
  sum = multiply_add(sum, s, splat(0.127942525f));
  sum = multiply_add(sum, s, splat(-0.0745627493f));
  sum = multiply_add(sum, s, splat(-0.188699007f));
  sum = multiply_add(sum, s, splat(0.100073127f));
  sum = multiply_add(sum, s, splat(0.872680510f));
  sum = multiply_add(sum, s, splat(-2.10659863f));
  sum = multiply_add(sum, s, splat(2.40423300f));
  sum = multiply_add(sum, s, splat(-1.59576914f));
  sum = multiply_add(sum, s, splat(0.5f));
  vector square = a * a;
  vector tail = sum * exponential(square * -0.5f);
#if FUSED
  // What rounding took from a² would weigh a²/2 times as much after the exponential.
  vector lost = multiply_add(a, a, -square);
  tail = multiply_add(tail * -0.5f, lost, tail);
#endif
  words far = a > splat(9.0f);
  tail = choose(far, splat(0.0f), tail);
  vector result = x * choose(x > splat(0.0f), 1.0f - tail, tail);
  return choose(far & (x < splat(0.0f)), splat(-0.0f), result);
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
