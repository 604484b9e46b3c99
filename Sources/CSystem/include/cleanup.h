#pragma once

/// From now on SIGINT, SIGTERM and SIGHUP remove the file at `path` and end the process with 128 + the signal's number.
/// A file that grows beyond what the process may write (SIGXFSZ) is from now on an error of the write.
///
/// Returns the slot to give to `bertconv_cleanup_end`, or -1 where more files are unfinished than are watched over.
int bertconv_cleanup_begin(const char *path);

/// Forgets the file of that slot; once there is none left, interrupts end the process as usual again.
void bertconv_cleanup_end(int slot);
