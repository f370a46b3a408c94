# up.sh - ./dev up: from a fresh checkout to a running exchange and a tour.

. "$PV_TOOLS/packages.sh"
. "$PV_TOOLS/build.sh"
. "$PV_TOOLS/user.sh"
. "$PV_TOOLS/process.sh"
. "$PV_TOOLS/settings.sh"

pv_up_usage() {
    cat <<'TEXT'
./dev up [OPTION...]: build and start a whole exchange on this machine

Installs the Debian packages that are missing, builds, makes keys and a
synthetic country, starts the registry with an authority, enters the catalogue
as decisions, asks for everybody's certificate, starts the journal's writer with
its log, a connector for each provider, the consumer face of one agency and three
nginx in the background, and ends with a tour of answered and refused calls, of a
certificate's life and of a call with its evidence. Run again it reports what runs
already and starts again what died or what changed.

  --persons N   size of the synthetic country (100 to 1000000; 100000)
  --seed N      another country of the same size (1)
  --lang fa     the tour in Persian
  --no-tour     leave the tour out
  -h, --help

Everything listens on 127.0.0.1. Environment: PAYVAND_PORT (8443),
PAYVAND_API_PORT (8444), PAYVAND_PROVIDER_PORT (9500; each provider takes one
port above it), PAYVAND_WORKERS (2). What was chosen is remembered until `./dev down --clean`.

State is in .run/ only; .run/env has the shell variables for your own calls.
TEXT
}

# A Unix socket's path has at most 107 bytes (sun_path).
PV_UP_SOCKET_MAX=107

# The system whose key is in an expired certificate, too.
PV_UP_EXPIRED=customs-administration-main

# The programs that run, as the build names them.
PV_UP_TARGETS=(cli/payvand traced/payvand-traced connectord/payvand-connectord
    consumerd/payvand-consumerd
    registryd/payvand-registryd registryd/payvand-follow
    catalogue/country/payvand-country gateway/ngx_http_payvand_module.so)

pv_up_options() {
    PV_UP_TOUR=yes
    PV_UP_LANG=''
    while [ $# -gt 0 ]; do
        case $1 in
        --persons | --seed | --lang)
            [ $# -ge 2 ] || pv_usage_error "$1 needs a value" up
            case $1 in
            --persons) PAYVAND_PERSONS=$2 ;;
            --seed) PAYVAND_SEED=$2 ;;
            --lang) PV_UP_LANG=$2 ;;
            esac
            shift
            ;;
        --no-tour) PV_UP_TOUR='' ;;
        -h | --help)
            pv_up_usage
            exit 0
            ;;
        *) pv_usage_error "no such option: $1" up ;;
        esac
        shift
    done
}

# Folders of the ordinary user inside .run, which is the caller's own.
pv_up_folders() {
    local dir

    mkdir -p "$PV_PIDS"
    chmod 755 "$PV_RUN"
    for dir in pki pki/extra policy registry registry/log registry/signer \
        registry/authority journal trace signer country deploy log socket consumer \
        consumer/contracts consumer/providers gateway gateway/logs providers providers/logs api api/logs; do
        if [ ! -d "$PV_RUN/$dir" ]; then
            mkdir "$PV_RUN/$dir"
            chmod 700 "$PV_RUN/$dir"
            [ "$(id -u)" -ne 0 ] || chown "$PV_USER:" "$PV_RUN/$dir"
        fi
    done
    for dir in gateway/no-temp providers/no-temp api/no-temp; do
        if [ ! -d "$PV_RUN/$dir" ]; then
            "${PV_AS[@]}" mkdir -m 0500 "$PV_RUN/$dir"
        fi
    done
}

# Where the checkout lies may be too long for a socket's path.
pv_up_paths() {
    local provider port path

    while read -r provider port; do
        path=$PV_RUN/providers/$provider.sock
        if [ "${#path}" -gt "$PV_UP_SOCKET_MAX" ]; then
            pv_die "the path of the checkout is too long for Unix sockets: $path" \
                "move it to a shorter one: at most $((${#PV_ROOT} + PV_UP_SOCKET_MAX - ${#path})) characters instead of ${#PV_ROOT}"
        fi
    done <<<"$PV_UP_PROVIDERS"
}

