#!/usr/bin/env bash
# pki.sh DIR EXCHANGE APPLICATION... -- CONNECTOR...
#
# A certificate authority for the demo and one P-256 certificate for each name,
# made when missing and kept otherwise. Run as the user who owns DIR.
#
#   DIR/ca.crt, ca.key               the authority
#   DIR/exchange.crt, exchange.key   both faces of the exchange
#   DIR/systems/NAME.crt, NAME.key   one information system each
#   DIR/extra/                       certificates that must be refused:
#     unregistered  right authority, a key nobody registered
#     revoked       a registered key in a certificate that was withdrawn
#     expired       a registered key, dates in the past
#     self-made     its own authority
#
# These keys protect nothing but a demo on loopback.
set -euo pipefail
umask 077

dir=$1
exchange=$2
shift 2
applications=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    applications+=("$1")
    shift
done
[ $# -eq 0 ] || shift
connectors=("$@")

leaf_days=397
authority_days=3650
renew_days=360
domain=payvand.test

mkdir -p "$dir/systems" "$dir/extra"

cat >"$dir/openssl.cnf" <<'CNF'
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[application]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
[connector]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
authorityKeyIdentifier = keyid
subjectAltName = ${ENV::PV_ALT_NAMES}
# only for the expired one: `openssl req` cannot date back
[ca]
default_ca = dated
[dated]
database = ${ENV::PV_PKI}/extra/index
new_certs_dir = ${ENV::PV_PKI}/extra
certificate = ${ENV::PV_PKI}/ca.crt
private_key = ${ENV::PV_PKI}/ca.key
default_md = sha256
policy = any_name
x509_extensions = application
unique_subject = no
rand_serial = yes
[any_name]
countryName = optional
organizationName = optional
commonName = supplied
CNF
export PV_ALT_NAMES=DNS:localhost PV_PKI=$dir

subject() {
    printf '/C=IR/O=Payvand demo/CN=%s' "$1"
}

current() {
    [ -s "$1.crt" ] && [ -s "$1.key" ] &&
        [ -n "$(find "$1.crt" -mtime "-$renew_days")" ]
}

# leaf FILE SECTION NAME [more options of openssl req]
leaf() {
    local file=$1 section=$2 name=$3 key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)

    shift 3
    if [ "${1:-}" = -key ]; then
        key=()
    else
        key+=(-keyout "$file.key.new")
    fi
    openssl req -x509 -config "$dir/openssl.cnf" -extensions "$section" \
        -CA "$dir/ca.crt" -CAkey "$dir/ca.key" "${key[@]}" -noenc -sha256 \
        -days "$leaf_days" -subj "$(subject "$name")" -out "$file.crt.new" \
        "$@" 2>/dev/null
    if [ -f "$file.key.new" ]; then
        mv "$file.key.new" "$file.key"
    fi
    mv "$file.crt.new" "$file.crt"
}

if ! current "$dir/ca"; then
    rm -f "$dir"/exchange.* "$dir"/systems/* "$dir"/extra/*
    openssl req -x509 -config "$dir/openssl.cnf" -extensions authority \
        -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -sha256 \
        -keyout "$dir/ca.key" -out "$dir/ca.crt" -days "$authority_days" \
        -subj "$(subject 'Payvand demo authority')" 2>/dev/null
fi

made=0
if ! current "$dir/exchange"; then
    PV_ALT_NAMES="DNS:localhost, DNS:$exchange.$domain, IP:127.0.0.1" \
        leaf "$dir/exchange" connector "$exchange"
    made=$((made + 1))
fi
for name in "${applications[@]}"; do
    if ! current "$dir/systems/$name"; then
        leaf "$dir/systems/$name" application "$name"
        made=$((made + 1))
    fi
done
for name in "${connectors[@]}"; do
    if ! current "$dir/systems/$name"; then
        PV_ALT_NAMES="DNS:$name.$domain" \
            leaf "$dir/systems/$name" connector "$name"
        made=$((made + 1))
    fi
done

# The revoked and the expired one carry the key of the first application: what
# refuses them is the certificate, not the key.
first=${applications[0]}
if ! current "$dir/extra/unregistered"; then
    leaf "$dir/extra/unregistered" application unregistered
fi
if ! [ -s "$dir/extra/revoked.crt" ] || [ "$made" -gt 0 ]; then
    leaf "$dir/extra/revoked" application "$first" -key "$dir/systems/$first.key"
    cp "$dir/systems/$first.key" "$dir/extra/revoked.key"
fi
if ! [ -s "$dir/extra/expired.crt" ] || [ "$made" -gt 0 ]; then
    openssl req -new -config "$dir/openssl.cnf" -key "$dir/systems/$first.key" \
        -subj "$(subject "$first")" -out "$dir/extra/expired.csr" 2>/dev/null
    : >"$dir/extra/index"
    openssl ca -batch -config "$dir/openssl.cnf" -in "$dir/extra/expired.csr" \
        -out "$dir/extra/expired.crt" -notext \
        -startdate 20240101000000Z -enddate 20250101000000Z 2>/dev/null
    cp "$dir/systems/$first.key" "$dir/extra/expired.key"
    rm -f "$dir"/extra/index* "$dir"/extra/*.pem "$dir/extra/expired.csr"
fi
if ! [ -s "$dir/extra/self-made.crt" ]; then
    openssl req -x509 -config "$dir/openssl.cnf" -extensions application \
        -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -sha256 \
        -keyout "$dir/extra/self-made.key" -out "$dir/extra/self-made.crt" \
        -days "$leaf_days" -subj "$(subject "$first")" 2>/dev/null
fi
printf '%s\n' "$made"
