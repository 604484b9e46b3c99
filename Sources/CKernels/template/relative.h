// What relative attention needs beside products.

// Angles are formed in the scalar type, as the reference does: at large distances their rounding is most of the error.
#define sinusoids NAME(sinusoids_)
static void sinusoids(long first, long rows, long width, void *out) {
  long half = width / 2;
  for (long t = 0; t < half; t++) {
    SCALAR exponent = (SCALAR)t / (SCALAR)half;
    SCALAR frequency = (SCALAR)1 / (SCALAR)pow(10000.0, (double)exponent);
    SCALAR *column = (SCALAR *)out + t;
    for (long row = 0; row < rows; row++) {
      SCALAR angle = (SCALAR)(first + row) * frequency;
      column[row * width] = (SCALAR)sin((double)angle);
      column[row * width + half] = (SCALAR)cos((double)angle);
    }
  }
}

#define add_by_type NAME(add_by_type_)
static void add_by_type(void *out, const long *types, long type, double other, double same, long count) {
  SCALAR *sum = out, yes = (SCALAR)same, no = (SCALAR)other;
  for (long i = 0; i < count; i++)
    sum[i] += ((types[i] == type) | (types[i] == 2) | (type == 2)) ? yes : no;
}