# A port of ours that a stranger holds is said before anything is started.
pv_up_ports() {
    local provider port

    if ! pv_alive gateway && pv_port_taken "$PV_PORT"; then
        pv_die "port $PV_PORT of 127.0.0.1 is taken by another program" \
            "choose another one: PAYVAND_PORT=$((PV_PORT + 1)) ./dev up"
    fi
    if ! pv_alive api && pv_port_taken "$PV_API_PORT"; then
        pv_die "port $PV_API_PORT of 127.0.0.1 is taken by another program" \
            "choose another one: PAYVAND_API_PORT=$((PV_API_PORT + 1)) ./dev up"
    fi
    pv_alive providers && return 0
    while read -r provider port; do
        if pv_port_taken "$port"; then
            pv_die "port $port of 127.0.0.1 (provider $provider) is taken by another program" \
                "choose other ones: PAYVAND_PROVIDER_PORT=$((PV_PROVIDER_PORT + 100)) ./dev up"
        fi
    done <<<"$PV_UP_PROVIDERS"
}

# Everybody's key, and what the registry's authority does not make.
pv_up_keys() {
    pv_deploy_as certify.py keys || pv_die "openssl could not make the keys"
    "${PV_AS[@]}" bash "$PV_TOOLS/pki.sh" "$PV_RUN/pki" "$PV_UP_EXPIRED" ||
        pv_die "openssl could not make the certificates"
}

pv_up_certificates() {
    local made

    made=$(pv_deploy_as certify.py certificates) ||
        pv_die "the registry gave no certificates"
    [ "$made" -eq 0 ] ||
        pv_note "$made certificates asked for, approved and issued, in .run/pki"
}

pv_up_country() {
    local program=$PV_BUILD/catalogue/country/payvand-country want

    want=$(pv_fingerprint "$program" "$PV_SEED" "$PV_PERSONS")
    if [ "$("${PV_AS[@]}" cat "$PV_RUN/country/made" 2>/dev/null)" = "$want" ]; then
        return 0
    fi
    pv_step "Making a synthetic country of $PV_PERSONS persons (seed $PV_SEED)"
    pv_up_stop_connectors
    "${PV_AS[@]}" sh -c 'rm -f "$1"/*' sh "$PV_RUN/country"
    "${PV_AS[@]}" "$program" --seed "$PV_SEED" --persons "$PV_PERSONS" \
        --out "$PV_RUN/country" </dev/null ||
        pv_die "the country could not be made; is the disk full? ($(df -h --output=avail "$PV_RUN" | tail -n 1 | tr -d ' ') free)"
    printf '%s\n' "$want" | "${PV_AS[@]}" tee "$PV_RUN/country/made" >/dev/null
}

# They hold the databases open.
pv_up_stop_connectors() {
    local note

    for note in "$PV_PIDS"/connector-*; do
        [ ! -e "$note" ] || pv_stop "${note##*/}"
    done
}

# The log's key is made once; what it signed is checked with `vkey`.
pv_up_log_key() {
    local signer=$PV_RUN/signer

    [ ! -e "$signer/vkey" ] || return 0
    "${PV_AS[@]}" "$PV_BUILD/traced/payvand-traced" --init-key --signer "$signer" \
        --origin "$PV_NODE.payvand.test/trace" >/dev/null ||
        pv_die "the log's key could not be made"
}

pv_up_traced() {
    local program=$PV_BUILD/traced/payvand-traced socket=$PV_RUN/socket
    local readers=$PV_RUN/deploy/readers uid

    uid=$(id -u "$PV_USER")
    pv_start traced "$(pv_fingerprint "$program" "$PV_NODE" "$PV_USER" \
        "$("${PV_AS[@]}" cat "$readers")" log)" \
        "$program" --dir "$PV_RUN/journal" --socket "$socket/journal.sock" \
        --node "$PV_NODE" --gateway-uid "$uid" \
        --log "$PV_RUN/trace" --signer "$PV_RUN/signer" \
        --api "$socket/api.sock" --api-uid "$uid" --local "$socket/trace.sock" \
        --readers "$readers" --policy "$PV_RUN/policy"
    pv_ready traced "$PV_LOG/traced.log" test -S "$socket/journal.sock"
}

