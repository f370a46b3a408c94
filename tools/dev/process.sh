# process.sh - starts, finds and stops the programs of the running exchange.
#
# A program is known by what was written down when it started, in .run/pids:
# its pid, its start time, the boot, and a fingerprint of what it runs on. A
# number alone proves nothing: pids come again. Nothing is found by name.

PV_PIDS=$PV_RUN/pids
PV_LOG=$PV_RUN/log

# Field 22 of stat: start in clock ticks since boot. The name in field 2 may
# hold anything, so what stands behind its last bracket is counted.
pv_start_time() {
    local stat

    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    # shellcheck disable=SC2086
    set -- $stat
    [ "$1" != Z ] || return 1
    printf '%s\n' "${20}"
}

# Reads the note of program $1 into pid, ticks, print, since.
pv_pid_read() {
    local boot

    pid='' ticks='' print='' since=''
    [ -f "$PV_PIDS/$1" ] || return 1
    read -r pid ticks boot print since <"$PV_PIDS/$1" || return 1
    [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ]
}

# Is program $1 running, and is it still the one that was started?
pv_alive() {
    local pid ticks print since

    pv_pid_read "$1" && [ "$(pv_start_time "$pid")" = "$ticks" ]
}

# One value for files and words: another value means "start it again".
pv_fingerprint() {
    local word

    for word in "$@"; do
        if [ -f "$word" ]; then
            sha256sum <"$word"
        else
            printf '%s\n' "$word"
        fi
    done | sha256sum | cut -c1-32
}

# Members of the session that pid leads or led, apart from itself: workers
# outlive a master that was killed. Only those of the exchange's own user.
pv_session_members() {
    local member state session owner

    owner=$(stat -c %u "$PV_LOG" 2>/dev/null) || return 0
    # pid, (name), state, parent, group, session; the name may hold anything
    cat /proc/[0-9]*/stat 2>/dev/null |
        sed -E 's/^([0-9]+) .*\) (.) [0-9]+ [0-9]+ ([0-9]+) .*/\1 \2 \3/' |
        while read -r member state session; do
            if [ "$session" = "$1" ] && [ "$member" != "$1" ] && [ "$state" != Z ] &&
                [ "$(stat -c %u "/proc/$member" 2>/dev/null)" = "$owner" ]; then
                printf '%s\n' "$member"
            fi
        done
}

# Ends program $1 and its children; forgets it.
pv_stop() {
    local name=$1 pid ticks print since member tries

    if ! pv_pid_read "$name"; then
        rm -f "$PV_PIDS/$name"
        return 0
    fi
    if pv_alive "$name"; then
        kill -TERM "$pid" 2>/dev/null || true
        for ((tries = PV_STOP_SECONDS * 10; tries > 0; tries--)); do
            pv_alive "$name" || break
            sleep 0.1
        done
        if pv_alive "$name"; then
            pv_warn "$name did not end within $PV_STOP_SECONDS s; killing it"
            kill -KILL "$pid" 2>/dev/null || true
        fi
    elif pv_start_time "$pid" >/dev/null; then
        rm -f "$PV_PIDS/$name" # another program has that number now
        return 0
    fi
    # children of one that was killed, or that had died
    for ((tries = 20; tries > 0; tries--)); do
        [ -n "$(pv_session_members "$pid")" ] || break
        sleep 0.1
    done
    if [ "$tries" -eq 0 ]; then
        for member in $(pv_session_members "$pid"); do
            kill -KILL "$member" 2>/dev/null || true
        done
    fi
    rm -f "$PV_PIDS/$name"
}

# Clears away what died, with the children it left.
pv_sweep() {
    local note

    for note in "$PV_PIDS"/*; do
        if [ -e "$note" ] && ! pv_alive "${note##*/}"; then
            pv_note "${note##*/} had ended; starting it again"
            pv_stop "${note##*/}"
        fi
    done
}

# pv_start NAME FINGERPRINT COMMAND...: in a session of its own, as the
# ordinary user, its words to .run/log/NAME.log. Nothing to do when it runs
# already on the same things. Sets PV_STARTED to yes or ''.
pv_start() {
    local name=$1 want=$2 pid ticks print since child

    shift 2
    PV_STARTED=''
    if pv_alive "$name"; then
        pv_pid_read "$name"
        if [ "$print" = "$want" ]; then
            PV_RUNNING_COUNT=$((${PV_RUNNING_COUNT:-0} + 1))
            return 0
        fi
        pv_note "$name: changed, starting it again"
    fi
    pv_stop "$name"

    # shellcheck disable=SC2016
    setsid "${PV_AS[@]}" sh -c 'ulimit -c 0; exec >>"$1" 2>&1; shift; exec "$@"' \
        sh "$PV_LOG/$name.log" "$@" </dev/null >/dev/null 2>&1 9>&- &
    child=$!
    disown "$child"
    ticks=$(pv_start_time "$child") || ticks=0
    printf '%s %s %s %s %s\n' "$child" "$ticks" \
        "$(cat /proc/sys/kernel/random/boot_id)" "$want" \
        "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$PV_PIDS/$name"
    PV_STARTED=yes
}

# pv_ready NAME LOG COMMAND...: waits until the command succeeds; the program's
# death or the time's end is the end of `up`.
pv_ready() {
    local name=$1 log=$2 tries

    shift 2
    for ((tries = PV_READY_SECONDS * 10; tries > 0; tries--)); do
        if ! pv_alive "$name"; then
            pv_log_tail "$log"
            [ "$log" = "$PV_LOG/$name.log" ] || pv_log_tail "$PV_LOG/$name.log"
            pv_die "$name ended right after its start"
        fi
        if "$@" >/dev/null 2>&1; then
            return 0
        fi
        sleep 0.1
    done
    pv_log_tail "$log"
    pv_die "$name did not become ready within $PV_READY_SECONDS s"
}

# Does something listen on 127.0.0.1:$1?
pv_port_taken() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}
