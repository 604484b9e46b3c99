#pragma once
#include "kernels.h"

// The tables that template/table.h makes, by kind of processor and scalar type.
extern const bertconv_kernels bertconv_portable_f32, bertconv_portable_f64;
#if defined(__x86_64__)
extern const bertconv_kernels bertconv_avx2_f32, bertconv_avx2_f64;
extern const bertconv_kernels bertconv_avx512_f32, bertconv_avx512_f64;
#endif
