// Functions of whole rows: the norm and softmax.

#define norm NAME(norm_)
static void norm(
    const void *values, const void *residual, const void *weight, const void *bias, double epsilon, long rows,
    long width, void *out, int folded) {
  const SCALAR *gamma = weight, *beta = bias;
  long whole = width / LANES * LANES;
  for (long row = 0; row < rows; row++) {
    const SCALAR *x = (const SCALAR *)values + row * width;
    SCALAR *y = (SCALAR *)out + row * width;
    if (residual)
      add(x, (const SCALAR *)residual + row * width, y, width);
    else if (x != y)
      __builtin_memcpy(y, x, (size_t)width * sizeof(SCALAR));

    vector sums = {0};
    SCALAR sum = 0;
    for (long i = 0; i < whole; i += LANES) sums += load(y + i);
    for (long i = whole; i < width; i++) sum += y[i];
    SCALAR mean = (sum_of(sums) + sum) / (SCALAR)width;

    vector squares = {0};
    SCALAR square = 0;
    for (long i = 0; i < whole; i += LANES) {
      vector away = load(y + i) - mean;
      squares = multiply_add(away, away, squares);
    }
    for (long i = whole; i < width; i++) square += (y[i] - mean) * (y[i] - mean);
    SCALAR variance = (sum_of(squares) + square) / (SCALAR)width;
    SCALAR factor = (SCALAR)1 / SQUARE_ROOT(variance + (SCALAR)epsilon);

    if (folded)
      for (long i = 0; i < width; i++) y[i] = (y[i] - mean) * (factor * gamma[i]) + beta[i];
    else
      for (long i = 0; i < width; i++) y[i] = (y[i] - mean) * factor * gamma[i] + beta[i];
  }
}

#define softmax NAME(softmax_)
static void softmax(void *scores, long stride, long rows, long columns, double scale, const void *hidden) {
  const SCALAR lowest = -(SCALAR)__builtin_inf();
  const SCALAR *hides = hidden;
  long whole = columns / LANES * LANES, rest = columns - whole;
  for (long row = 0; row < rows; row++) {
    SCALAR *x = (SCALAR *)scores + row * stride;
    if (hides) add(x, hides, x, columns);

    vector best = splat(lowest);
    for (long i = 0; i < whole; i += LANES) {
      vector v = load(x + i);
      best = choose(v > best, v, best);
    }
    if (rest) {
      vector v = load_part(x + whole, rest, lowest);
      best = choose(v > best, v, best);
    }
    SCALAR top = largest_of(best);
    if (top == lowest) {
      // Every column is hidden (or not a number, which must stay visible).
      for (long i = 0; i < columns; i++) x[i] = x[i] == lowest ? (SCALAR)1 / (SCALAR)columns : x[i];
      continue;
    }

    vector sums = {0};
    for (long i = 0; i < whole; i += LANES) {
      vector e = exponential((load(x + i) - top) * (SCALAR)scale);
      sums += e;
      store(x + i, e);
    }
    if (rest) {
      vector e = exponential((load_part(x + whole, rest, lowest) - top) * (SCALAR)scale);
      sums += e;
      store_part(x + whole, e, rest);
    }
    SCALAR factor = (SCALAR)1 / sum_of(sums);
    for (long i = 0; i < columns; i++) x[i] *= factor;
  }
}
