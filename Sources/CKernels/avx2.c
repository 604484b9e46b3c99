// Kernels for x86-64 processors with AVX2 and FMA: 12 of the 16 registers hold a tile's sums.
#include <math.h>
#include "variants.h"
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define VARIANT "avx2"
#define TABLE bertconv_avx2_
#define VECTOR_BYTES 32
#define TILE_ROWS 6
#define FUSED 1
#include "template/variant.h"
#pragma clang attribute pop
#endif
