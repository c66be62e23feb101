#!/usr/bin/env bash
# Measures gambolputty against the naive program on this machine, one after the other in
# each round, and prints a Markdown table. Needs Go and bash.
#   ROUNDS          rounds to run, 5 unless set
#   LINES_OF_INPUT  access log lines, 1000000 unless set; a fifth of it for JSON
# Inputs and outputs go to a temporary directory (below TMPDIR if set), which needs about
# 1.5 KB per line of LINES_OF_INPUT.
set -euo pipefail
export LC_ALL=C # the decimal point
cd "$(dirname "$0")/../.."
lines=${LINES_OF_INPUT:-1000000}
rounds=${ROUNDS:-5}
if ! [[ $lines =~ ^[1-9][0-9]*$ && $rounds =~ ^[1-9][0-9]*$ ]]; then
    echo "LINES_OF_INPUT and ROUNDS must be whole numbers above 0" >&2
    exit 2
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

build() { CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$dir/$1" "$2"; }
build ours ./cmd/gambolputty
for program in naive generate compare; do
    build "$program" "./docs/benchmarks/$program"
done

# Only GNU time has -f; elsewhere bash measures, and the peak memory stays unknown.
gnu_time=false
/usr/bin/time -f %M -o "$dir/probe" true 2>/dev/null && gnu_time=true

# measure FILE COMMAND... appends user, system and wall seconds and peak KiB of a command.
measure() {
    local times=$1 TIMEFORMAT='%U %S %R -'
    shift
    if $gnu_time; then
        /usr/bin/time -f '%U %S %e %M' -a -o "$times" "$@"
        return
    fi
    { time "$@" 2>&3; } 3>&2 2>>"$times"
}
run_naive() { measure "$dir/naive.times" "$dir/naive" -mode "$1" -in "$dir/in" -out "$dir/naive.json"; }
run_ours() {
    rm -f "$dir/ours.json" # it would be appended to
    GAMBOLPUTTY_BENCH_OUT="$dir/ours.json" measure "$dir/ours.times" \
        "$dir/ours" run -c "docs/benchmarks/$1.yml" --log-level error <"$dir/in"
}

# column PROGRAM cpu|wall|mib prints minimum and median over the rounds.
column() {
    awk -v what="$2" 'what == "cpu" { print $1 + $2 } what == "wall" { print $3 } what == "mib" && $4 != "-" { print $4 / 1024 }' "$dir/$1.times" |
        sort -n | awk '{ a[NR] = $1 } END { if (!NR) print "- -"; else printf "%.2f %.2f\n", a[1], (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2 }'
}
cells() { echo "$(column "$1" cpu) $(column "$1" wall) $(column "$1" mib)"; }

# row NAME LINES PROGRAM CELLS...
row() { printf '|'; printf ' %s |' "$@"; echo; }
ratios() { # of the cells in $1 to those in $2
    awk -v a="$1" -v b="$2" 'BEGIN { n = split(a, x); split(b, y); for (i = 1; i <= n; i++) printf "%s ", (y[i] > 0 ? sprintf("%.2f", x[i] / y[i]) : "-") }'
}

compare_and_print() {
    local kind=$1 n=$2 ours naive
    naive=$(cells naive)
    ours=$(cells ours)
    # The cells are split at their spaces on purpose.
    # shellcheck disable=SC2046,SC2086
    {
        row "$kind" "$n" naive $naive
        row "$kind" "$n" ours $ours
        row "$kind" "$n" ours/naive $(ratios "$ours" "$naive")
    }
}

echo "$(go version | cut -d' ' -f3-4), $(getconf _NPROCESSORS_ONLN) CPUs, $(date -u +%Y-%m-%d), $rounds rounds, $(wc -c <"$dir/ours" | tr -d ' ') bytes of program"
echo
row pipeline lines program 'CPU s min' 'CPU s median' 'wall s min' 'wall s median' 'peak MiB min' 'peak MiB median'
echo "|---|---|---|---|---|---|---|---|---|"
for kind in access json; do
    n=$lines
    [ "$kind" = json ] && n=$(((lines + 4) / 5))
    "$dir/generate" -kind "$kind" -lines "$n" >"$dir/in"
    : >"$dir/naive.times"
    : >"$dir/ours.times"
    for round in $(seq "$rounds"); do
        run_naive "$kind"
        run_ours "$kind"
        # Figures of programs that do different work mean nothing, so look before going on.
        [ "$round" -gt 1 ] || "$dir/compare" "$dir/naive.json" "$dir/ours.json"
    done
    compare_and_print "$kind" "$n"
done
