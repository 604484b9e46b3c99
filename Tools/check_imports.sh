#!/usr/bin/env bash
# The arrows between modules point one way: each module imports only what stands behind its name here.
set -euo pipefail
cd "$(dirname "$0")/.."
declare -A allowed=(
  [BertCore]="CCrypto CChecksum CSystem Glibc Synchronization"
  [BertSources]="BertCore CHDF5 CZip CProtobufC CTensorFlowMessages Glibc Synchronization"
  [BertZoo]="BertCore CZooData Glibc"
  [BertPlan]="BertCore BertZoo"
  [BertFormat]="BertCore BertZoo Synchronization"
  [BertRuntime]="BertCore BertZoo CKernels Glibc Synchronization"
  [BertConvKit]="BertCore BertSources BertZoo BertPlan BertFormat BertRuntime CElements Glibc Synchronization"
  [bertconv]="BertConvKit BertCore ArgumentParser Glibc"
)
status=0
for module in "${!allowed[@]}"; do
  while IFS=: read -r file line text; do
    name=$(sed -E 's/.*import +([A-Za-z0-9_]+).*/\1/' <<<"$text")
    if [[ " ${allowed[$module]} " != *" $name "* ]]; then
      echo "$file:$line: $module may not import $name" >&2
      status=1
    fi
  done < <(grep -rnE '^(@[A-Za-z]+ +)*(public |package |internal )?import ' "Sources/$module" --include='*.swift')
done
exit $status
