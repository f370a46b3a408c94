# status.sh - ./dev status: what runs.

. "$PV_TOOLS/process.sh"
. "$PV_TOOLS/settings.sh"

pv_status_usage() {
    cat <<'TEXT'
./dev status [--json]: what runs, since when, on which ports

Shows each program that ./dev up started, the version of the policy image, the
size of the journal, and the calls since the start.

  --json      the same as one JSON object
  -h, --help

Exit code: 0 when everything that was started runs, 3 when something does not,
4 when nothing was started.
TEXT
}

# Prints "name state pid since" for each program that was started.
pv_status_programs() {
    local note name pid ticks print since

    for note in "$PV_PIDS"/*; do
        [ -e "$note" ] || continue
        name=${note##*/}
        if pv_alive "$name"; then
            pv_pid_read "$name"
            printf '%s running %s %s\n' "$name" "$pid" "$since"
        else
            printf '%s dead 0 -\n' "$name"
        fi
    done
}

pv_status() {
    local json='' programs

    while [ $# -gt 0 ]; do
        case $1 in
        --json) json=--json ;;
        -h | --help)
            pv_status_usage
            return 0
            ;;
        *) pv_usage_error "no such option: $1" status ;;
        esac
        shift
    done
    pv_settings
    programs=$(pv_status_programs)
    printf '%s\n' "$programs" | "$PV_PYTHON" "$PV_TOOLS/status.py" \
        "$PV_RUN" "$PV_PORT" "$PV_PROVIDER_PORT" $json
}
