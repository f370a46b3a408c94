# lane.sh - checks that run beside others. Sourced by test.sh, whose counts they
# add to.

PV_LANE=$PV_RUN/lane # what it says and counts
PV_LANE_PID=
PV_LANE_NICE=10 # a tenth of the others' right to the processor

# pv_lane_begin COMMAND...: a process group of its own, so that it ends with us
pv_lane_begin() {
    rm -rf "$PV_LANE"
    mkdir -p "$PV_LANE"
    set -m
    pv_lane_run "$@" >"$PV_LANE/said" 2>&1 </dev/null &
    set +m
    PV_LANE_PID=$!
    trap pv_lane_kill EXIT
}

pv_lane_run() {
    trap - EXIT
    renice -n "$PV_LANE_NICE" -p "$BASHPID" >/dev/null
    PV_PASSED=0 PV_FAILED=0 PV_SKIPPED=0 PV_FAILURES=()
    "$@"
    [ "${#PV_FAILURES[@]}" -eq 0 ] ||
        printf '%s\n' "${PV_FAILURES[@]}" >"$PV_LANE/failures"
    printf '%s %s %s\n' "$PV_PASSED" "$PV_FAILED" "$PV_SKIPPED" >"$PV_LANE/counts"
}

pv_lane_kill() {
    [ -z "$PV_LANE_PID" ] || kill -TERM -- "-$PV_LANE_PID" 2>/dev/null || true
}

# Waits for it, shows what it said, adds what it counted. Nothing counted is one
# failure.
pv_lane_end() {
    local passed=0 failed=1 skipped=0 name

    wait "$PV_LANE_PID" || true
    PV_LANE_PID=
    cat "$PV_LANE/said"
    if [ -s "$PV_LANE/counts" ]; then
        read -r passed failed skipped <"$PV_LANE/counts"
    else
        PV_FAILURES+=("what runs beside the end to end tests did not end")
    fi
    pv_count "$passed" "$failed" "$skipped"
    [ ! -s "$PV_LANE/failures" ] || while IFS= read -r name; do
        PV_FAILURES+=("$name")
    done <"$PV_LANE/failures"
}
