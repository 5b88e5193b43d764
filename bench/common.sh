# What the benchmarks of the whole process share. Sourced, from the root of the repository.
# shellcheck shell=bash

target=${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d)
pids=()
failed=0

cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait "${pids[@]}" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

# start NAME COMMAND…: runs it in the background; its standard output goes to $work/NAME, its pid to $started.
start() {
    local name=$1
    shift
    # What an earlier one of this name said is not this one's.
    rm -f "$work/$name"
    "$@" >"$work/$name" 2>"$work/$name.err" &
    started=$!
    pids+=("$started")
}

# The first line that NAME printed, once it is there.
first_line() {
    local tries=0
    until [ -s "$work/$1" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt "${2:-500}" ] || { echo "$1 did not start: $(cat "$work/$1.err")" >&2; exit 1; }
        sleep 0.01
    done
    head -n 1 "$work/$1"
}

free_port() {
    local port
    for port in $(seq 18084 18184); do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}

# get PORT PATH: the body of a GET; fails while nobody listens or the answer is not 200.
get() {
    exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
    local answer
    answer=$(cat <&3)
    exec 3<&- 3>&-
    [[ $answer == "HTTP/1.1 200"* ]] && printf '%s\n' "$answer"
}

# exported PORT SINK: how many events that sink has exported.
exported() {
    { get "$1" /metrics || true; } 2>/dev/null | sed -n "s/^eventer_events_exported_total{sink=\"$2\"} //p"
}

# cpu PID EVENTS: microseconds of CPU that the process has had, an event.
cpu() {
    awk -v h="$(getconf CLK_TCK)" -v n="$2" '{ printf "%.2f", ($14 + $15) / h * 1e6 / n }' "/proc/$1/stat"
}

# memory PID: the most MiB that the process was resident with.
memory() {
    awk '/^VmHWM/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"
}

check() { # check VALUE BOUND WHAT
    if [ "${CHECK:-0}" = 1 ] && awk "BEGIN { exit !($1 > $2) }"; then
        echo "FAILED: $3 is $1, more than $2" >&2
        failed=1
    fi
}
