#pragma once
#include <stddef.h>
#include <stdint.h>

/// Whether this processor takes the blocks of two messages at once.
int bertconv_sha256_takes_two(void);

/// Takes `blocks` blocks of 64 bytes of two messages into their states, in which the message's eight words stand in
/// their order (FIPS 180-4). Only where `bertconv_sha256_takes_two()` says so.
void bertconv_sha256_two(
    uint32_t first[8], const void *first_bytes, uint32_t second[8], const void *second_bytes, size_t blocks);
