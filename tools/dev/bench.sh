# bench.sh - ./dev bench: builds for speed, installs the contenders, measures.

. "$PV_TOOLS/packages.sh"
. "$PV_TOOLS/build.sh"

PV_BENCH_BUILD=$PV_ROOT/build-bench

pv_bench_usage() {
    cat <<'TEXT'
./dev bench [NAME] [OPTION...]: measure

Builds without debugging aids in build-bench/ and runs bench/NAME with the
options that follow it; without a name, all of them. `./dev bench NAME --help`
tells what it measures and its options; --json gives figures for machines.
Contenders that are missing are installed with apt-get.

  gateway     a governed call against bare nginx, HAProxy, nginx+Lua, Node.js
  profile     where a governed call's CPU time goes, beside bare nginx's
  journal     the journal's writer alone, beside the disk's fdatasync
  decide      one decision, with 1,000 and 1,000,000 grants
  trace       the log: rates, receipts, and what they add to the gateway's CPU;
              look-up, proof and restart of up to 100,000,000 records
  registry    a million grants, decisions beside bare commits, the catalogue,
              grants withdrawn under full load
  -h, --help
TEXT
}

# Each executable file in bench/ without a suffix is one.
pv_bench_names() {
    local file

    for file in "$PV_ROOT"/bench/*; do
        if [ -f "$file" ] && [ -x "$file" ] && [[ ${file##*/} != *.* ]]; then
            printf '%s\n' "${file##*/}"
        fi
    done
}

pv_bench() {
    local names=() name

    case ${1:-} in
    -h | --help)
        pv_bench_usage
        return 0
        ;;
    '' | -*) mapfile -t names < <(pv_bench_names) ;;
    *)
        names=("$1")
        shift
        ;;
    esac
    for name in "${names[@]}"; do
        [ -x "$PV_ROOT/bench/$name" ] || pv_die "no such measurement: $name" \
            "there are: $(pv_bench_names | tr '\n' ' ')"
    done
    if [ "${1:-}" != --help ]; then
        pv_run_folder
        # what is said here would stand in the way of --json
        pv_packages up bench >&2
        pv_step "Building for speed" >&2
        pv_build "$PV_BENCH_BUILD" -Dbuildtype=release -Dwerror=false || exit 1
        # not part of the product, so not built by default
        ninja -C "$PV_BENCH_BUILD" bench/ngx_http_payvand_module.so >&2 ||
            exit 1
    fi
    for name in "${names[@]}"; do
        PAYVAND_BUILD=$PV_BENCH_BUILD "$PV_ROOT/bench/$name" "$@"
    done
}
