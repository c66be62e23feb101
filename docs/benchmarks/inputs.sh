#!/usr/bin/env bash
# CPU time for an event of inputs from the network, each with the plainest loop around the same library. It is
# CPU time, with that of the sender in it, so that it does not matter who else uses the machine. Capturing needs
# CAP_NET_RAW.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# seconds BINARY BENCHMARK COUNT: of the processor, for so many rounds.
seconds() {
    local TIMEFORMAT='%U %S'
    { time "$dir/$1" -test.run xx -test.bench "$2" -test.benchtime "$3x" >/dev/null 2>&1; } 2>&1
}

# rate MODULE BENCHMARK COUNT EVENTS: the way there and back, which one round shows, is taken off.
rate() {
    (cd "stages/inputs/$1" && echo "$1 $2 $(seconds "$1" "$2" "$3") $(seconds "$1" "$2" 1) $3 $4") |
        awk '{ n = ($7 - 1) * $8; c = $3 + $4 - $5 - $6; printf "%-8s %-15s %7.0f ns, %9.0f events for a CPU second\n", $1, $2, c / n * 1e9, n / c }'
}

for module in sniffer zmq beats; do
    go test -c -tags integration -o "$dir/$module" "./stages/inputs/$module"
done
for _ in $(seq "${ROUNDS:-3}"); do
    rate sniffer Capture/module 100000 1
    rate sniffer Capture/loop 100000 1
    rate sniffer Read/module 11 50000
    rate sniffer Read/library 11 50000
    rate zmq Events/plain 3000000 1
    rate zmq PlainLoop 3000000 1
    rate beats Events 100000 1
    rate beats PlainLoop 100000 1
done
