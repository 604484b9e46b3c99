// Packing and the product of matrices: the right matrix lies in panels of PANEL columns, in the order in which a tile of
// TILE_ROWS × PANEL sums in registers reads them (K. Goto, R. van de Geijn, "Anatomy of high-performance matrix
// multiplication", 2008).

#define PANEL (2 * LANES)
// Rows of a panel that are worked through at a time, so that this part of the panel stays in the first-level cache.
#define DEPTH_BLOCK ((long)(16384 / (PANEL * sizeof(SCALAR))))
// Bytes of a left matrix that surely stay in the second-level cache.
#define LEFT_CACHED 262144

#define pack_rows NAME(pack_rows_)
static void pack_rows(const void *matrix, long stride, long rows, long columns, void *panels) {
  const SCALAR *from = matrix;
  SCALAR *to = panels;
  for (long row = 0; row < rows; row += PANEL, to += columns * PANEL) {
    long there = rows - row < PANEL ? rows - row : PANEL;
    for (long lane = 0; lane < PANEL; lane++) {
      const SCALAR *source = from + (row + lane) * stride;
      if (lane < there)
        for (long column = 0; column < columns; column++) to[column * PANEL + lane] = source[column];
      else
        for (long column = 0; column < columns; column++) to[column * PANEL + lane] = 0;
    }
  }
}

#define pack_columns NAME(pack_columns_)
static void pack_columns(const void *matrix, long stride, long rows, long columns, void *panels) {
  const SCALAR *from = matrix;
  SCALAR *to = panels;
  for (long column = 0; column < columns; column += PANEL)
    for (long row = 0; row < rows; row++, to += PANEL) {
      const SCALAR *source = from + row * stride + column;
      if (columns - column >= PANEL) {
        store(to, load(source));
        store(to + LANES, load(source + LANES));
      } else {
        for (long lane = 0; lane < PANEL; lane++) to[lane] = lane < columns - column ? source[lane] : 0;
      }
    }
}

#define unpack_row NAME(unpack_row_)
static void unpack_row(const void *panels, long columns, long row, void *out) {
  const SCALAR *source = (const SCALAR *)panels + row / PANEL * columns * PANEL + row % PANEL;
  SCALAR *to = out;
  for (long column = 0; column < columns; column++) to[column] = source[column * PANEL];
}

// out[rows, ≤ PANEL] = or += left[rows, depth] · panel[depth, PANEL], with `rows` known when compiled.
#define tile NAME(tile_)
INLINE void tile(
    const int rows, const SCALAR *left, long left_stride, const SCALAR *panel, long depth, SCALAR *out, long out_stride,
    long columns, int adds) {
  vector sum[TILE_ROWS][2];
#pragma clang loop unroll(full)
  for (int row = 0; row < rows; row++) sum[row][0] = sum[row][1] = (vector){0};
  for (long k = 0; k < depth; k++) {
    vector low = load(panel + k * PANEL), high = load(panel + k * PANEL + LANES);
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) {
      vector x = splat(left[row * left_stride + k]);
      sum[row][0] = multiply_add(x, low, sum[row][0]);
      sum[row][1] = multiply_add(x, high, sum[row][1]);
    }
  }
#pragma clang loop unroll(full)
  for (int row = 0; row < rows; row++) {
    SCALAR *to = out + row * out_stride;
    if (columns == PANEL) {
      if (adds) {
        sum[row][0] += load(to);
        sum[row][1] += load(to + LANES);
      }
      store(to, sum[row][0]);
      store(to + LANES, sum[row][1]);
    } else {
      SCALAR part[PANEL];
      store(part, sum[row][0]);
      store(part + LANES, sum[row][1]);
      for (long column = 0; column < columns; column++) to[column] = adds ? to[column] + part[column] : part[column];
    }
  }
}

#define last_tile NAME(last_tile_)
static void last_tile(
    long rows, const SCALAR *left, long left_stride, const SCALAR *panel, long depth, SCALAR *out, long out_stride,
    long columns, int adds) {
#define ROWS(count) \
  case count: tile(count, left, left_stride, panel, depth, out, out_stride, columns, adds); break;
  switch (rows) {
    ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5)
#if TILE_ROWS > 6
    ROWS(6) ROWS(7) ROWS(8) ROWS(9) ROWS(10) ROWS(11)
#endif
    default: break;
  }
#undef ROWS
}

// One panel's columns over one part of the depth; the last part is followed by bias and activation.
#define multiply_block NAME(multiply_block_)
INLINE void multiply_block(const bertconv_product *p, long column, long from, long to, int adds, int last) {
  long columns = p->columns - column < PANEL ? p->columns - column : PANEL;
  const SCALAR *panel = (const SCALAR *)p->panels + (column / PANEL * p->depth + from) * PANEL;
  const SCALAR *left = (const SCALAR *)p->left + from;
  SCALAR *out = (SCALAR *)p->out + column;
  long row = 0;
  for (; row + TILE_ROWS <= p->rows; row += TILE_ROWS)
    tile(
        TILE_ROWS, left + row * p->left_stride, p->left_stride, panel, to - from, out + row * p->out_stride,
        p->out_stride, columns, adds);
  last_tile(
      p->rows - row, left + row * p->left_stride, p->left_stride, panel, to - from, out + row * p->out_stride,
      p->out_stride, columns, adds);
  if (!last || (!p->bias && p->activation == BERTCONV_IDENTITY)) return;
  const SCALAR *bias = p->bias ? (const SCALAR *)p->bias + column : NULL;
  for (row = 0; row < p->rows; row++) {
    SCALAR *to = out + row * p->out_stride;
    if (bias)
      for (long i = 0; i < columns; i++) to[i] += bias[i];
    activate(p->activation, to, columns);
  }
}

// Calls `body` for the parts [from, to) of the depth in the order of summation.
#define EACH_PART(body)                                                                     \
  for (int round = 0; round < 2; round++) {                                                 \
    long start = round ? 0 : p->begin, end = round ? p->begin : p->depth;                   \
    for (long from = start; from < end; from += DEPTH_BLOCK) {                              \
      long to = end - from < DEPTH_BLOCK ? end : from + DEPTH_BLOCK;                        \
      int adds = round || from > start, last = to == (p->begin ? p->begin : p->depth);      \
      body                                                                                  \
    }                                                                                       \
  }

#define multiply NAME(multiply_)
static void multiply(const bertconv_product *p) {
  if (p->rows * p->depth * (long)sizeof(SCALAR) <= LEFT_CACHED) {
    // The left matrix stays cached: read each panel once, from end to end.
    for (long column = 0; column < p->columns; column += PANEL) EACH_PART(multiply_block(p, column, from, to, adds, last);)
  } else {
    EACH_PART(for (long column = 0; column < p->columns; column += PANEL)
                  multiply_block(p, column, from, to, adds, last);)
  }
}
