# package_test.sh - the packages in a fresh Debian: installed, used, upgraded,
# removed. Sourced by test.sh; needs root, for a root of its own.

PV_ROOT_DIR=$PV_DEB/root
PV_OLD_VERSION=0.0.9-1

pv_in_root() {
    chroot "$PV_ROOT_DIR" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive HOME=/root "$@" </dev/null
}

# The mirror of this machine.
pv_package_mirror() {
    sed -n -e 's/^URIs: *\([^ ]*\).*/\1/p' -e 's/^deb  *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\).*/\2/p' \
        /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        grep -v security | head -n 1
}

pv_package_root() {
    pv_package_root_gone
    debootstrap --variant=minbase bookworm "$PV_ROOT_DIR" "$(pv_package_mirror)" &&
        mount --bind /proc "$PV_ROOT_DIR/proc" &&
        printf '#!/bin/sh\nexit 101\n' >"$PV_ROOT_DIR/usr/sbin/policy-rc.d" &&
        chmod 755 "$PV_ROOT_DIR/usr/sbin/policy-rc.d" &&
        echo force-unsafe-io >"$PV_ROOT_DIR/etc/dpkg/dpkg.cfg.d/unsafe-io" &&
        cp /etc/resolv.conf "$PV_ROOT_DIR/etc/resolv.conf"
}

# Never into a file system that is mounted there.
pv_package_root_gone() {
    ! mountpoint -q "$PV_ROOT_DIR/proc" || umount "$PV_ROOT_DIR/proc"
    rm -rf --one-file-system "$PV_ROOT_DIR"
}

# The same packages with an older version: what an upgrade begins from.
pv_package_older() {
    local deb name

    mkdir -p "$PV_ROOT_DIR/old" "$PV_ROOT_DIR/new"
    for deb in "$PV_DEB"/*.deb; do
        name=$(basename "$deb")
        case $name in *-dbgsym_*) continue ;; esac
        cp "$deb" "$PV_ROOT_DIR/new/"
        rm -rf "$PV_DEB/older"
        dpkg-deb -R "$deb" "$PV_DEB/older" &&
            sed -i -e "s/^Version: .*/Version: $PV_OLD_VERSION/" \
                -e "s/(= [0-9][^)]*)/(= $PV_OLD_VERSION)/" "$PV_DEB/older/DEBIAN/control" &&
            dpkg-deb --root-owner-group -Zgzip -z1 -b "$PV_DEB/older" "$PV_ROOT_DIR/old/$name" || return 1
    done
    rm -rf "$PV_DEB/older"
}

pv_package_install() {
    local deb debs=()

    for deb in "$PV_ROOT_DIR/$1"/*.deb; do
        debs+=("/$1/${deb##*/}")
    done
    # curl and openssl are what the use needs
    pv_in_root apt-get -q -y install --no-install-recommends curl openssl "${debs[@]}"
}

