// Packing and the product of matrices: the right matrix lies in panels of PANEL columns, in the order in which a tile of
// TILE_ROWS × PANEL sums in registers reads them (K. Goto, R. van de Geijn, "Anatomy of high-performance matrix
// multiplication", 2008).

#define PANEL (2 * LANES)
// Rows of a panel that are worked through at a time, so that this part of the panel stays in the first-level cache.
#define DEPTH_BLOCK ((long)(16384 / (PANEL * sizeof(SCALAR))))
// How far ahead of its use a panel is fetched into the second-level cache: memory answers about every hundred nanoseconds,
// and the first level has too few places for lines that are on their way.
#define PANEL_AHEAD (4 * DEPTH_BLOCK)
// Bytes of a left matrix that stay in the second-level cache while panels pass by.
#define LEFT_CACHED 458752
// Rows whose sums are held at a time.
#define MOST_ROWS (12 * TILE_ROWS)

#define four NAME(four_)
typedef SCALAR four __attribute__((vector_size(4 * sizeof(SCALAR))));

// to[k · step + row] = from[row · stride + k]: rows change for columns, four by four where there are as many, and some of
// the depth at a time, so that what is written stays in the cache until all its rows are there.
#define change_axes NAME(change_axes_)
INLINE void change_axes(const SCALAR *from, long stride, long rows, long depth, SCALAR *to, long step) {
  for (long first = 0; first < depth; first += 64) {
    long end = first + 64 < depth ? first + 64 : depth, row = 0;
    for (; row + 4 <= rows; row += 4) {
      long k = first;
      for (; k + 4 <= end; k += 4) {
        four line[4];
        for (int i = 0; i < 4; i++) __builtin_memcpy(&line[i], from + (row + i) * stride + k, sizeof line[i]);
        four even = __builtin_shufflevector(line[0], line[2], 0, 4, 1, 5);
        four odd = __builtin_shufflevector(line[1], line[3], 0, 4, 1, 5);
        four later_even = __builtin_shufflevector(line[0], line[2], 2, 6, 3, 7);
        four later_odd = __builtin_shufflevector(line[1], line[3], 2, 6, 3, 7);
        line[0] = __builtin_shufflevector(even, odd, 0, 4, 1, 5);
        line[1] = __builtin_shufflevector(even, odd, 2, 6, 3, 7);
        line[2] = __builtin_shufflevector(later_even, later_odd, 0, 4, 1, 5);
        line[3] = __builtin_shufflevector(later_even, later_odd, 2, 6, 3, 7);
        for (int i = 0; i < 4; i++) __builtin_memcpy(to + (k + i) * step + row, &line[i], sizeof line[i]);
      }
      for (; k < end; k++)
        for (int i = 0; i < 4; i++) to[k * step + row + i] = from[(row + i) * stride + k];
    }
    for (; row < rows; row++)
      for (long k = first; k < end; k++) to[k * step + row] = from[row * stride + k];
  }
}

