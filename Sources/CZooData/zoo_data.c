// The variant descriptors travel inside the binary, so that an installed bertconv needs no file of its checkout.
#include "zoo_data.h"

static const unsigned char bert[] = {
#embed "../../Zoo/Variants/bert.json"
};

static const bertconv_zoo_file variants[] = {
    {"bert", bert, sizeof bert},
};

size_t bertconv_zoo_variant_count(void) { return sizeof variants / sizeof variants[0]; }
bertconv_zoo_file bertconv_zoo_variant(size_t index) { return variants[index]; }
