#pragma once
#if !__has_include(<hdf5.h>)
#error "hdf5.h is missing: apt-get install libhdf5-dev (or run `make deps`)"
#endif
#if !__has_include(<zlib.h>)
#error "zlib.h is missing: apt-get install zlib1g-dev (or run `make deps`)"
#endif
#define H5_USE_110_API
#include <hdf5.h>
#include <zlib.h>

// Macros that expand to casts, calls or the library's own variables are not visible in Swift; these are.

static inline hid_t bertconv_h5_default(void) { return H5P_DEFAULT; }
static inline hid_t bertconv_h5_current_errors(void) { return H5E_DEFAULT; }
static inline hid_t bertconv_h5_file_access(void) { return H5P_FILE_ACCESS; }
static inline unsigned bertconv_h5_read_only(void) { return H5F_ACC_RDONLY; }
static inline hid_t bertconv_h5_whole_space(void) { return H5S_ALL; }
static inline haddr_t bertconv_h5_undefined_address(void) { return HADDR_UNDEF; }

/// The memory type of a variable-length string that reads from `file_type`; the caller closes it.
static inline hid_t bertconv_h5_text_type(hid_t file_type) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5Tget_cset(file_type));
  return type;
}

/// Where the object behind `object` begins in the file; HADDR_UNDEF when the library cannot tell.
static inline haddr_t bertconv_h5_address(hid_t object) {
  H5O_info_t info;
  return H5Oget_info2(object, &info, H5O_INFO_BASIC) < 0 ? HADDR_UNDEF : info.addr;
}

/// Where the object of a hard link begins: a union member in C.
static inline haddr_t bertconv_h5_target(const H5L_info_t *link) { return link->u.address; }

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/// A pipe whose ends no program gets that another thread starts meanwhile; -1 with `errno` where there is none.
static inline int bertconv_h5_pipe(int ends[2]) { return (int)syscall(SYS_pipe2, ends, O_CLOEXEC); }

/// Confines a process that was just forked to read a doubtful file: it dies with its parent, leaves no core, prints
/// nothing, writes no file, and is ended by a signal after `milliseconds` of computing; `bytes` of memory beside what it
/// has are the most it gets. Not zero when a limit could not be set.
static inline int bertconv_h5_confine(unsigned milliseconds, size_t bytes) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int stream = 0; stream <= 2; stream++) {
    if (null >= 0) dup2(null, stream); else close(stream);
  }
  const int defaults[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGTRAP, SIGPROF, SIGINT, SIGTERM, SIGHUP};
  for (unsigned i = 0; i < sizeof defaults / sizeof *defaults; i++) signal(defaults[i], SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);

  unsigned long pages = 0;
  FILE *status = fopen("/proc/self/statm", "re");
  if (status) {
    if (fscanf(status, "%*u %*u %*u %*u %*u %lu", &pages) != 1) pages = 0;
    fclose(status);
  }
  size_t data = pages * (size_t)sysconf(_SC_PAGESIZE) + bytes;
  const struct rlimit nothing = {0, 0}, memory = {data, data};
  const struct itimerval computing = {{0, 0}, {milliseconds / 1000, milliseconds % 1000 * 1000}};
  return prctl(PR_SET_PDEATHSIG, SIGKILL) | prctl(PR_SET_DUMPABLE, 0) | setrlimit(RLIMIT_CORE, &nothing)
    | setrlimit(RLIMIT_FSIZE, &nothing) | (pages ? setrlimit(RLIMIT_DATA, &memory) : -1)
    | setitimer(ITIMER_PROF, &computing, NULL);
}
