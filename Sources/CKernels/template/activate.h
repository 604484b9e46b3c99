// The element-wise functions over arrays.

// In place over `count` values; the last vector is filled up with zeros, where every function is 0.
#define OVER(function)                                                                                   \
  {                                                                                                      \
    long i = 0;                                                                                          \
    for (; i + LANES <= count; i += LANES) store(values + i, function(load(values + i)));                \
    if (i < count) store_part(values + i, function(load_part(values + i, count - i, 0)), count - i);     \
  }

#define activate NAME(activate_)
static void activate(int activation, void *of, long count) {
  SCALAR *values = of;
  switch (activation) {
    case BERTCONV_GELU_ERF: OVER(gelu_erf) break;
    case BERTCONV_GELU_TANH: OVER(gelu_tanh) break;
    case BERTCONV_GELU_FAST: OVER(gelu_fast) break;
    case BERTCONV_GELU_SIGMOID: OVER(gelu_sigmoid) break;
    case BERTCONV_RELU: OVER(rectified) break;
    case BERTCONV_SILU: OVER(silu) break;
    case BERTCONV_TANH: OVER(hyperbolic_tangent) break;
    default: break;
  }
}

#define add NAME(add_)
static void add(const void *left, const void *right, void *out, long count) {
  const SCALAR *a = left, *b = right;
  SCALAR *sum = out;
  for (long i = 0; i < count; i++) sum[i] = a[i] + b[i];
}

#define add_strided NAME(add_strided_)
static void add_strided(void *out, const void *source, long stride, long count) {
  SCALAR *sum = out;
  const SCALAR *next = source;
  for (long i = 0; i < count; i++) sum[i] += next[i * stride];
}

#define pool NAME(pool_)
static void pool(const void *left, const void *right, void *out, long count, int largest) {
  const SCALAR *a = left, *b = right;
  SCALAR *one = out;
  if (largest)
    for (long i = 0; i < count; i++) one[i] = b[i] > a[i] ? b[i] : a[i];
  else
    for (long i = 0; i < count; i++) one[i] = (a[i] + b[i]) * (SCALAR)0.5;
}

#define add_products NAME(add_products_)
static void add_products(void *out, const void *left, const void *right, long count) {
  const SCALAR *a = left, *b = right;
  SCALAR *sum = out;
  for (long i = 0; i < count; i++) sum[i] += a[i] * b[i];
}

#define add_scaled NAME(add_scaled_)
static void add_scaled(void *out, const void *source, double factor, long count) {
  const SCALAR *next = source, by = (SCALAR)factor;
  SCALAR *sum = out;
  for (long i = 0; i < count; i++) sum[i] += by * next[i];
}
