# build.sh - configures and builds one build folder, quietly.

# pv_build DIR [meson option...] [-- target...]
pv_build() {
    local dir=$1 log options=()

    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    [ $# -eq 0 ] || shift
    mkdir -p "$dir"
    log=$dir/dev-build.log

    if [ ! -f "$dir/build.ninja" ]; then
        if ! meson setup "$dir" "$PV_ROOT" "${options[@]}" >"$log" 2>&1 </dev/null; then
            pv_log_tail "$log"
            rm -f "$dir/build.ninja"
            pv_warn "meson could not configure ${dir#"$PV_ROOT"/}"
            return 1
        fi
    fi
    if ! ninja -C "$dir" "$@" >"$log" 2>&1 </dev/null; then
        grep -E -A8 'error|FAILED|undefined reference' "$log" | head -n 40 >&2 ||
            pv_log_tail "$log"
        pv_warn "the build in ${dir#"$PV_ROOT"/} failed; all of it: ${log#"$PV_ROOT"/}"
        return 1
    fi
}
