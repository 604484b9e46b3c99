#define _GNU_SOURCE
#include "writeback.h"
#include <fcntl.h>

void bertconv_begin_writeback(int descriptor, long offset, long count) {
#if defined(SYNC_FILE_RANGE_WRITE)
  sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
#else
  (void)descriptor, (void)offset, (void)count;
#endif
}
