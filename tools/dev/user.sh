# user.sh - who runs the exchange: you, or the system user `payvand` when you
# are root. Sets PV_USER and PV_AS, the command prefix that becomes that user.

PV_SYSTEM_USER=payvand

# By opening a file: access(2) does not count capabilities.
pv_user_reads() {
    "${PV_AS[@]}" cat "$PV_TOOLS/packages" >/dev/null 2>&1
}

pv_user() {
    local caps=(--inh-caps +dac_read_search --ambient-caps +dac_read_search)

    PV_USER=$(id -un)
    PV_AS=()
    [ "$(id -u)" -eq 0 ] || return 0

    if ! id "$PV_SYSTEM_USER" >/dev/null 2>&1; then
        pv_step "Making the system user $PV_SYSTEM_USER: nothing of the exchange runs as root"
        useradd --system --user-group --home-dir /nonexistent --no-create-home \
            --shell /usr/sbin/nologin "$PV_SYSTEM_USER" ||
            pv_die "cannot make the user $PV_SYSTEM_USER" \
                "run ./dev up as an ordinary user instead"
    fi
    PV_USER=$PV_SYSTEM_USER
    PV_AS=(setpriv --reuid "$PV_USER" --regid "$PV_USER" --init-groups
        --no-new-privs)
    if pv_user_reads; then
        return 0
    fi

    # The checkout lies where that user may not go, /root say. It gets the one
    # right to walk there and read, and still none to write.
    PV_AS=(setpriv --reuid "$PV_USER" --regid "$PV_USER" --init-groups
        "${caps[@]}" --no-new-privs)
    if pv_user_reads; then
        pv_note "user $PV_USER may not enter $PV_ROOT by itself; it gets the capability to read there"
        return 0
    fi
    pv_die "the user $PV_USER cannot read $PV_ROOT" \
        "move the checkout where others may enter, /srv say, or run ./dev up as an ordinary user"
}