#define pack_rows NAME(pack_rows_)
static void pack_rows(const void *matrix, long stride, long rows, long columns, void *panels) {
  const SCALAR *from = matrix;
  SCALAR *to = panels;
  for (long row = 0; row < rows; row += PANEL, to += columns * PANEL) {
    long there = rows - row < PANEL ? rows - row : PANEL;
    change_axes(from + row * stride, stride, there, columns, to, PANEL);
    if (there < PANEL)
      for (long column = 0; column < columns; column++)
        for (long lane = there; lane < PANEL; lane++) to[column * PANEL + lane] = 0;
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

#define pack_left NAME(pack_left_)
static void pack_left(const void *matrix, long stride, long rows, long depth, void *tiles) {
  const SCALAR *from = matrix;
  SCALAR *to = tiles;
  for (long row = 0; row < rows; row += TILE_ROWS) {
    long there = rows - row < TILE_ROWS ? rows - row : TILE_ROWS;
    // With a width that is known when compiled where tiles are whole.
    if (there == TILE_ROWS)
      change_axes(from + row * stride, stride, TILE_ROWS, depth, to + row * depth, TILE_ROWS);
    else
      change_axes(from + row * stride, stride, there, depth, to + row * depth, there);
  }
}

// sums[rows, PANEL] = or += left[rows, depth] · panel[depth, PANEL], with `rows` known when compiled. The element of row
// r and depth k is left[r · row_step + k · depth_step]. Meanwhile `ahead` lines of PANEL numbers at `next` are fetched
// into the second-level cache.
#define tile NAME(tile_)
INLINE void tile(
    const int rows, const SCALAR *left, long row_step, long depth_step, const SCALAR *panel, long depth, SCALAR *sums,
    int adds, const SCALAR *next, long ahead) {
  vector sum[TILE_ROWS][2];
#pragma clang loop unroll(full)
  for (int row = 0; row < rows; row++) sum[row][0] = sum[row][1] = (vector){0};
  for (long k = 0; k < depth; k++) {
    vector low = load(panel + k * PANEL), high = load(panel + k * PANEL + LANES);
    if (k < ahead) {
      __builtin_prefetch(next + k * PANEL, 0, 2);
      if (PANEL * sizeof(SCALAR) > 64) __builtin_prefetch(next + k * PANEL + LANES, 0, 2);
    }
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) {
      vector x = splat(left[row * row_step + k * depth_step]);
      sum[row][0] = multiply_add(x, low, sum[row][0]);
      sum[row][1] = multiply_add(x, high, sum[row][1]);
    }
  }
#pragma clang loop unroll(full)
  for (int row = 0; row < rows; row++) {
    SCALAR *to = sums + row * PANEL;
    if (adds) {
      sum[row][0] += load(to);
      sum[row][1] += load(to + LANES);
    }
    store(to, sum[row][0]);
    store(to + LANES, sum[row][1]);
  }
}

#define any_tile NAME(any_tile_)
INLINE void any_tile(
    long rows, const SCALAR *left, long left_stride, const SCALAR *panel, long depth, SCALAR *sums, int adds,
    const SCALAR *next, long ahead) {
#define ROWS(count)                                                                               \
  case count:                                                                                     \
    if (left_stride)                                                                              \
      tile(count, left, left_stride, 1, panel, depth, sums, adds, next, ahead);                   \
    else                                                                                          \
      tile(count, left, 1, count, panel, depth, sums, adds, next, ahead);                         \
    break;
  switch (rows) {
    ROWS(1) ROWS(2) ROWS(3) ROWS(4)
#if TILE_ROWS > 4
    ROWS(5) ROWS(6)
#endif
#if TILE_ROWS > 6
    ROWS(7) ROWS(8) ROWS(9) ROWS(10) ROWS(11) ROWS(12)
#endif
    default: break;
  }
#undef ROWS
}

// Fetches the lines of some rows of the result that are about to be written.
#define expect_rows NAME(expect_rows_)
INLINE void expect_rows(const SCALAR *out, long stride, long rows) {
  for (long row = 0; row < rows; row++, out += stride) {
    __builtin_prefetch(out, 1, 2);
    if (PANEL * sizeof(SCALAR) > 64) __builtin_prefetch(out + LANES, 1, 2);
  }
}

// Calls `body` for the parts [from, to) of the depth in the order of summation.
#define EACH_PART(body)                                                                     \
  for (int round = 0; round < 2; round++) {                                                 \
    long start = round ? 0 : p->begin, end = round ? p->begin : p->depth;                   \
    for (long from = start; from < end; from += DEPTH_BLOCK) {                              \
      long to = end - from < DEPTH_BLOCK ? end : from + DEPTH_BLOCK;                        \
      int adds = round || from > start;                                                     \
      body                                                                                  \
    }                                                                                       \
  }

// Some rows of one panel's columns: the sums first, then bias and activation, then they go where they belong.
#define multiply_panel NAME(multiply_panel_)
static void multiply_panel(const bertconv_product *p, long first, long rows, long column) {
  SCALAR sums[MOST_ROWS * PANEL] __attribute__((aligned(64)));
  const SCALAR *panel = (const SCALAR *)p->panels + column * p->depth;
  const SCALAR *left = (const SCALAR *)p->left + first * (p->left_stride ? p->left_stride : p->depth);
  SCALAR *out = (SCALAR *)p->out + first * p->out_stride + column;
  EACH_PART(
      // Panels lie one behind the other. Every tile fetches as much as its rows are of all, in step with the arithmetic.
      const SCALAR *next = panel + (to + PANEL_AHEAD) * PANEL;
      for (long row = 0; row < rows; row += TILE_ROWS) {
        long there = rows - row < TILE_ROWS ? rows - row : TILE_ROWS;
        const SCALAR *own = left + (p->left_stride ? row * p->left_stride + from : row * p->depth + from * there);
        if (!adds) expect_rows(out + row * p->out_stride, p->out_stride, there);
        long share = (to - from) * there / rows;
        any_tile(there, own, p->left_stride, panel + from * PANEL, to - from, sums + row * PANEL, adds, next, share);
        next += share * PANEL;
      })
  long columns = p->columns - column < PANEL ? p->columns - column : PANEL;
  const SCALAR *bias = p->bias ? (const SCALAR *)p->bias + column : NULL;
  if (bias)
    for (long row = 0; row < rows; row++)
      for (long i = 0; i < columns; i++) sums[row * PANEL + i] += bias[i];
  if (p->activation != BERTCONV_IDENTITY) activate(p->activation, sums, rows * PANEL);
  for (long row = 0; row < rows; row++, out += p->out_stride) {
    if (columns == PANEL) {
      store(out, load(sums + row * PANEL));
      store(out + LANES, load(sums + row * PANEL + LANES));
    } else {
      __builtin_memcpy(out, sums + row * PANEL, (size_t)columns * sizeof(SCALAR));
    }
  }
}

#define multiply NAME(multiply_)
static void multiply(const bertconv_product *p) {
  // The left matrix stays cached while panels pass by, and every panel while rows do.
  long fitting = LEFT_CACHED / (long)sizeof(SCALAR) / (p->depth > 0 ? p->depth : 1) / TILE_ROWS * TILE_ROWS;
  long most = fitting < TILE_ROWS ? TILE_ROWS : fitting > MOST_ROWS ? MOST_ROWS : fitting;
  // In blocks of about the same size: few rows alone would not be worth a panel's way through the cache.
  long blocks = (p->rows + most - 1) / most, tiles = (p->rows + TILE_ROWS - 1) / TILE_ROWS;
  long block = blocks > 0 ? (tiles + blocks - 1) / blocks * TILE_ROWS : 0;
  for (long row = 0; row < p->rows; row += block)
    for (long column = 0; column < p->columns; column += PANEL)
      multiply_panel(p, row, p->rows - row < block ? p->rows - row : block, column);
}
