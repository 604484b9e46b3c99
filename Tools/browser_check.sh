#!/usr/bin/env bash
# Renders a passing, a failing and a hostile report in a headless Chromium at phone and desktop width: the page must be as
# wide as the window, draw its plots, load nothing, run nothing, and leave no error on the console. Screenshots stay in
# Downloads/browser.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=Downloads/browser
mkdir -p "$folder"
model=Zoo/Goldens/bert-tiny
golden=$model/golden-padded.safetensors
"$BERTCONV" verify "$model" --golden "$golden" --html "$folder/pass.html" --quiet
"$BERTCONV" verify "$model" --golden "$golden" --html "$folder/fail.html" --quiet --set hidden_act=gelu_new && exit 1 || [ $? = 1 ]
# A file's name that would be an element with a script, if it got into the page as it is.
hostile="$folder/<img src=x onerror=document.title='owned'><b id=owned>"
rm -rf "$folder"/*owned*
cp -r "$model" "$hostile"
"$BERTCONV" verify "$hostile" --golden "$hostile/golden-padded.safetensors" --html "$folder/hostile.html" --quiet
status=0
for verdict in pass fail hostile; do
  sed -E 's/&lt;[^<]*&gt;//g' "$folder/$verdict.html" | grep -qE '(src|href)=|url\(|@import|<script' &&
    { echo "$verdict: the page loads something"; status=1; }
  for width in 390 1280; do
    probe=$folder/$verdict-$width.html
    sed 's|</body>|<script>document.title=[document.documentElement.scrollWidth<=innerWidth,document.querySelectorAll("svg circle").length>0,document.querySelectorAll("svg rect").length>0,document.querySelectorAll("tbody tr").length>0,!document.querySelector("img,#owned,script[src]")].join()</script></body>|' \
      "$folder/$verdict.html" >"$probe"
    run=(chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$PWD/$folder/profile" --window-size=$width,2600)
    title=$("${run[@]}" --enable-logging=stderr --dump-dom "file://$PWD/$probe" 2>"$folder/log" | sed -n 's#^<title>\(.*\)</title>.*#\1#p')
    if grep -q 'CONSOLE.*[Ee]rror' "$folder/log"; then grep CONSOLE "$folder/log"; status=1; fi
    "${run[@]}" --screenshot="$PWD/$folder/$verdict-$width.png" "file://$PWD/$folder/$verdict.html" 2>/dev/null
    echo "$verdict at $width: fits, plot, map, table, nothing foreign = $title"
    [ "$title" = true,true,true,true,true ] || status=1
    rm "$probe"
  done
done
exit $status
