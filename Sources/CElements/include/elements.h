#pragma once

/// The transposed of a matrix of `rows` rows and `columns` columns that lies row by row without gaps:
/// out[column · out_stride + row] = matrix[row · columns + column]. Elements have 2, 4 or 8 bytes, at any address.
void bertconv_transpose(
    const void *matrix, long rows, long columns, long element_size, void *out, long out_stride);

/// A floating type.
enum { BERTCONV_F64, BERTCONV_F32, BERTCONV_F16, BERTCONV_BF16 };

/// What a change of type did to finite values.
typedef struct {
  /// How many came out different.
  long changed;
  /// How many of these became infinite.
  long overflowed;
} bertconv_rounding;

/// out[i] = the number of the type `to` that is nearest to input[i], of two the even one; NaN stays NaN. Rounded once,
/// whichever of the types, of which `from` and `to` are two. Both arrays lie at any address and do not overlap.
bertconv_rounding bertconv_round(int from, const void *input, int to, void *out, long count);
