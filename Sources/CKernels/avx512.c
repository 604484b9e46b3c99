// Kernels for x86-64 processors with AVX-512: 24 of the 32 registers hold a tile's sums.
#include <math.h>
#include "variants.h"
#if defined(__x86_64__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,prefer-256-bit"))), apply_to = function)
#define VARIANT "avx512"
#define TABLE bertconv_avx512_
#define VECTOR_BYTES 64
#define TILE_ROWS 12
#define FUSED 1
#include "template/variant.h"
#pragma clang attribute pop
#endif