# Runs in the fresh root: the first hours of an exchange.
pv_package_use() {
    cat >"$PV_ROOT_DIR/use.sh" <<'TEXT'
set -eu
cd /
began=''
trap 'kill $began 2>/dev/null || :' EXIT
as() { # as USER GROUP COMMAND...: becomes it, as the unit runs it
    u=$1 g=$2
    shift 2
    exec setpriv --reuid "$u" --regid "$g" --init-groups --inh-caps=-all,+chown,+net_bind_service \
        --ambient-caps=-all,+chown,+net_bind_service --no-new-privs -- "$@"
}
until_there() {
    n=0
    until [ -S "$1" ] || [ $((n += 1)) -gt 600 ]; do sleep 0.1; done
    [ -S "$1" ]
}
for dir in trace registry gateway; do
    install -d -o payvand-$dir -g payvand-$dir -m 0755 /run/payvand/$dir
done
# as README.Debian says
setpriv --reuid payvand-trace --regid payvand-trace --init-groups -- \
    payvand-traced --init-key --signer /var/lib/payvand/signer --origin nix.payvand.test/trace
setpriv --reuid payvand-registry --regid payvand-registry --init-groups -- \
    payvand-registryd --init-key --signer /var/lib/payvand/registry/signer \
    --origin nix.payvand.test/decisions
cd /etc/payvand/pki
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
    -keyout ca.key -out ca.crt 2>/dev/null
for name in exchange caller; do
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$name \
        -keyout $name.key -out $name.csr 2>/dev/null
    printf 'subjectAltName=DNS:localhost\n' >$name.ext
    openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 1 \
        -extfile $name.ext -out $name.crt 2>/dev/null
done
chown root:payvand-tls exchange.key && chmod 0640 exchange.key
cd /
# what the units say, in this root
unit() { # unit NAME: its ExecStart, one line, names filled in
    awk '/^ExecStart=/ { on = 1 } on { print } on && !/\\$/ { exit }' \
        "/lib/systemd/system/payvand-$1.service" | tr -d '\\\n' | sed -e 's/^ExecStart=//' -e 's/\${PAYVAND_NODE}/nix/' -e 's/\$PAYVAND_[A-Z_]*//'
}
eval "as payvand-registry payvand-policy $(unit registryd) &"
registryd=$! began="$began $!"
until_there /run/payvand/registry/registry.sock
eval "as payvand-trace payvand-trace $(unit traced) &"
traced=$! began="$began $!"
until_there /run/payvand/trace/journal.sock
payvand import --catalogue /usr/share/payvand/catalogue \
    --socket /run/payvand/registry/registry.sock
# who asks the image's questions has no business in the registry's database
if setpriv --reuid payvand-gateway --regid payvand-gateway --init-groups -- \
    head -c 1 /var/lib/payvand/registry/registry.db; then
    exit 1
fi
eval "as payvand-gateway payvand-gateway $(unit gateway) &"
gateway=$! began="$began $!"
# refused by the image, in words: nobody registered this key
n=0 answer=''
until echo "$answer" | grep -q '"type":"urn:payvand:problem:key-unregistered"'; do
    [ $((n += 1)) -lt 300 ] || {
        echo "$answer"
        exit 1
    }
    sleep 0.1
    answer=$(curl -s --cacert /etc/payvand/pki/ca.crt --cert /etc/payvand/pki/caller.crt \
        --key /etc/payvand/pki/caller.key -d '{}' \
        https://localhost/x/ministry-interior/country-divisions/v1/inquire || :)
done
kill -QUIT $gateway
kill $traced $registryd
wait
TEXT
    # its own network: the packages listen on 443
    unshare --net chroot "$PV_ROOT_DIR" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        LC_ALL=C.UTF-8 sh -c "ip link set lo up && sh /use.sh" </dev/null
}

# What must be so at each stage; says what is not.
pv_package_holds() {
    local file gone=0

    for file in "${@:2}"; do
        if [ "$1" = there ] && [ ! -e "$PV_ROOT_DIR/$file" ]; then
            pv_warn "missing: /$file"
            gone=1
        elif [ "$1" = gone ] && [ -e "$PV_ROOT_DIR/$file" ]; then
            pv_warn "still there: /$file"
            gone=1
        fi
    done
    return "$gone"
}

pv_package_upgrade() {
    local programs=(usr/bin/payvand usr/bin/payvand-traced usr/sbin/payvand-connectord
        usr/lib/nginx/modules/ngx_http_payvand_module.so) conf=etc/payvand/gateway.conf
    local kept=(var/lib/payvand/signer/vkey var/lib/payvand/registry/registry.db
        var/lib/payvand/registry/signer/vkey)

    echo '# a line of the operator' >>"$PV_ROOT_DIR/$conf"
    pv_package_install new &&
        grep -q 'a line of the operator' "$PV_ROOT_DIR/$conf" &&
        pv_package_holds there "${programs[@]}" "${kept[@]}" &&
        pv_in_root apt-get -q -y remove payvand payvand-exchange payvand-connector &&
        pv_package_holds gone "${programs[@]}" &&
        pv_package_holds there "$conf" "${kept[@]}" &&
        pv_in_root apt-get -q -y purge payvand payvand-exchange payvand-connector &&
        pv_package_holds gone "$conf" usr/share/payvand lib/systemd/system/payvand-traced.service &&
        pv_package_holds there "${kept[@]}"
}

pv_package_life() {
    local result=0

    {
        pv_package_root && pv_package_older && pv_package_install old &&
            pv_package_use && pv_package_upgrade
    } >"$PV_DEB/life.log" 2>&1 || result=1
    pv_package_root_gone
    [ "$result" -eq 0 ] || pv_log_tail "$PV_DEB/life.log"
    return "$result"
}