# The image is made from decisions. One of another origin, or of a build whose
# images this one cannot read, is made anew.
pv_up_registryd() {
    local program=$PV_BUILD/registryd/payvand-registryd folder=$PV_RUN/registry
    local socket=$PV_RUN/socket/registry.sock

    if ! "${PV_AS[@]}" test -e "$folder/registry.db"; then
        "${PV_AS[@]}" sh -c 'rm -f "$1"/*.mdb "$2"/*' sh "$PV_RUN/policy" "$folder/log"
    elif ! "${PV_AS[@]}" "$PV_BUILD/cli/payvand" image grant list \
        --image "$PV_RUN/policy" >/dev/null 2>&1; then
        pv_stop registryd
        "${PV_AS[@]}" sh -c 'rm -f "$1"/*.mdb' sh "$PV_RUN/policy"
    fi
    pv_start registryd "$(pv_fingerprint "$program" "$PV_NODE" "$PV_USER" "$(id -u)" \
        "$PV_API_PORT")" \
        "$program" --store "sqlite:$folder/registry.db" --image "$PV_RUN/policy" \
        --log "$folder/log" --signer "$folder/signer" --secrets "$folder/secrets" \
        --authority "$folder/authority" \
        --node "$PV_NODE" --loopback --socket "$socket" \
        --web-socket "$PV_RUN/socket/registry-web.sock" \
        --operator-uid "$(id -u "$PV_USER")" --operator-uid "$(id -u)"
    pv_ready registryd "$PV_LOG/registryd.log" pv_up_registry_answers "$socket"
}

# The decision log's key is made once, for one history.
pv_up_registry_key() {
    local signer=$PV_RUN/registry/signer

    [ ! -e "$signer/vkey" ] || return 0
    "${PV_AS[@]}" "$PV_BUILD/registryd/payvand-registryd" --init-key --signer "$signer" \
        --origin "$PV_NODE.payvand.test/decisions" >/dev/null ||
        pv_die "the key of the decision log could not be made"
}

# The authority obeys the log of that key. What it signs says where its answers
# are; the port may be another one than before.
pv_up_authority() {
    local folder=$PV_RUN/registry/authority where="https://localhost:$PV_API_PORT/pki"
    local crl=$where/crl/$PV_NODE-authority

    if [ -e "$folder/ca.crt" ]; then
        printf '%s\n' "$crl" "$where/ocsp" | "${PV_AS[@]}" tee "$folder/urls" >/dev/null
        return 0
    fi
    "${PV_AS[@]}" "$PV_BUILD/registryd/payvand-registryd" \
        --init-authority "$PV_NODE-authority" --authority "$folder" \
        --log-key "$(cat "$PV_RUN/registry/signer/vkey")" \
        --crl-url "$crl" --ocsp-url "$where/ocsp" >/dev/null ||
        pv_die "the authority could not be made"
}

