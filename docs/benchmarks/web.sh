#!/usr/bin/env bash
# CPU time of a pipeline without the web modules, with them while nobody looks, and with all of it in use: /metrics
# asked for each second, the stream of the statistics open, and a tap at its default rate. It is CPU time of the
# pipeline alone, on one CPU, so that it matters little who else uses the machine and what it costs to hand events from
# one CPU to another; the ways take turns.
#
#   ROUNDS          rounds, 9 unless set
#   LINES_OF_INPUT  lines, 4000000 unless set
#   PORT            port of the web server, 15515 unless set
#
# Needs Go, bash 5, curl and GNU time. What watches is docs/benchmarks/watch.
set -euo pipefail
export LC_ALL=C # the decimal point
cd "$(dirname "$0")/../.."
rounds=${ROUNDS:-9}
lines=${LINES_OF_INPUT:-4000000}
port=${PORT:-15515}
dir=$(mktemp -d)
watcher=
cleanup() {
    [ -z "$watcher" ] || kill -INT "$watcher" 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT
CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$dir/ours" ./cmd/gambolputty
go build -o "$dir/generate" ./docs/benchmarks/generate
go build -o "$dir/watch" ./docs/benchmarks/watch
mkfifo "$dir/pipe"
"$dir/generate" -kind access -lines 200000 >"$dir/in"

pipeline="- StdIn:
    strip_newline: True
- RegexParser:
    field_extraction_patterns:
      - httpd_access_log: '(?P<remote_ip>\\d+\\.\\d+\\.\\d+\\.\\d+)\\s+(?P<identd>\\w+|-)\\s+(?P<user>\\w+|-)\\s+\\[(?P<datetime>\\d+\\/\\w+\\/\\d+:\\d+:\\d+:\\d+\\s.\\d+)\\]\\s+\\\"(?P<url>.*)\\\"\\s+(?P<http_status>\\d+)\\s+(?P<bytes_send>\\d+)'
- DevNullSink"
echo "$pipeline" >"$dir/none.yml"
for way in closed open; do
    printf '%s\n- WebserverTornado:\n    port: %d\n- WebGui\n' "$pipeline" "$port" >"$dir/$way.yml"
done

feed() {
    local n
    for ((n = 0; n < lines; n += 200000)); do cat "$dir/in"; done
}

# look opens all that can be open.
look() {
    for _ in $(seq 200); do
        if curl -sf "http://127.0.0.1:$port/readyz" >"$dir/ready" 2>&1; then break; fi
        sleep 0.05
    done
    "$dir/watch" -url "http://127.0.0.1:$port" 2>>"$dir/watched" 3>&- &
    watcher=$!
    sleep 1 # until they have come
}

for ((round = 1; round <= rounds; round++)); do
    ways=(none closed open)
    for ((i = 0; i < 3; i++)); do
        way=${ways[(i + round) % 3]}
        watcher=
        /usr/bin/time -f '%U %S %e' -a -o "$dir/$way.times" env GOMAXPROCS=1 "$dir/ours" run -c "$dir/$way.yml" --log-level error <"$dir/pipe" >"$dir/log" 2>&1 &
        program=$!
        exec 3>"$dir/pipe"
        [ "$way" != open ] || look
        feed >&3
        exec 3>&-
        wait "$program"
        [ -z "$watcher" ] || { kill -INT "$watcher" 2>/dev/null || true; wait "$watcher" || true; }
    done
done

# median of the CPU seconds of a way
median() { awk '{ print $1 + $2 }' "$dir/$1.times" | sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
# least CPU seconds of a way: whoever else uses the machine can only add to them
least() { awk '{ print $1 + $2 }' "$dir/$1.times" | sort -n | head -n 1; }
# ratio of a way to none: the median of what it is in each round
ratio() { paste "$dir/$1.times" "$dir/none.times" | awk '{ print ($1 + $2) / ($4 + $5) }' | sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
echo "what was seen in the last round: $(tail -n 1 "$dir/watched")" >&2
echo "$rounds rounds of $lines lines:"
echo
echo '| web modules | CPU s, median | least | to none, by round | by least |'
echo '|---|---|---|---|---|'
for way in none closed open; do
    printf '| %s | %.2f | %.2f | %.3f | %.3f |\n' "$way" "$(median $way)" "$(least $way)" "$(ratio $way)" "$(awk "BEGIN { print $(least $way) / $(least none) }")"
done
