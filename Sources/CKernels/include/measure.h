#pragma once

/// What the processor can do at best, for each kind of vectors that it may have: the same names as those of kernels.

/// Multiplies and adds single-precision numbers in registers, `rounds` times through as many independent chains as the
/// processor needs to be busy: x → x / 2 + 1, the first one from `number` on, every other one from one more than the one
/// before. Returns the number of floating-point operations, or 0 where it has no such vectors. One lane's sum over all
/// chains goes to `number`.
double bertconv_measure_products(const char *name, long rounds, float *number);

/// Reads `count` numbers once, in order, and returns their sum, or NaN where the processor has no such vectors.
float bertconv_measure_reading(const char *name, const float *values, long count);
