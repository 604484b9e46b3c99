// Kernels for any processor: vectors of 16 bytes, which the compiler maps to what there is.
#define VARIANT "portable"
#define TABLE bertconv_portable_
#define VECTOR_BYTES 16
#define TILE_ROWS 4
#define FUSED 0
#include "template/variant.h"
