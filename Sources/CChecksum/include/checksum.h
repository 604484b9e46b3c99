#pragma once
#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli) of `length` bytes, continuing from `crc` (0 to begin).
uint32_t bertconv_crc32c(uint32_t crc, const void *bytes, size_t length);

/// CRC-32 (IEEE 802.3, the polynomial of zip archives), continuing from `crc` (0 to begin).
uint32_t bertconv_crc32(uint32_t crc, const void *bytes, size_t length);

/// The same by tables alone: what processors without carry-less multiplication run.
uint32_t bertconv_crc32c_portable(uint32_t crc, const void *bytes, size_t length);
uint32_t bertconv_crc32_portable(uint32_t crc, const void *bytes, size_t length);
