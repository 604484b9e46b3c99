#!/usr/bin/env bash
# Converts every model of the fixtures and lets another implementation of the format judge the results.
# usage: BERTCONV=path/to/bertconv interop.sh PYTHON
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
for folder in Tests/Fixtures/models/*/*/*/; do
  output=$work/$(tr / - <<<"${folder#Tests/Fixtures/models/}" | sed 's/-$//').bertw
  "$BERTCONV" convert "$folder" -o "$output" --quiet
  "$python" Tools/interop_check.py "$output"
  rm "$output"
  count=$((count + 1))
done
[ "$count" -gt 0 ]
echo "$count passed, 0 failed"
