#!/usr/bin/env bash
# Counts the instructions of a tiny conversion and of a tiny model's runs, which hardly depend on what else the machine does,
# and compares them with Tools/instructions.txt: more than 3 % above is a failure.
# usage: BERTCONV=path/to/bertconv instructions.sh [--write]
set -euo pipefail
cd "$(dirname "$0")/.."
known=Tools/instructions.txt
model=Zoo/Goldens/bert-tiny
goldens=()
for golden in "$model"/golden-*.safetensors; do goldens+=(--golden "$golden"); done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Valgrind cannot read what recent compilers leave for debuggers.
strip -o "$folder/bertconv" "$BERTCONV"

# Instructions of one run of the program, of all threads.
count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$folder/bertconv" "$@" 2>"$folder/log" >/dev/null ||
    { tail -5 "$folder/log" >&2; return 1; }
  sed -nE 's/.*Collected : ([0-9]+).*/\1/p' "$folder/log"
}

# What goldens add to the verification of a model: runs in single and double precision. `bench` will not do, as the number of
# its runs depends on the clock.
inference() {
  local with without
  with=$(BERTCONV_KERNELS=$1 count verify "$folder/model.bertw" --threads 1 "${goldens[@]}")
  without=$(BERTCONV_KERNELS=$1 count verify "$folder/model.bertw" --threads 1)
  echo $((with - without))
}

status=0
report() {
  local name=$1 now=$2 before
  before=$(sed -nE "s/^$name ([0-9]+)$/\1/p" "$known" 2>/dev/null || true)
  echo "$name $now" >>"$folder/now.txt"
  if [ -z "$before" ]; then
    printf '%-24s %14d  not known yet\n' "$name" "$now"
    return
  fi
  local verdict=ok
  if [ $((now * 100)) -gt $((before * 103)) ]; then verdict="has grown from $before" status=1; fi
  printf '%-24s %14d  %s\n' "$name" "$now" "$verdict"
}

converted=$(count convert "$model" -o "$folder/model.bertw" --threads 1 --quiet)
report convert "$converted"
portable=$(inference portable)
report inference-portable "$portable"
# Valgrind knows no AVX-512, and has AVX2 only where the processor has it.
if grep -qw avx2 /proc/cpuinfo; then
  avx2=$(inference avx2)
  report inference-avx2 "$avx2"
fi
if [ "${1:-}" = --write ]; then
  cp "$folder/now.txt" "$known"
  echo "written to $known"
  exit 0
fi
exit $status
