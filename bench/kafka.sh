#!/usr/bin/env bash
# Measures the sink of Kafka end to end: a flood of events from the fake API server, through the release build, into a
# real broker, compressed with lz4 and acknowledged by all replicas. Everything shares two cores and stays on loopback.
#
#   bench/kafka.sh [EVENTS]          EVENTS defaults to 1000000
#   CHECK=1 bench/kafka.sh           fails when a bound is exceeded
#   CHECK=1 SLACK=2 bench/kafka.sh   asks for half of it, for machines that others use too
#
# EVENTER_KAFKA_HOME says where Kafka is; else it is fetched.
set -euo pipefail
cd "$(dirname "$0")/.."
events=${1:-1000000}
limit_seconds=300

# Bounds of CHECK=1: events a second, microseconds of CPU an event, MiB.
slack=${SLACK:-1}
min_rate=$((60000 / slack)) max_cpu=$((20 * slack)) max_memory=192

EVENTER_KAFKA_HOME=${EVENTER_KAFKA_HOME:-$(.ci/servers/kafka)}
export EVENTER_KAFKA_HOME
cargo build --quiet --release -p eventer-bin --bin eventer --features kafka
cargo build --quiet --release -p eventer-testkit --bins --features live,kafka
. bench/common.sh

cores=()
if [ "$(nproc)" -gt 2 ]; then cores=(taskset -c 0,1); fi

# The broker ends when its standard input does.
coproc broker { exec "${cores[@]}" "$target/kafka-broker"; }
broker_pid=$broker_PID
read -r -t 180 address <&"${broker[0]}" || { echo "the broker did not start" >&2; exit 1; }
java=$(cat "/proc/$broker_pid/task/"*/children | awk '{ print $1; exit }')

records() { # records TOPIC
    echo "$1" >&"${broker[1]}"
    local count
    read -r -t 30 count <&"${broker[0]}" && echo "$count"
}

# flood TITLE SINK_OPTIONS
flood() {
    local title=$1 options=$2 topic="bench-$1"
    start apiserver "${cores[@]}" "$target/fake-apiserver" --events "$events"
    local server=$started url port java_before count=0 begin
    url=$(first_line apiserver)
    port=$(free_port)
    java_before=$(cpu "$java" "$events")
    begin=$(date +%s%N)
    start eventer "${cores[@]}" "$target/eventer" "--source=kubernetes:$url?inClusterConfig=false" \
        "--sink=kafka:?brokers=$address&topic=$topic&$options" --healthz-ip=127.0.0.1 --healthz-port="$port"
    local pid=$started
    until [ "${count:-0}" -ge "$events" ] 2>/dev/null; do
        if [ $((($(date +%s%N) - begin) / 1000000000)) -ge "$limit_seconds" ] || [ ! -d "/proc/$pid" ]; then
            echo "$title: only ${count:-no} events in time" >&2
            cat "$work/eventer.err" >&2
            exit 1
        fi
        sleep 0.1
        count=$(exported "$port" kafka)
        count=${count:-0}
    done
    local milliseconds=$((($(date +%s%N) - begin) / 1000000))
    local rate ours peak source kafka stored
    rate=$(awk -v n="$events" -v ms="$milliseconds" 'BEGIN { printf "%d", n * 1000 / ms }')
    ours=$(cpu "$pid" "$events")
    peak=$(memory "$pid")
    source=$(cpu "$server" "$events")
    kafka=$(awk -v after="$(cpu "$java" "$events")" -v before="$java_before" 'BEGIN { printf "%.2f", after - before }')
    kill "$pid" "$server" 2>/dev/null || true
    wait "$pid" "$server" 2>/dev/null || true
    stored=$(records "$topic")
    printf '| %-66s | %9s | %8s | %7s | %6s | %8s | %8s |\n' \
        "watch → kafka:?$options" "$events" "$rate" "$ours" "$kafka" "$source" "$peak"
    [ "$stored" = "$events" ] || { echo "FAILED: the topic holds $stored events, not $events" >&2; failed=1; }
    check "$min_rate" "$rate" "the events a second that are asked for ($title)"
    check "$ours" "$max_cpu" "CPU an event (µs), $title"
    check "$peak" "$max_memory" "peak memory (MiB), $title"
}

# Java compiles what the broker does only after some of it.
events=100000 CHECK=0 flood warm-up 'format=event&compression=lz4&acks=all' >/dev/null

printf '| %-66s | %9s | %8s | %7s | %6s | %8s | %8s |\n' "flood" "events" "events/s" "eventer" "broker" "source" "peak MiB"
printf '|---|---:|---:|---:|---:|---:|---:|\n'

flood event 'format=event&compression=lz4&acks=all'
flood eventer 'format=eventer&compression=lz4&acks=all'
printf '\neventer, broker, source: microseconds of CPU an event\n'

exec {broker[1]}>&-
wait "$broker_pid" || true
exit $failed