# What was decided stays decided: a catalogue with another history begins anew.
pv_up_history() {
    local entered=$PV_RUN/registry/entered

    PV_UP_HISTORY=$({
        printf 'certificates by %s-authority\n' "$PV_NODE"
        "${PV_AS[@]}" "$PV_BUILD/cli/payvand" import --list --probes --probe-services \
            --catalogue "$PV_ROOT/catalogue" 2>"$PV_RUN/import.log"
    } | sha256sum)
    if "${PV_AS[@]}" test -e "$PV_RUN/registry/registry.db" &&
        [ "$("${PV_AS[@]}" cat "$entered" 2>/dev/null)" != "$PV_UP_HISTORY" ]; then
        pv_note "the catalogue has another history now: the registry begins anew"
        pv_stop registryd
        # shellcheck disable=SC2016
        "${PV_AS[@]}" sh -c 'rm -f "$1"/registry.db* "$1/entered" "$1"/signer/*
            rm -rf "$1"/authority/* "$2"/*.crt "$2"/systems "$2"/extra/*' \
            sh "$PV_RUN/registry" "$PV_RUN/pki"
    fi
}

pv_up_registry_answers() {
    "${PV_AS[@]}" curl -sf -o /dev/null --max-time 2 --unix-socket "$1" \
        http://registry/registry/v1/status
}

pv_up_reader_answers() {
    # 404 before the first checkpoint: any answer will do
    "${PV_AS[@]}" curl -s -o /dev/null --max-time 2 --cacert "$PV_RUN/pki/ca.crt" \
        "https://localhost:$PV_API_PORT/checkpoint"
}

pv_up_connector_answers() {
    # any answer over HTTP will do: it listens
    "${PV_AS[@]}" curl -s -o /dev/null --max-time 2 --unix-socket "$1" http://connector/
}

pv_up_connectors() {
    local provider port program=$PV_BUILD/connectord/payvand-connectord
    local print config started=()

    while read -r provider port; do
        config=$PV_RUN/providers/$provider.json
        print=$(pv_fingerprint "$program" "$("${PV_AS[@]}" cat "$config")" \
            "$PV_ROOT"/catalogue/{contracts,services}/"$provider"/*.json \
            "$PV_ROOT"/catalogue/{data_items,enactment,data_items_proposed}.json)
        pv_start "connector-$provider" "$print" "$program" --config "$config"
        [ -z "$PV_STARTED" ] || started+=("$provider")
    done <<<"$PV_UP_PROVIDERS"
    for provider in "${started[@]}"; do
        pv_ready "connector-$provider" "$PV_LOG/connector-$provider.log" \
            pv_up_connector_answers "$PV_RUN/providers/$provider.sock"
    done
}

# One agency's consumer face, which pulls its contracts from the registry.
pv_up_consumer() {
    local program=$PV_BUILD/consumerd/payvand-consumerd
    local config=$PV_RUN/consumer/consumer.json

    pv_start consumer "$(pv_fingerprint "$program" "$("${PV_AS[@]}" cat "$config")")" \
        "$program" --config "$config"
    pv_ready consumer "$PV_LOG/consumer.log" pv_up_consumer_has_contracts
}

pv_up_consumer_has_contracts() {
    "${PV_AS[@]}" sh -c 'ls "$1"/*.json' sh "$PV_RUN/consumer/contracts" &&
        pv_up_connector_answers "$PV_RUN/socket/consumer.sock"
}

# pv_up_nginx NAME FOLDER PORT FILE...: one of the nginx; it is started again
# when a file or a certificate changes
pv_up_nginx() {
    local name=$1 folder=$2 port=$3 conf=$2/nginx.conf

    shift 3
    if ! "${PV_AS[@]}" /usr/sbin/nginx -t -q -p "$folder" -c "$conf" \
        -e "$folder/logs/error.log" 2>"$PV_RUN/nginx-test.log"; then
        sed 's/^/    /' "$PV_RUN/nginx-test.log" >&2
        pv_die "nginx refuses the configuration ${conf#"$PV_ROOT"/}"
    fi
    pv_start "$name" "$(pv_fingerprint "$@" "$("${PV_AS[@]}" cat "$conf")" \
        "$("${PV_AS[@]}" sh -c 'cat "$1"/*.crt "$1"/systems/*-connector.crt' sh "$PV_RUN/pki")")" \
        /usr/sbin/nginx -p "$folder" -c "$conf" -e "$folder/logs/error.log" \
        -g 'daemon off;'
    pv_ready "$name" "$folder/logs/error.log" pv_port_taken "$port"
}

pv_up_import() {
    local log=$PV_RUN/import.log

    if ! "${PV_AS[@]}" "$PV_BUILD/cli/payvand" import \
        --catalogue "$PV_ROOT/catalogue" --socket "$PV_RUN/socket/registry.sock" \
        --deployment "$PV_RUN/deploy/deployment.json" --probes --probe-services >"$log" 2>&1 </dev/null; then
        pv_log_tail "$log"
        pv_die "the registry did not take the catalogue"
    fi
    printf '%s\n' "$PV_UP_HISTORY" |
        "${PV_AS[@]}" tee "$PV_RUN/registry/entered" >/dev/null
    sed 's/^/    /' "$log"
}

pv_up_answers() {
    "${PV_AS[@]}" curl -sf -o /dev/null --max-time 2 --cacert "$PV_RUN/pki/ca.crt" \
        "https://localhost:$PV_PORT/payvand/status"
}

pv_up() {
    local began=$SECONDS

    pv_up_options "$@"
    pv_run_folder
    pv_lock
    pv_settings
    pv_packages up
    pv_user

    pv_step "Building"
    pv_build "$PV_BUILD" -Dbuildtype=debugoptimized -- "${PV_UP_TARGETS[@]}" ||
        exit 1
    pv_up_folders
    PV_UP_PROVIDERS=$(pv_deploy providers) # a name and a port a line
    pv_up_paths
    pv_sweep
    pv_up_ports
    pv_settings_save

    pv_step "Keys and a synthetic country"
    pv_up_history
    pv_up_keys
    pv_up_log_key
    pv_up_registry_key
    pv_up_authority
    pv_deploy env >"$PV_RUN/env.new"
    mv "$PV_RUN/env.new" "$PV_RUN/env"
    pv_up_country

    pv_step "Starting the registry, entering the catalogue as decisions, asking for certificates"
    pv_up_registryd
    pv_deploy_as deploy.py deployment
    pv_up_import
    pv_up_certificates
    pv_deploy_as deploy.py files

    pv_step "Starting the journal's writer and the providers, as user $PV_USER"
    pv_up_traced
    pv_up_connectors
    pv_up_nginx providers "$PV_RUN/providers" "$((PV_PROVIDER_PORT + 1))" /usr/sbin/nginx \
        "$PV_ROOT"/packaging/nginx/provider*.in

    pv_up_nginx api "$PV_RUN/api" "$PV_API_PORT" /usr/sbin/nginx \
        "$PV_ROOT/packaging/nginx/api.conf.in"
    pv_ready api "$PV_RUN/api/logs/error.log" pv_up_reader_answers

    pv_step "Starting the exchange on 127.0.0.1:$PV_PORT"
    pv_up_nginx gateway "$PV_RUN/gateway" "$PV_PORT" /usr/sbin/nginx \
        "$PV_BUILD/gateway/ngx_http_payvand_module.so"
    pv_ready gateway "$PV_RUN/gateway/logs/error.log" pv_up_answers
    pv_up_consumer
    if [ "${PV_RUNNING_COUNT:-0}" -gt 0 ]; then
        pv_note "$PV_RUNNING_COUNT programs ran already and were left alone"
    fi
    pv_note "everything runs; $((SECONDS - began)) s"

    if [ -n "$PV_UP_TOUR" ]; then
        pv_step "A tour"
        "${PV_AS[@]}" "$PV_PYTHON" "$PV_TOOLS/tour.py" "$PV_ROOT" "$PV_RUN" \
            ${PV_UP_LANG:+--lang "$PV_UP_LANG"} || pv_die "the tour did not go as expected"
    fi
    pv_up_goodbye
}

pv_up_goodbye() {
    cat <<TEXT

The exchange runs. To call it yourself:

  set -a; . .run/env; set +a
  payvand service list
  payvand resolution show m38/r5
  payvand call ministry-interior/country-divisions/v1/inquire --as customs-administration-main --data '{}'
  payvand trace --list
  payvand receipt TRACKING-ID
  curl --unix-socket "\$PAYVAND_CONSUMER_SOCKET" --json @QUESTION.json \\
    http://consumer/x/civil-registration-organisation/identity-match/v1/verify
  payvand evidence list --store "\$PAYVAND_CONSUMER_STORE"
  payvand explain TRACKING-ID --decision-key "\$PAYVAND_DECISION_KEY" --log-key "\$PAYVAND_LOG_KEY"

A second node's copy of the registry, kept by what was decided and signed:

  mkdir -p /tmp/node/image /tmp/node/log
  $PV_BUILD/registryd/payvand-follow --node nix-2 --loopback \\
    --store sqlite:/tmp/node/copy.db --image /tmp/node/image --log /tmp/node/log \\
    --log-key "\$PAYVAND_DECISION_KEY" --socket "\$PAYVAND_REGISTRY_SOCKET"
TEXT
    pv_up_first_person
    printf '\n./dev status shows it, ./dev down stops it.\n'
}

# While nobody can sign in, whoever has this code may become the first.
pv_up_first_person() {
    local code

    code=$("${PV_AS[@]}" sed -n 's/^first administrator: \([^ ]*\).*/\1/p' \
        "$PV_LOG/registryd.log" | tail -n 1)
    [ -n "$code" ] || return 0
    cat <<TEXT

People sign in at https://localhost:$PV_API_PORT/registry/v1/session. The first
administrator is made by this code, once and within an hour of the start; the
answer has the secret for his one-time codes (payvand-registryd(8)):

  curl --cacert "\$PAYVAND_CA" "\$PAYVAND_API_URL/registry/v1/first" --json \\
    '{"code":"$code","person":"maryam","name_fa":"مریم","password":"..."}'
TEXT
}
