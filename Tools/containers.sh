#!/usr/bin/env bash
# Prints which containers of which naming layouts give the same bytes: every container of every model of the fixtures is
# converted and compared with the model's safetensors file. Exit code 1 where a byte differs.
# usage: BERTCONV=path/to/bertconv containers.sh [CASE], CASE a pattern such as 'bert/*'
set -euo pipefail
cd "$(dirname "$0")/.."
models=Tests/Fixtures/models
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The text of a member of the report.
member() { sed -n "s/^  \"$1\": \"\(.*\)\",\$/\1/p" "$work/report.json"; }

# Converts a source into $work/$1.bertw.
convert() {
  local output=$work/$1.bertw source=$2
  shift 2
  "$BERTCONV" convert "$source" -o "$output" --force --json --quiet "$@" >"$work/report.json"
}

# A line of the list: tabs between the columns.
line() { printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$@" >>"$work/list"; }

compare() {
  local case=$1 reference=$2 container=$3 source=$4
  shift 4
  local verdict=differs
  if ! convert other "$source" "$@"; then
    line "$case" "$container" - - "not converted" "$*"
    return
  fi
  cmp -s "$work/reference.bertw" "$work/other.bertw" && verdict="same as $reference"
  line "$case" "$container" "$(member container)" "$(member layout)" "$verdict" "$*"
}

: >"$work/list"
set -o noglob
for case in $(set +o noglob; cd "$models" && ls -d */*); do
  [[ $case == ${1:-*} ]] || continue
  containers=$(cd "$models/$case" && find . -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | LC_ALL=C sort)
  reference=$(head -n 1 <<<"$containers")
  grep -qx safetensors <<<"$containers" && reference=safetensors
  convert reference "$models/$case/$reference"
  line "$case" "$reference" "$(member container)" "$(member layout)" reference ""
  for container in $containers; do
    [ "$container" = "$reference" ] && continue
    switches=$(sed -n "s/^$container //p" "$models/$case/comparison.txt" 2>/dev/null || true)
    compare "$case" "$reference" "$container" "$models/$case/$container" $switches
  done
  compare "$case" "$reference" .bertw "$work/reference.bertw"
done

awk -F '\t' '
  function fill(text, width) { return sprintf("%-" width "s", text) }
  function show(row,    column, text) {
    text = ""
    for (column = 1; column <= 6; column++) text = text fill(cell[row, column], widest[column] + 2)
    sub(/ +$/, "", text)
    print text
  }
  BEGIN { split("case\tfolder\tcontainer\tnames\tbytes\tunder the switches", title, "\t"); rows = 0; add(title) }
  function add(values,    column) {
    for (column = 1; column <= 6; column++) {
      cell[rows, column] = values[column]
      if (length(values[column]) > widest[column]) widest[column] = length(values[column])
    }
    rows++
  }
  {
    for (column = 1; column <= 6; column++) values[column] = $column
    add(values)
    family = $1
    sub("/.*", "", family)
    if (!(family in families)) { families[family]; order[++familyCount] = family }
    row = family "\t" $4
    if (!(row in rowSeen)) { rowSeen[row]; layouts[family] = layouts[family] (layouts[family] == "" ? "" : "\t") $4 }
    containers[$3]
    all[row, $3]++
    if ($5 == "reference" || $5 ~ /^same/) same[row, $3]++; else wrong++
    if ($5 != "reference") compared++
  }
  END {
    for (row = 0; row < rows; row++) show(row)
    wordCount = split("safetensors\ttorch zip\ttorch legacy\ttensorflow v1\ttensorflow v2\thdf5\tkeras\tbertw\t-", word, "\t")
    for (place = 1; place <= familyCount; place++) {
      family = order[place]
      count = split(layouts[family], layout, "\t")
      text = fill(family, 30)
      for (column = 1; column <= wordCount; column++) if (word[column] in containers) text = text fill(word[column], 15)
      sub(/ +$/, "", text)
      print "\n" text
      for (line = 1; line <= count; line++) {
        text = fill(layout[line], 30)
        for (column = 1; column <= wordCount; column++) {
          if (!(word[column] in containers)) continue
          row = family "\t" layout[line]
          text = text fill((row, word[column]) in all ? same[row, word[column]] + 0 " of " all[row, word[column]] : "", 15)
        }
        sub(/ +$/, "", text)
        print text
      }
    }
    printf "\n%d files compared, %d differ\n", compared, wrong
    exit (wrong > 0 || compared == 0)
  }' "$work/list"
