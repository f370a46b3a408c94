#!/usr/bin/env bash
# pki.sh DIR SYSTEM
#
# What the embedded authority of the demo will not make: an authority from
# outside, and certificates that must be refused. Made when missing. Run as the
# user who owns DIR; everybody else's certificate is asked for: certify.py.
#
#   DIR/outside.crt, outside.key   an authority from outside
#   DIR/extra/unregistered         its certificate of a key nobody registered
#   DIR/extra/expired              its certificate of SYSTEM's key, in the past
#   DIR/extra/self-made            its own authority
#
# These keys protect nothing but a demo on loopback.
set -euo pipefail
umask 077

dir=$1
system=$2
leaf_days=397
authority_days=3650
ec=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)

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
# only for the expired one: `openssl req` cannot date back
[ca]
default_ca = dated
[dated]
database = ${ENV::PV_PKI}/extra/index
new_certs_dir = ${ENV::PV_PKI}/extra
certificate = ${ENV::PV_PKI}/outside.crt
private_key = ${ENV::PV_PKI}/outside.key
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
export PV_PKI=$dir

# make FILE NAME SECTION [more options of openssl req]: a key, a certificate
make() {
    local file=$1 name=$2 section=$3

    shift 3
    openssl req -x509 -config "$dir/openssl.cnf" -extensions "$section" "${ec[@]}" \
        -noenc -sha256 -subj "/C=IR/O=Payvand demo/CN=$name" -days "$leaf_days" \
        -keyout "$file.key" -out "$file.crt.new" "$@" 2>/dev/null
    mv "$file.crt.new" "$file.crt"
}

if ! [ -s "$dir/outside.crt" ]; then
    make "$dir/outside" 'Payvand demo, an outside authority' authority \
        -days "$authority_days"
    rm -f "$dir"/extra/*
fi
if ! [ -s "$dir/extra/unregistered.crt" ]; then
    make "$dir/extra/unregistered" unregistered application \
        -CA "$dir/outside.crt" -CAkey "$dir/outside.key"
fi
if ! [ -s "$dir/extra/self-made.crt" ]; then
    make "$dir/extra/self-made" "$system" application
fi
# what refuses it is the certificate, not the key
if ! [ -s "$dir/extra/expired.crt" ]; then
    openssl req -new -config "$dir/openssl.cnf" -key "$dir/systems/$system.key" \
        -subj "/CN=$system" -out "$dir/extra/expired.csr" 2>/dev/null
    : >"$dir/extra/index"
    openssl ca -batch -config "$dir/openssl.cnf" -in "$dir/extra/expired.csr" \
        -out "$dir/extra/expired.crt" -notext \
        -startdate 20240101000000Z -enddate 20250101000000Z 2>/dev/null
    cp "$dir/systems/$system.key" "$dir/extra/expired.key"
    rm -f "$dir"/extra/index* "$dir"/extra/*.pem "$dir/extra/expired.csr"
fi
