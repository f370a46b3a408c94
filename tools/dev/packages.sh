# packages.sh - installs the Debian packages of a section that are missing.

# The names in section $1 of the list.
pv_packages_list() {
    sed -e 's/#.*//' "$PV_TOOLS/packages" | awk -v want="[$1]" '
        /^\[/ { on = ($1 == want); next }
        on && NF { print $1 }'
}

pv_packages_missing() {
    local name section

    for section in "$@"; do
        for name in $(pv_packages_list "$section"); do
            case $(dpkg-query -W -f '${Status}' "$name" 2>/dev/null) in
            'install ok installed') ;;
            *) printf '%s\n' "$name" ;;
            esac
        done
    done
}

# Run as root: directly or by sudo.
pv_as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Debian starts a daemon when its package is installed. We start our own, so
# that is forbidden for as long as the installation takes, unless the machine
# has a policy of its own.
pv_packages_apt() {
    local policy=/usr/sbin/policy-rc.d made='' result=0

    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | pv_as_root tee "$policy" >/dev/null
        pv_as_root chmod 755 "$policy"
        made=yes
    fi
    pv_as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" \
        </dev/null >"$PV_RUN/apt.log" 2>&1 || result=$?
    if [ -n "$made" ]; then
        pv_as_root rm -f "$policy"
    fi
    return "$result"
}

pv_packages() {
    local missing

    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        pv_die "this is not Debian: there is no apt-get" \
            "install what tools/dev/packages lists, for sections: $*"
    fi
    mapfile -t missing < <(pv_packages_missing "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0

    pv_step "Installing ${#missing[@]} Debian packages"
    pv_note "${missing[*]}"
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        pv_die "you are not root and there is no sudo; as root, run:" \
            "  apt-get install --no-install-recommends ${missing[*]}"
    fi
    if ! pv_packages_apt "${missing[@]}"; then
        pv_note "the package lists may be old: apt-get update, then once more"
        pv_as_root apt-get -q update </dev/null >"$PV_RUN/apt.log" 2>&1 || true
        if ! pv_packages_apt "${missing[@]}"; then
            pv_log_tail "$PV_RUN/apt.log"
            pv_die "apt-get could not install: ${missing[*]}"
        fi
    fi
}
