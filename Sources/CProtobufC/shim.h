#pragma once
#if !__has_include(<protobuf-c/protobuf-c.h>)
#error "protobuf-c.h is missing: apt-get install libprotobuf-c-dev (or run `make deps`)"
#endif
#include <protobuf-c/protobuf-c.h>
