#include "variants.h"
#include <string.h>

static const bertconv_kernels *const tables[] = {
#if defined(__x86_64__)
    &bertconv_avx512_f32, &bertconv_avx512_f64, &bertconv_avx2_f32, &bertconv_avx2_f64,
#endif
    &bertconv_portable_f32, &bertconv_portable_f64,
};

static int runs_here(const char *name) {
#if defined(__x86_64__)
  if (!strcmp(name, "avx512"))
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  if (!strcmp(name, "avx2")) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return !strcmp(name, "portable");
}

const bertconv_kernels *bertconv_kernels_find(const char *name, long scalar_size) {
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    const bertconv_kernels *table = tables[i];
    if (table->scalar_size == scalar_size && (!name || !strcmp(name, table->name)) && runs_here(table->name))
      return table;
  }
  return NULL;
}
