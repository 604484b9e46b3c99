#!/usr/bin/env bash
# The main job on a published model: fetch, inspect, convert, verify against what PyTorch computed with the original.
# usage: BERTCONV=path/to/bertconv demo.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
say() { printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi; }
run() { printf '$ bertconv %s\n' "$*"; "$BERTCONV" "$@"; }

say "1. A published model"
status=0
Tools/fetch_minilm.sh "$folder" || status=$?
if [ "$status" = 0 ]; then
  model=$folder/model goldens=(Zoo/Goldens/all-MiniLM-L6-v2/golden-*.safetensors) name=all-MiniLM-L6-v2
  echo "all-MiniLM-L6-v2, a BERT that turns sentences into vectors: $(du -h "$model/model.safetensors" | cut -f1)B of weights"
elif [ "$status" = 3 ]; then
  model=Zoo/Goldens/bert-tiny goldens=(Zoo/Goldens/bert-tiny/golden-*.safetensors) name=bert-tiny
  echo "The package registry cannot be reached, so the model is not there. The tiny model of this checkout takes its place."
else
  exit "$status"
fi
output=$folder/$name.bertw
mkdir -p "$folder"

say "2. What is in it?"
run inspect "$model"

say "3. Convert it"
run convert "$model" -o "$output" --verify --force

say "4. Does it compute what the original computes?"
arguments=()
for golden in "${goldens[@]}"; do arguments+=(--golden "$golden"); done
run verify "$output" "${arguments[@]}"

say "Done"
cat <<TEXT
$output holds the model: one file, the same bytes from whatever container these weights come.
Its outputs were compared with PyTorch's, layer by layer: every one lies within the noise of rounding.
  $BERTCONV inspect $output
  $BERTCONV verify $output
TEXT
