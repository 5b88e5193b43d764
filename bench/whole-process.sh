#!/usr/bin/env bash
# Measures the whole process as the operating system accounts for it: CPU an event and peak resident memory in a flood
# of events from the fake API server, time to ready, size of the binary. Everything stays on loopback.
#
#   bench/whole-process.sh [EVENTS]          EVENTS defaults to 1000000
#   CHECK=1 bench/whole-process.sh           fails when a bound is exceeded
#   CHECK=1 SLACK=2 bench/whole-process.sh   allows twice the CPU and time, for machines that others use too
set -euo pipefail
cd "$(dirname "$0")/.."
events=${1:-1000000}
limit_seconds=300

# Bounds of CHECK=1: microseconds of CPU an event, MiB, milliseconds, MiB.
slack=${SLACK:-1}
# Of the binary, 9 MiB are librdkafka and OpenSSL.
max_cpu=$((10 * slack)) max_memory=64 max_memory_hung=96 max_ready=$((100 * slack)) max_binary=32

cargo build --quiet --release -p eventer-bin --bin eventer
cargo build --quiet --release -p eventer-testkit --bins
. bench/common.sh

# flood TITLE MEMORY_BOUND SERVER_FLAGS -- EVENTER_FLAGS…
flood() {
    local title=$1 bound=$2 server_flags=$3
    shift 4
    # shellcheck disable=SC2086
    start apiserver "$target/fake-apiserver" $server_flags
    local server=$started url
    url=$(first_line apiserver)
    port=$(free_port)
    "$target/eventer" "--source=kubernetes:$url?inClusterConfig=false${SOURCE_OPTIONS:-}" --healthz-ip=127.0.0.1 \
        --healthz-port="$port" "$@" >/dev/null 2>"$work/eventer.err" &
    local pid=$! count=0 begin=$SECONDS
    pids+=("$pid")
    until [ "${count:-0}" -ge "$events" ] 2>/dev/null; do
        [ $((SECONDS - begin)) -lt "$limit_seconds" ] || { echo "$title: only ${count:-no} events after $limit_seconds s" >&2; cat "$work/eventer.err" >&2; exit 1; }
        sleep 0.2
        count=$(exported "$port" log)
        count=${count:-0}
    done
    local wall=$((SECONDS - begin)) cpu memory
    cpu=$(cpu "$pid" "$events")
    memory=$(memory "$pid")
    kill "$pid" "$server" 2>/dev/null || true
    wait "$pid" "$server" 2>/dev/null || true
    printf '| %-58s | %9s | %14s | %12s | %8s |\n' "$title" "$events" "$cpu" "$memory" "$wall"
    check "$cpu" "$max_cpu" "CPU an event (µs), $title"
    check "$memory" "$bound" "peak memory (MiB), $title"
}

printf '| %-58s | %9s | %14s | %12s | %8s |\n' "flood" "events" "CPU µs/event" "peak MiB" "wall s"
printf '|---|---:|---:|---:|---:|\n'
flood "watch → log:?format=json" $max_memory "--events $events" -- --sink=log:?format=json

start hung "$target/fake-destination" --mode hang
hung=$(first_line hung)
flood "watch → log:?format=json, and a webhook that hangs" $max_memory_hung "--events $events" -- \
    --sink=log:?format=json "--sink=webhook:$hung"

SOURCE_OPTIONS='&backfill=true' flood "list in pages → log:?format=json" $max_memory "--listed $events" -- --sink=log:?format=json

# Time from the start of the process to the first 200 of /readyz.
start apiserver "$target/fake-apiserver" --rate 10 --events 1000
url=$(first_line apiserver)
port=$(free_port)
begin=$(date +%s%N)
start eventer "$target/eventer" "--source=kubernetes:$url?inClusterConfig=false" --sink=log: --healthz-ip=127.0.0.1 --healthz-port="$port"
until get "$port" /readyz >/dev/null 2>&1; do :; done
ready=$((($(date +%s%N) - begin) / 1000000))
binary=$(awk -v b="$(stat -c %s "$target/eventer")" 'BEGIN { printf "%.1f", b / 1048576 }')
check "$ready" $max_ready "time to ready (ms)"
check "$binary" $max_binary "binary (MiB)"
printf '\nready after %s ms; binary %s MiB\n' "$ready" "$binary"
exit $failed
