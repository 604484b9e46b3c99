#pragma once
#include <stddef.h>

/// One file of Zoo/Variants, held inside the binary.
typedef struct {
  const char *name;            ///< the family's identifier
  const unsigned char *bytes;  ///< UTF-8 JSON, not terminated
  size_t length;               ///< in bytes
} bertconv_zoo_file;

/// The number of embedded variant descriptors.
size_t bertconv_zoo_variant_count(void);

/// The variant descriptor at `index`, in the order of the families' names.
bertconv_zoo_file bertconv_zoo_variant(size_t index);
