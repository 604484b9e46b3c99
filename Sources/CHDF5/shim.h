#pragma once
#if !__has_include(<hdf5.h>)
#error "hdf5.h is missing: apt-get install libhdf5-dev (or run `make deps`)"
#endif
#define H5_USE_110_API
#include <hdf5.h>
