#!/usr/bin/env bash
# Measures whole pipelines on this machine, gambolputty against a naive program and every
# other log shipper that is on the PATH, in rotation, and prints a Markdown table.
#
#   docs/benchmarks/run.sh [WORK ...]     access, json, mixed, tcp; all of them unless named
#
#   ROUNDS          rounds, 3 unless set; the first one also checks the outputs
#   LINES_OF_INPUT  lines, 1000000 unless set
#   ONLY            names of programs, blanks between them, instead of all
#
# It installs nothing. Needs Go, bash 5 and GNU time. Inputs and outputs go to a temporary
# directory (below TMPDIR if set), which needs about 2 KB per line.
set -euo pipefail
export LC_ALL=C # the decimal point
cd "$(dirname "$0")/../.."
here=docs/benchmarks
lines=${LINES_OF_INPUT:-1000000}
rounds=${ROUNDS:-3}
port=${PORT:-15514}
if ! [[ $lines =~ ^[1-9][0-9]*$ && $rounds =~ ^[1-9][0-9]*$ ]]; then
    echo "LINES_OF_INPUT and ROUNDS must be whole numbers above 0" >&2
    exit 2
fi
/usr/bin/time -f %M true 2>/dev/null || { echo "GNU time is missing" >&2; exit 2; }

dir=$(mktemp -d)
server=
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT

build() { CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$dir/$1" "$2"; }
build ours ./cmd/gambolputty
for program in naive generate compare; do
    build "$program" "./$here/$program"
done

# conf PROGRAM WORK writes the configuration of a program and prints its name.
conf() {
    local from
    from=$(compgen -G "$here/peers/$1.$2.*") || return 1
    local to="$dir/$1.${from##*.}"
    sed -e "s|@IN@|$dir/in|g; s|@OUT@|$dir/out|g; s|@DIR@|$dir|g; s|@NAME@|out|g; s|@PORT@|$port|g" "$from" >"$to"
    echo "$to"
}

# command PROGRAM WORK sets the command that does the work, and fed if it reads standard
# input, and served if it has to be stopped when the output is complete.
command() {
    local file=
    fed=true served=false
    case $1 in ours | naive | perl) ;; *) file=$(conf "$1" "$2") || return 1 ;; esac
    [ "$2" != tcp ] || fed=false served=true
    case $1 in
    ours) cmd=(env "GAMBOLPUTTY_BENCH_OUT=$dir/out" "GAMBOLPUTTY_BENCH_PORT=$port" "$dir/ours" run -c "$here/ours/$2.yml" --log-level error) ;;
    naive)
        [ "$2" != tcp ] || return 1
        cmd=("$dir/naive" -mode "$2" -out "$dir/out")
        ;;
    perl)
        case $2 in access) cmd=(perl "$here/peers/patterns.pl" 1) ;; mixed) cmd=(perl "$here/peers/patterns.pl" 3) ;; *) return 1 ;; esac
        cmd=(sh -c 'exec "$@" >"$0"' "$dir/out" "${cmd[@]}")
        ;;
    rsyslogd) cmd=(rsyslogd -n -f "$file" -i "$dir/pid") ;;
    syslog-ng)
        served=true fed=false
        cmd=(syslog-ng -F -f "$file" -R "$dir/persist" -p "$dir/pid" -c "$dir/ctl" --no-caps)
        ;;
    fluent-bit)
        fed=false
        cmd=(fluent-bit -q -c "$file")
        ;;
    benthos)
        fed=false
        cmd=(benthos run "$file")
        ;;
    vector) cmd=(vector -qq -c "$file") ;;
    logstash) cmd=(logstash --log.level error -f "$file" --path.data "$dir/logstash") ;;
    esac
}

# measure FILE appends user, system and wall seconds and peak KiB of the command.
measure() {
    rm -rf "$dir/out" "$dir/persist" "$dir/pid"
    if ! $served; then
        local in=/dev/null
        ! $fed || in=$dir/in
        /usr/bin/time -f '%U %S %e %M' -a -o "$1" "${cmd[@]}" <"$in" >"$dir/log" 2>&1
        return
    fi
    /usr/bin/time -f '%U %S %e %M' -a -o "$1" "${cmd[@]}" </dev/null >"$dir/log" 2>&1 &
    server=$!
    [ "$work" != tcp ] || send
    complete
    # The program is the child of time.
    pkill -TERM -P "$server" || true
    wait "$server" || true
    server=
}

