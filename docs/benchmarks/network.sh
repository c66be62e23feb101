#!/usr/bin/env bash
# Measures what goes through a program from one socket to another: numbered lines of 256 bytes
# are sent over loopback, and what comes out is counted, so that a lost line is seen.
#
#   docs/benchmarks/network.sh [CASE ...]   all cases unless named
#
#   ROUNDS   rounds, 3 unless set
#   LINES    lines, 2000000 unless set
#
# Compares GambolPutty with the plainest loops in Go that do the same (naive), and with
# rsyslogd where it is on the PATH. It installs nothing. Needs Go, bash 5, GNU time and Linux.
set -euo pipefail
export LC_ALL=C # the decimal point
cd "$(dirname "$0")/../.."
here=docs/benchmarks
lines=${LINES:-2000000}
rounds=${ROUNDS:-3}
in=${PORT:-15514}
out=$((in + 1))
if ! [[ $lines =~ ^[1-9][0-9]*$ && $rounds =~ ^[1-9][0-9]*$ ]]; then
    echo "LINES and ROUNDS must be whole numbers above 0" >&2
    exit 2
fi

dir=$(mktemp -d)
program=
cleanup() {
    [ -z "$program" ] || kill "$program" 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT
for p in ours:./cmd/gambolputty naive:./$here/naive; do
    CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$dir/${p%%:*}" "${p#*:}"
done

# command PROGRAM CASE sets the command that does the work.
command() {
    case $1 in
    ours)
        cmd=(env "GAMBOLPUTTY_BENCH_PORT=$in" "GAMBOLPUTTY_BENCH_TO=$out" "GAMBOLPUTTY_BENCH_IN=$dir/in" "GAMBOLPUTTY_BENCH_STATE=$dir/state" "$dir/ours" run -c "$here/ours/network/$2.yml" --log-level error)
        ;;
    naive)
        case $2 in disk_*) return 1 ;; esac
        local to=127.0.0.1:$out
        [ "$2" != tcp_to_blackhole ] || to=
        cmd=("$dir/naive" -mode "$2" -listen "127.0.0.1:$in" -to "$to")
        [ "$2" != file_to_tcp ] || cmd+=(-file "$dir/in")
        ;;
    rsyslogd)
        type -P rsyslogd >/dev/null && [ -e "$here/peers/rsyslogd.$2.conf" ] || return 1
        sed -e "s|@PORT@|$in|g; s|@TO@|$out|g; s|@DIR@|$dir|g" "$here/peers/rsyslogd.$2.conf" >"$dir/rsyslogd.conf"
        cmd=(rsyslogd -n -f "$dir/rsyslogd.conf" -i "$dir/pid")
        ;;
    esac
}

# listening waits until somebody does at the port.
listening() {
    for _ in $(seq 100); do
        if (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
        sleep 0.05
    done
    echo "nobody listens at port $1" >&2
    return 1
}

# used prints CPU seconds and peak MiB of the program.
used() {
    local stat
    read -r -a stat <"/proc/$program/stat"
    awk -v t="$((stat[13] + stat[14]))" -v hz="$(getconf CLK_TCK)" '/^VmHWM/ { printf "%.2f %.1f", t / hz, $2 / 1024 }' "/proc/$program/status"
}

# measure PROGRAM CASE prints lines a second, CPU seconds and peak MiB, and what was missing.
measure() {
    local load=("$dir/ours" bench tcp --lines "$lines" --idle 5s) result
    case $2 in tcp_to_blackhole) ;; *) load+=(--listen "127.0.0.1:$out") ;; esac
    case $2 in tcp_to_http) load+=(--http) ;; syslog_parsing | real_world_1) load+=(--syslog) ;; esac
    if [ "$2" = file_to_tcp ]; then
        # The file is there, and the receiver comes first; it waits for the program.
        "${load[@]}" --receive-only >"$dir/result" &
        local receiver=$!
        listening "$out"
        /usr/bin/time -f '%U %S %M' -o "$dir/used" "${cmd[@]}" >"$dir/log" 2>&1 # it ends with the file
        wait "$receiver" || true
    else
        "${cmd[@]}" >"$dir/log" 2>&1 &
        program=$!
        listening "$in"
        "${load[@]}" --to "127.0.0.1:$in" >"$dir/result" 2>>"$dir/log" || true
    fi
    result=$(awk '/^(received|sent) [0-9]+ lines/ { rate = $6 } /missing/ { missing = $6 + 0 } END { print rate + 0, missing + 0 }' "$dir/result")
    if [ -z "$program" ]; then
        echo "${result% *} $(awk 'END { printf "%.2f %.1f", $1 + $2, $3 / 1024 }' "$dir/used") ${result#* }"
        return
    fi
    if [ "$2" = tcp_to_blackhole ]; then settle; fi
    echo "${result% *} $(used) ${result#* }"
    kill "$program" 2>/dev/null || true
    wait "$program" 2>/dev/null || true
    program=
    rm -rf "$dir/state" "$dir"/q.*
}

# settle waits until the program has nothing more to do.
settle() {
    local before now=
    while before=$now; read -r -a s <"/proc/$program/stat"; now=$((s[13] + s[14])); [ "$before" != "$now" ]; do sleep 0.2; done
}

median() { sort -n | awk '{ a[NR] = $1 } END { printf "%.2f", (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2 }'; }

do_case() {
    local programs=() p
    if [ "$1" = file_to_tcp ]; then "$dir/ours" bench tcp --lines "$lines" --write "$dir/in" >/dev/null; fi
    for p in ours naive rsyslogd; do
        command "$p" "$1" || continue
        programs+=("$p")
        : >"$dir/$p.times"
    done
    for _ in $(seq "$rounds"); do
        for p in "${programs[@]}"; do
            command "$p" "$1"
            measure "$p" "$1" >>"$dir/$p.times"
        done
    done
    local ours cpu
    ours=$(cut -d' ' -f1 "$dir/ours.times" | median)
    cpu=$(cut -d' ' -f2 "$dir/ours.times" | median)
    for p in "${programs[@]}"; do
        printf '| %s | %s | %.0f | %s | %.1f | %s | %s | %s |\n' "$1" "$p" "$(cut -d' ' -f1 "$dir/$p.times" | median)" \
            "$(cut -d' ' -f2 "$dir/$p.times" | median)" "$(cut -d' ' -f3 "$dir/$p.times" | median)" \
            "$(awk -v a="$ours" -v b="$(cut -d' ' -f1 "$dir/$p.times" | median)" 'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }')" \
            "$(awk -v a="$cpu" -v b="$(cut -d' ' -f2 "$dir/$p.times" | median)" 'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }')" \
            "$(cut -d' ' -f4 "$dir/$p.times" | sort -n | tail -1)"
    done
    rm -f "$dir/in"
}

echo "$(go version | cut -d' ' -f3-4), $(getconf _NPROCESSORS_ONLN) CPUs, $(date -u +%Y-%m-%d), $rounds rounds of $lines lines of 256 bytes, medians."
! type -P rsyslogd >/dev/null || rsyslogd -v | head -n 1
echo
echo '| case | program | lines/s | CPU s | peak MiB | our speed / its | our CPU / its | lines lost |'
echo '|---|---|---|---|---|---|---|---|'
cases=("$@")
[ ${#cases[@]} -gt 0 ] || cases=(tcp_to_blackhole tcp_to_tcp tcp_to_http file_to_tcp set_field regex_mask syslog_parsing real_world_1 disk_buffer disk_buffer_crash)
for c in "${cases[@]}"; do do_case "$c"; done
