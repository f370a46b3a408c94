# down.sh - ./dev down: ends what up started.

. "$PV_TOOLS/process.sh"

pv_down_usage() {
    cat <<'TEXT'
./dev down [--clean]: stop what ./dev up started

Stops exactly the processes that up wrote down, each checked by pid and start
time, and their children. The state in .run/ stays: the next up goes on with
the same certificates, country and journal.

  --clean     remove .run/ too: journal, certificates, country, everything
  -h, --help
TEXT
}

pv_down() {
    local clean='' note name count=0

    while [ $# -gt 0 ]; do
        case $1 in
        --clean) clean=yes ;;
        -h | --help)
            pv_down_usage
            return 0
            ;;
        *) pv_usage_error "no such option: $1" down ;;
        esac
        shift
    done
    if [ ! -d "$PV_RUN" ]; then
        pv_note "nothing runs: there is no .run/"
        return 0
    fi
    [ -w "$PV_RUN" ] || pv_die ".run/ belongs to $(stat -c %U "$PV_RUN")" \
        "run: sudo ./dev down"
    pv_lock

    # the ways in first, then the registry, the journal's writer last
    for name in consumer gateway api providers; do
        [ ! -e "$PV_PIDS/$name" ] || {
            pv_stop "$name"
            count=$((count + 1))
        }
    done
    for note in "$PV_PIDS"/connector-*; do
        [ ! -e "$note" ] || {
            pv_stop "${note##*/}"
            count=$((count + 1))
        }
    done
    for name in registryd traced; do
        [ ! -e "$PV_PIDS/$name" ] || {
            pv_stop "$name"
            count=$((count + 1))
        }
    done
    rm -f "$PV_RUN"/socket/*.sock "$PV_RUN"/providers/*.sock
    pv_step "Stopped $count programs; nothing of this checkout runs"
    if [ -n "$clean" ]; then
        rm -rf "$PV_RUN"
        pv_note "removed .run/"
    fi
}
