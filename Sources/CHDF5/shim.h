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
