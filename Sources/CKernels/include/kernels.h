#pragma once
#include <stddef.h>
#include <stdint.h>

/// The element-wise functions; the numbers are the runtime's own and stored nowhere.
enum {
  BERTCONV_IDENTITY,
  BERTCONV_GELU_ERF,
  BERTCONV_GELU_TANH,
  BERTCONV_GELU_FAST,
  BERTCONV_GELU_SIGMOID,
  BERTCONV_RELU,
  BERTCONV_SILU,
  BERTCONV_TANH
};

/// out = activation(left · rightᵀ + bias), for matrices in memory row by row.
///
/// Every element of `out` is one chain of multiply-adds over `depth`, cut into parts whose sums are added in order: it
/// depends neither on the rows computed beside it nor on where tiles begin.
typedef struct {
  /// [rows, depth], rows `left_stride` elements apart; with a stride of 0 what `pack_left` made of it.
  const void *left;
  long left_stride;
  long rows;
  long depth;
  /// What `pack_rows` or `pack_columns` made: ceil(columns / panel_width) panels of [depth, panel_width].
  const void *panels;
  /// [rows, columns], rows `out_stride` elements apart.
  void *out;
  long out_stride;
  long columns;
  /// [columns], or null for none.
  const void *bias;
  int activation;
  /// The index of `depth` at which summation begins (it ends before it, having gone round): other rounding, same sum.
  long begin;
} bertconv_product;

/// One set of kernels for one scalar type and one kind of processor. All lengths and strides count elements.
typedef struct {
  const char *name;
  long scalar_size;
  /// Rows of a register tile, and columns of a packed panel.
  long tile_rows;
  long panel_width;

  /// Packs a matrix [rows, columns] for products with it transposed: panels of [columns, panel_width] rows.
  void (*pack_rows)(const void *matrix, long stride, long rows, long columns, void *panels);
  /// Packs a matrix [rows, columns] for products with it as it stands: panels of [rows, panel_width] columns.
  void (*pack_columns)(const void *matrix, long stride, long rows, long columns, void *panels);
  /// Packs the left matrix of a product [rows, depth]: tiles of [depth, tile_rows], the last one narrower where rows end.
  /// Rows from a multiple of `tile_rows` on begin at the same place in `tiles` as in a dense matrix.
  void (*pack_left)(const void *matrix, long stride, long rows, long depth, void *tiles);
  /// Takes one row of a matrix with `columns` columns back out of the panels that `pack_rows` made.
  void (*unpack_row)(const void *panels, long columns, long row, void *out);
  void (*multiply)(const bertconv_product *product);

  /// values[i] = activation(values[i])
  void (*activate)(int activation, void *values, long count);
  /// out[i] = left[i] + right[i]; out may be either.
  void (*add)(const void *left, const void *right, void *out, long count);
  /// out[i] += source[i · stride]; the stride may be negative.
  void (*add_strided)(void *out, const void *source, long stride, long count);
  /// out[i] = the mean of left[i] and right[i], or with `largest` not 0 the larger of them.
  void (*pool)(const void *left, const void *right, void *out, long count, int largest);
  /// out[i] += left[i] · right[i]
  void (*add_products)(void *out, const void *left, const void *right, long count);
  /// out[i] += factor · source[i]
  void (*add_scaled)(void *out, const void *source, double factor, long count);
  /// out = (x − mean) / √(variance + epsilon) · weight + bias over rows of `width`, where x = values + residual
  /// (residual may be null) and the variance is the biased one. out may be either input. `folded` not 0 multiplies
  /// the two factors first: other rounding, same value.
  void (*norm)(
      const void *values, const void *residual, const void *weight, const void *bias, double epsilon, long rows,
      long width, void *out, int folded);
  /// Replaces rows of `columns` scores by softmax(scores · scale). `hidden` (or null) is 0 for a visible column and
  /// −∞ for a hidden one, whose result is 0; where all are hidden the result is uniform.
  void (*softmax)(void *scores, long stride, long rows, long columns, double scale, const void *hidden);
  /// Rows of [rows, width], one a distance, from `first` on: sin(d · f_t), then cos(d · f_t), with
  /// f_t = 10000^(−2t / width). The width is even.
  void (*sinusoids)(long first, long rows, long width, void *out);
  /// out[i] += `same` where types[i] is `type`, or one of the two is 2, which is of the type of all; else `other`.
  void (*add_by_type)(void *out, const long *types, long type, double other, double same, long count);
} bertconv_kernels;

/// The kernels called `name` ("portable", "avx2", "avx512") for scalars of 4 or 8 bytes; null if this build has none
/// of that name or this processor cannot run them. A null name means the fastest.
const bertconv_kernels *bertconv_kernels_find(const char *name, long scalar_size);

/// Changes of number format, element by element: exact where it widens, to nearest even where it narrows.
void bertconv_f16_to_f32(const void *source, float *out, long count);
void bertconv_f16_to_f64(const void *source, double *out, long count);
void bertconv_bf16_to_f32(const void *source, float *out, long count);
void bertconv_bf16_to_f64(const void *source, double *out, long count);
void bertconv_f32_to_f64(const void *source, double *out, long count);
void bertconv_f64_to_f32(const void *source, float *out, long count);
