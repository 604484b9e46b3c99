#pragma once
#if !__has_include(<zip.h>)
#error "zip.h is missing: apt-get install libzip-dev (or run `make deps`)"
#endif
#include <zip.h>