# send writes the input to the port as soon as somebody listens.
send() {
    for _ in $(seq 300); do
        if (cat "$dir/in" >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
        sleep 0.1
    done
    echo "nobody listens at port $port" >&2
    return 1
}

# complete waits until the output has as many bytes as it will have, or the program is gone.
complete() {
    local size=-1 now same=0
    while [ "$same" -lt 10 ] && kill -0 "$server" 2>/dev/null; do
        sleep 0.2
        now=$(stat -c %s "$dir/out" 2>/dev/null || echo -1)
        same=$((now == size && now > 0 ? same + 1 : 0))
        size=$now
    done
}

# agrees tells whether the output of a program is that of the first one.
agrees() {
    if [ "$work" = tcp ]; then cmp -s "$dir/in" "$dir/out"; else "$dir/compare" "$dir/first" "$dir/out" >"$dir/why" 2>&1; fi
}

# column PROGRAM cpu|wall|mib prints the median over the rounds.
column() {
    awk -v what="$2" 'what == "cpu" { print $1 + $2 } what == "wall" { print $3 } what == "mib" { print $4 / 1024 }' "$dir/$1.times" |
        sort -n | awk '{ a[NR] = $1 } END { printf "%.2f", (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2 }'
}

do_work() {
    local kind=$1 program ours theirs note
    [ "$1" != tcp ] || kind=access
    "$dir/generate" -kind "$kind" -lines "$lines" >"$dir/in"
    local programs=()
    for program in ours naive perl rsyslogd syslog-ng fluent-bit benthos vector logstash; do
        [[ -z ${ONLY:-} || $program = ours || " $ONLY " = *" $program "* ]] || continue
        case $program in ours | naive) ;; *) type -P "$program" >/dev/null || continue ;; esac
        command "$program" "$1" || continue
        programs+=("$program")
        : >"$dir/$program.times"
        echo ok >"$dir/$program.note"
    done
    for round in $(seq "$rounds"); do
        for program in "${programs[@]}"; do
            command "$program" "$1"
            measure "$dir/$program.times" || echo failed >"$dir/$program.note"
            [ "$round" = 1 ] || continue
            [ "$program" != ours ] || mv "$dir/out" "$dir/first"
            [ "$program" != ours ] || { [ "$1" != tcp ] || cmp "$dir/in" "$dir/first"; continue; }
            agrees || { echo "differs" >"$dir/$program.note"; head -c 1000 "$dir/why" "$dir/log" >&2 || true; }
        done
    done
    ours=$(column ours cpu)
    for program in "${programs[@]}"; do
        theirs=$(column "$program" cpu)
        note=$(cat "$dir/$program.note")
        printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$1" "$program" "$theirs" "$(column "$program" wall)" "$(column "$program" mib)" \
            "$(awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }')" "$note"
    done
    rm -f "$dir/in" "$dir/out" "$dir/first"
}

version() {
    case $1 in
    perl) perl -e 'printf "perl %vd", $^V' ;;
    rsyslogd | syslog-ng | fluent-bit | benthos | vector | logstash) "$1" --version 2>/dev/null | head -n 1 ;;
    esac
}

echo "$(go version | cut -d' ' -f3-4), $(getconf _NPROCESSORS_ONLN) CPUs, $(date -u +%Y-%m-%d), $rounds rounds of $lines lines, medians."
for program in perl rsyslogd syslog-ng fluent-bit benthos vector logstash; do
    ! type -P "$program" >/dev/null || echo "$program: $(version "$program")."
done
echo
echo '| work | program | CPU s | wall s | peak MiB | ours / it | output |'
echo '|---|---|---|---|---|---|---|'
works=("$@")
[ ${#works[@]} -gt 0 ] || works=(access json mixed tcp)
for work in "${works[@]}"; do do_work "$work"; done
