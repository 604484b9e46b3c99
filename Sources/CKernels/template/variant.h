// All kernels of one kind of processor, for both scalar types. Set before: VARIANT (the name), TABLE (the stem of the
// tables' names), VECTOR_BYTES, TILE_ROWS and FUSED.
#include "../variants.h"
#include <math.h>

#define SCALAR float
#define WORD int32_t
#define SUFFIX f32
#define SQUARE_ROOT sqrtf
#include "vector.h"
#include "functions-f32.h"
#include "activate.h"
#include "product.h"
#include "rows.h"
#include "relative.h"
#include "table.h"
#undef SCALAR
#undef WORD
#undef SUFFIX
#undef SQUARE_ROOT

#define SCALAR double
#define WORD int64_t
#define SUFFIX f64
#define SQUARE_ROOT sqrt
#include "vector.h"
#include "functions-f64.h"
#include "activate.h"
#include "product.h"
#include "rows.h"
#include "relative.h"
#include "table.h"
