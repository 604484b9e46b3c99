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
  container=$(basename "$folder") case=$(basename "$(dirname "$folder")")
  "$BERTCONV" convert "$folder" -o "$work/$case-$container.bertw" --quiet
  "$python" Tools/interop_check.py "$work/$case-$container.bertw"
  count=$((count + 1))
done
[ "$count" -gt 0 ]
echo "$count passed, 0 failed"
