#pragma once
#if !__has_include(<openssl/evp.h>)
#error "openssl/evp.h is missing: apt-get install libssl-dev (or run `make deps`)"
#endif
#include <openssl/evp.h>
