#pragma once

/// What the processor can do at best, for each kind of vectors that it may have: the same names as those of kernels.

/// Multiplies and adds single-precision numbers in registers, `rounds` times through as many independent chains as the
/// processor needs to be busy. Returns the number of floating-point operations, or 0 where it has no such vectors. What
/// goes to `result` only keeps the work from being left out.
double bertconv_measure_products(const char *name, long rounds, float *result);

/// Reads `count` numbers once, in order, and returns their sum, or NaN where the processor has no such vectors.
float bertconv_measure_reading(const char *name, const float *values, long count);
