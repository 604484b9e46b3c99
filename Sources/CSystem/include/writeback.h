#pragma once

/// Lets the system begin to bring these bytes of a file to its disk, and waits for nothing. What goes wrong is told by
/// the `fsync` that has to follow.
void bertconv_begin_writeback(int descriptor, long offset, long count);
