#pragma once

/// From now on SIGINT, SIGTERM and SIGHUP remove the file at `path` and end the process with 128 + the signal's number.
/// One file at a time.
void bertconv_cleanup_begin(const char *path);

/// Interrupts end the process as usual again.
void bertconv_cleanup_end(void);
