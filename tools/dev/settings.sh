# settings.sh - the few things a person may choose, and what `up` remembers of
# them in .run/settings so that down, status and the next up agree.
#
#   PAYVAND_PORT           the exchange              8443
#   PAYVAND_PROVIDER_PORT  providers from this + 1   9500
#   PAYVAND_API_PORT       the reader's API          8444
#   PAYVAND_WORKERS        nginx workers             2
#   PAYVAND_PERSONS        size of the country       100000
#   PAYVAND_SEED           seed of the country       1

PV_SETTINGS=$PV_RUN/settings
PV_NODE=nix

# The remembered value of $1, or $2.
pv_setting() {
    local name value

    if [ -f "$PV_SETTINGS" ]; then
        while IFS='=' read -r name value; do
            if [ "$name" = "$1" ]; then
                printf '%s\n' "$value"
                return 0
            fi
        done <"$PV_SETTINGS"
    fi
    printf '%s\n' "$2"
}

pv_settings() {
    PV_PORT=${PAYVAND_PORT:-$(pv_setting port 8443)}
    PV_API_PORT=${PAYVAND_API_PORT:-$(pv_setting api_port 8444)}
    PV_PROVIDER_PORT=${PAYVAND_PROVIDER_PORT:-$(pv_setting provider_port 9500)}
    PV_WORKERS=${PAYVAND_WORKERS:-$(pv_setting workers 2)}
    PV_PERSONS=${PAYVAND_PERSONS:-$(pv_setting persons 100000)}
    PV_SEED=${PAYVAND_SEED:-$(pv_setting seed 1)}
    pv_number "$PV_PORT" 1024 65535
    pv_number "$PV_API_PORT" 1024 65535
    pv_number "$PV_PROVIDER_PORT" 1024 65500
    pv_number "$PV_WORKERS" 1 64
    pv_number "$PV_PERSONS" 100 1000000
    pv_number "$PV_SEED" 0 999999999
}

pv_settings_save() {
    printf '%s\n' "port=$PV_PORT" "api_port=$PV_API_PORT" "provider_port=$PV_PROVIDER_PORT" \
        "workers=$PV_WORKERS" "persons=$PV_PERSONS" "seed=$PV_SEED" \
        >"$PV_SETTINGS.new"
    mv "$PV_SETTINGS.new" "$PV_SETTINGS"
}

# What deploy.py and certify.py want to know, behind the word for what to make.
pv_deploy_args() {
    PV_DEPLOY_ARGS=("$PV_ROOT" "$PV_RUN" "$PV_NODE" "$PV_PORT" "$PV_PROVIDER_PORT"
        "$PV_WORKERS" "$(id -u "$PV_USER")" "$PV_API_PORT" "$(id -u)")
}

pv_deploy() {
    pv_deploy_args
    "$PV_PYTHON" "$PV_TOOLS/deploy.py" "$1" "${PV_DEPLOY_ARGS[@]}"
}

# The same, or certify.py, as the user whose the files are.
pv_deploy_as() {
    pv_deploy_args
    "${PV_AS[@]}" "$PV_PYTHON" "$PV_TOOLS/$1" "$2" "${PV_DEPLOY_ARGS[@]}"
}
