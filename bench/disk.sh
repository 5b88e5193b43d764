#!/usr/bin/env bash
# Measures the journal on disk: what it costs beside the one in memory, and a million events that are listed into a sink
# that is slow, stopped, and started again with the journal full: none may be lost, none repeated, and memory stays small.
# Everything stays on loopback and below a directory of its own.
#
#   bench/disk.sh [EVENTS]          EVENTS defaults to 1000000
#   CHECK=1 bench/disk.sh           fails when a bound is exceeded; a lost or repeated event fails always
#   CHECK=1 SLACK=2 bench/disk.sh   allows twice the CPU and time, for machines that others use too
set -euo pipefail
cd "$(dirname "$0")/.."
events=${1:-1000000}
limit_seconds=120

# Bounds of CHECK=1: microseconds of CPU an event that the disk costs, MiB, milliseconds.
slack=${SLACK:-1}
max_cost=$((6 * slack)) max_memory=128 max_ready=$((1000 * slack))

cargo build --quiet --release -p eventer-bin --bin eventer
cargo build --quiet --release -p eventer-testkit --bins
. bench/common.sh

# run FLAGS…: starts eventer, whose events on standard output nobody reads; its pid to $pid, its port to $port.
run() {
    port=$(free_port)
    "$target/eventer" --healthz-ip=127.0.0.1 --healthz-port="$port" "$@" >/dev/null 2>"$work/eventer.err" &
    pid=$!
    pids+=("$pid")
}

# metric NAME: its value, over all labels of which there is one set only.
metric() {
    { get "$port" /metrics || true; } 2>/dev/null | sed -n "s/^$1\({[^}]*}\)\? //p" | head -n 1
}

# until_metric NAME VALUE: waits until it is at least that; the milliseconds that it took to $took.
until_metric() {
    local begin value=0
    begin=$(date +%s%N)
    until [ "${value:-0}" -ge "$2" ] 2>/dev/null; do
        took=$((($(date +%s%N) - begin) / 1000000))
        if [ "$took" -ge $((limit_seconds * 1000)) ] || [ ! -d "/proc/$pid" ]; then
            echo "$1 is only ${value:-nothing} after $took ms" >&2
            cat "$work/eventer.err" >&2
            exit 1
        fi
        sleep 0.05
        value=$(metric "$1")
    done
    took=$((($(date +%s%N) - begin) / 1000000))
}

stop() {
    kill "$pid"
    wait "$pid" || { echo "eventer ended with $?" >&2; cat "$work/eventer.err" >&2; exit 1; }
}

row() { # row TITLE EVENTS MILLISECONDS CPU MEMORY
    local rate
    rate=$(awk -v n="$2" -v ms="$3" 'BEGIN { printf "%d", n * 1000 / ms }')
    printf '| %-58s | %9s | %9s | %14s | %8s |\n' "$1" "$2" "$rate" "$4" "$5"
}

# flood TITLE FLAGS…: a watch into standard output; the microseconds of CPU an event to $cost.
flood() {
    local title=$1 url server
    shift
    start apiserver "$target/fake-apiserver" --events "$events"
    server=$started
    url=$(first_line apiserver)
    run "--source=kubernetes:$url?inClusterConfig=false" --sink=log:?format=json "$@"
    until_metric eventer_events_exported_total "$events"
    cost=$(cpu "$pid" "$events")
    row "$title" "$events" "$took" "$cost" "$(memory "$pid")"
    stop
    kill "$server"
}

printf '| %-58s | %9s | %9s | %14s | %8s |\n' "run" "events" "events/s" "CPU µs/event" "peak MiB"
printf '|---|---:|---:|---:|---:|\n'
flood "watch → log, journal in memory"
in_memory=$cost
flood "watch → log, journal on disk" "--state-dir=$work/flood"
difference=$(awk -v disk="$cost" -v memory="$in_memory" 'BEGIN { printf "%.2f", disk - memory }')
check "$difference" "$max_cost" "what the disk costs an event (µs of CPU)"

# A sink that takes a hundred events a second, while a million come.
state=$work/state
out=$work/events.jsonl
start apiserver "$target/fake-apiserver" --listed "$events"
server=$started
url=$(first_line apiserver)
flags=("--source=kubernetes:$url?inClusterConfig=false&backfill=true" "--state-dir=$state")
run "${flags[@]}" "--sink=file:$out?rotate_size=0&batch_events=100&rate=1/s" --stop-timeout=1s
until_metric eventer_events_received_total "$events"
row "list → a slow file, journal on disk" "$events" "$took" "$(cpu "$pid" "$events")" "$(memory "$pid")"
check "$(memory "$pid")" $max_memory "peak memory (MiB), list into a slow sink"
on_disk=$(metric eventer_journal_bytes)
stop
written=$(wc -l <"$out")

begin=$(date +%s%N)
run "${flags[@]}" "--sink=file:$out?rotate_size=0"
until get "$port" /readyz >/dev/null 2>&1; do
    [ -d "/proc/$pid" ] || { cat "$work/eventer.err" >&2; exit 1; }
done
ready=$((($(date +%s%N) - begin) / 1000000))
until_metric eventer_events_exported_total $((events - written))
row "the same journal → the file, fast, after a restart" $((events - written)) "$took" "$(cpu "$pid" $((events - written)))" "$(memory "$pid")"
check "$(memory "$pid")" $max_memory "peak memory (MiB), journal into a fast sink"
check "$ready" $max_ready "time to ready with a full journal (ms)"
stop
kill "$server"

lines=$(wc -l <"$out")
different=$(grep -o '"uid":"[^"]*","resourceVersion":"[^"]*"' "$out" | LC_ALL=C sort -u | wc -l)
printf '\nthe disk costs %s µs of CPU an event; %s MiB held %s events; ready after %s ms\n' "$difference" \
    "$(awk -v bytes="$on_disk" 'BEGIN { printf "%.1f", bytes / 1048576 }')" $((events - written)) "$ready"
printf '%s events listed, %s written, %s of them different\n' "$events" "$lines" "$different"
if [ "$lines" != "$events" ] || [ "$different" != "$events" ]; then
    echo "FAILED: an event was lost or repeated" >&2
    failed=1
fi
exit $failed
