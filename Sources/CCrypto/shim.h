#pragma once
#if !__has_include(<openssl/sha.h>)
#error "openssl/sha.h is missing: apt-get install libssl-dev (or run `make deps`)"
#endif
// The hash's own state, which OpenSSL 3 keeps to itself behind its newer functions, lets two messages be hashed at once.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
