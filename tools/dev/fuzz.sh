# fuzz.sh - ./dev fuzz: runs the fuzz targets for a bounded time.

. "$PV_TOOLS/packages.sh"
. "$PV_TOOLS/build.sh"

PV_FUZZ_BUILD=$PV_ROOT/build-fuzz
PV_FUZZ_WORK=$PV_ROOT/fuzz/corpus-work # what a run finds; not in git

pv_fuzz_usage() {
    cat <<'TEXT'
./dev fuzz [TARGET...] [--seconds N]: run the fuzz targets

Builds them with clang, libFuzzer, ASan and UBSan and runs each for N seconds
(60) on its corpus in fuzz/corpus/<target>. What breaks a target's law is kept in
build-fuzz/crash/ and printed with the command that runs it again.

  --list      the targets
  --seconds N
  -h, --help
TEXT
}

pv_fuzz_build() {
    local targets

    mapfile -t targets < <(pv_fuzz_targets)
    CC=clang pv_build "$PV_FUZZ_BUILD" -Dfuzz=true -Dbuildtype=debugoptimized \
        -Db_lundef=false -- "${targets[@]/#/fuzz/}"
}

# The targets' names: one source each.
pv_fuzz_targets() {
    local file

    for file in "$PV_ROOT"/fuzz/fuzz_*.c; do
        [ ! -e "$file" ] || basename "$file" .c
    done
}

# pv_fuzz_one TARGET SECONDS: libFuzzer's last line goes to stdout
pv_fuzz_one() {
    local target=$1 seconds=$2 log folders

    log=$PV_FUZZ_BUILD/$target.log
    folders=("$PV_FUZZ_WORK/$target")
    if [ -d "$PV_ROOT/fuzz/corpus/${target#fuzz_}" ]; then
        folders+=("$PV_ROOT/fuzz/corpus/${target#fuzz_}")
    fi
    mkdir -p "$PV_FUZZ_BUILD/crash" "$PV_FUZZ_WORK/$target"
    if ! (cd "$PV_FUZZ_BUILD" && timeout $((seconds * 3 + 60)) \
        "$PV_FUZZ_BUILD/fuzz/$target" -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -artifact_prefix="crash/$target-" \
        "${folders[@]}") \
        >"$log" 2>&1 </dev/null; then
        pv_log_tail "$log"
        pv_warn "$target failed; its inputs: build-fuzz/crash/$target-*"
        return 1
    fi
    grep -E '^(Done|#[0-9]+.*DONE)' "$log" | tail -n 1
}

pv_fuzz() {
    local seconds=60 targets=() target failed=0

    while [ $# -gt 0 ]; do
        case $1 in
        --seconds)
            [ $# -ge 2 ] || pv_usage_error "--seconds needs a number" fuzz
            pv_number "$2" 1 86400
            seconds=$2
            shift
            ;;
        --list)
            pv_fuzz_targets
            return 0
            ;;
        -h | --help)
            pv_fuzz_usage
            return 0
            ;;
        -*) pv_usage_error "no such option: $1" fuzz ;;
        *) targets+=("fuzz_${1#fuzz_}") ;;
        esac
        shift
    done
    for target in "${targets[@]}"; do
        [ -f "$PV_ROOT/fuzz/$target.c" ] ||
            pv_usage_error "no such target: $target" fuzz
    done
    [ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <(pv_fuzz_targets)
    pv_run_folder
    pv_packages up test
    pv_step "Building the fuzz targets"
    pv_fuzz_build || exit 1
    for target in "${targets[@]}"; do
        pv_step "$target, $seconds s"
        if ! pv_note "$(pv_fuzz_one "$target" "$seconds")"; then
            failed=$((failed + 1))
        fi
    done
    [ "$failed" -eq 0 ] || pv_die "$failed fuzz targets failed"
}
