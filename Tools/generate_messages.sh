#!/bin/sh
# Writes Sources/CTensorFlowMessages from Schemas/*.proto. The result is committed, so that a build needs no protobuf
# compiler; it changes only when a schema does. Needs: protobuf-compiler, protobuf-c-compiler.
set -eu
cd "$(dirname "$0")/.."
target=Sources/CTensorFlowMessages
rm -f "$target"/*.pb-c.c "$target"/include/*.pb-c.h
protoc-c -ISchemas --c_out="$target" Schemas/*.proto
mv "$target"/*.pb-c.h "$target"/include/
