#!/usr/bin/env bash
# Measures gambolputty against the naive program on this machine, in one run, and prints a
# table. Needs Go and bash. LINES and ROUNDS may be set.
set -euo pipefail
cd "$(dirname "$0")/../.."
lines=${LINES_OF_INPUT:-1000000}
rounds=${ROUNDS:-3}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$dir/ours" ./cmd/gambolputty
go build -o "$dir/naive" ./docs/benchmarks/naive
go build -o "$dir/generate" ./docs/benchmarks/generate
go build -o "$dir/compare" ./docs/benchmarks/compare

# cpu COMMAND... runs a command and prints user plus system seconds and wall seconds.
cpu() {
    local TIMEFORMAT='%U %S %R'
    { time "$@" >/dev/null; } 2>&1 | tail -1 | awk '{ printf "%.2f %.2f\n", $1 + $2, $3 }'
}
ours() { rm -f "$dir/ours.json"; BENCH_OUT="$dir/ours.json" "$dir/ours" run -c "docs/benchmarks/$1.yml" --log-level error <"$dir/$1.in"; }
naive() { "$dir/naive" -mode "$1" <"$dir/$1.in" >"$dir/naive.json"; }

median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

echo "$(go version | cut -d' ' -f3-4), $(nproc) CPUs, $(date -u +%Y-%m-%d), $(stat -c %s "$dir/ours") bytes of program"
echo
echo "| Pipeline | Lines | naive CPU s | ours CPU s | ratio | naive wall s | ours wall s |"
echo "|---|---|---|---|---|---|---|"
for kind in access json; do
    n=$lines
    [ "$kind" = json ] && n=$((lines / 5))
    "$dir/generate" -kind "$kind" -lines "$n" >"$dir/$kind.in"
    : >"$dir/naive.times"
    : >"$dir/ours.times"
    for _ in $(seq "$rounds"); do
        cpu naive "$kind" >>"$dir/naive.times"
        cpu ours "$kind" >>"$dir/ours.times"
    done
    "$dir/compare" "$dir/naive.json" "$dir/ours.json"
    nc=$(cut -d' ' -f1 "$dir/naive.times" | median)
    oc=$(cut -d' ' -f1 "$dir/ours.times" | median)
    nw=$(cut -d' ' -f2 "$dir/naive.times" | median)
    ow=$(cut -d' ' -f2 "$dir/ours.times" | median)
    echo "| $kind | $n | $nc | $oc | $(awk "BEGIN { printf \"%.2f\", $oc / $nc }") | $nw | $ow |"
done
