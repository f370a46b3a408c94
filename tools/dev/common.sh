# common.sh - what the commands of ./dev share: places, words, the lock.
# Sourced by dev; expects PV_ROOT.

PV_TOOLS=$PV_ROOT/tools/dev
PV_RUN=$PV_ROOT/.run
PV_BUILD=$PV_ROOT/build
PV_PYTHON=/usr/bin/python3 # Debian's; another one may lack its packages
export PYTHONDONTWRITEBYTECODE=1 # nothing is written beside the tools

PV_READY_SECONDS=30 # how long a program may take until it answers
PV_STOP_SECONDS=10  # how long it may take to end before it is killed

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    PV_BOLD=$'\e[1m' PV_DIM=$'\e[2m' PV_RED=$'\e[31m' PV_PLAIN=$'\e[0m'
else
    PV_BOLD='' PV_DIM='' PV_RED='' PV_PLAIN=''
fi

# A progress line: what is being done now.
pv_step() {
    printf '%s==>%s %s\n' "$PV_BOLD" "$PV_PLAIN" "$*"
}

# A detail under a progress line.
pv_note() {
    printf '    %s%s%s\n' "$PV_DIM" "$*" "$PV_PLAIN"
}

pv_warn() {
    printf '%sdev: %s%s\n' "$PV_RED" "$*" "$PV_PLAIN" >&2
}

# What is wrong, then what to do about it, one line each.
pv_die() {
    local line

    for line in "$@"; do
        pv_warn "$line"
    done
    exit 1
}

pv_usage_error() {
    pv_warn "$1"
    pv_warn "see: ./dev $2 --help"
    exit 2
}

# The end of a log, for a person who must find out why.
pv_log_tail() {
    [ -s "$1" ] || return 0
    pv_warn "the last lines of ${1#"$PV_ROOT"/}:"
    tail -n 15 "$1" | sed 's/^/    /' >&2
}

# A whole number from $2 to $3, or the end.
pv_number() {
    case $1 in
    '' | *[!0-9]* | ??????????*) pv_die "not a whole number: $1" ;;
    esac
    if [ "$1" -lt "$2" ] || [ "$1" -gt "$3" ]; then
        pv_die "$1 is not between $2 and $3"
    fi
}

# Only one up or down at a time on one checkout.
pv_lock() {
    exec 9>"$PV_RUN/lock"
    if ! flock -w 2 9; then
        pv_note "another ./dev is at work here; waiting for it"
        flock -w 600 9 || pv_die "another ./dev holds .run/lock since 10 minutes"
    fi
}

# .run belongs to whoever starts it; another ordinary user cannot share it.
pv_run_folder() {
    if ! mkdir -p "$PV_RUN" 2>/dev/null || [ ! -w "$PV_RUN" ]; then
        pv_die "cannot write to .run/, which belongs to $(stat -c %U "$PV_RUN" 2>/dev/null || echo another user)" \
            "run ./dev as before, or remove it with: sudo ./dev down --clean"
    fi
}
