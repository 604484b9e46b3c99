#pragma once
#include <stddef.h>

/// The files of Zoo/Variants, held inside the binary: UTF-8 JSON, each followed by a zero byte. `length` is set to the
/// bytes of all together.
const unsigned char *bertconv_zoo_variants(size_t *length);

/// The files of Zoo/Layouts, held and given likewise.
const unsigned char *bertconv_zoo_layouts(size_t *length);

/// The files of Zoo/Models, held and given likewise.
const unsigned char *bertconv_zoo_models(size_t *length);
