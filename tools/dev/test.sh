# test.sh - ./dev test: everything CI checks, ending with one plain line.

. "$PV_TOOLS/packages.sh"
. "$PV_TOOLS/build.sh"
. "$PV_TOOLS/fuzz.sh"
. "$PV_TOOLS/package.sh"
. "$PV_TOOLS/package_test.sh"
. "$PV_TOOLS/test_lint.sh"
. "$PV_TOOLS/lane.sh"

PV_TEST_GCC=$PV_ROOT/build
PV_TEST_CLANG=$PV_ROOT/build-clang
PV_TEST_ASAN=$PV_ROOT/build-asan
PV_TEST_PYCACHE=$PV_TEST_GCC/pycache # what pytest makes of a test file, for all
PV_TEST_FUZZ_SECONDS=3
PV_TEST_JOBS=2
PV_TEST_E2E_JOBS=4       # these wait more than they compute
PV_TEST_E2E_MINUTES=20  # a hang ends here; a run takes a few
PV_TEST_E2E_AGAIN=3     # so many failed cases are run once more, alone
PV_TEST_E2E_ONCE='test_(chaos|power|traced|keeper|marker|yes_no|hostile)' # these never:
# one record lost, once, is a fault however often it goes well
# memory that was freed is watched for as long; so deep is where it was asked for
PV_TEST_ASAN_OPTIONS=quarantine_size_mb=32:malloc_context_size=12
PV_TEST_UNIT_TIMES=4    # of what meson.build says: others run beside them
PV_TEST_LONG_MINUTES=480 # the same two with --long, which takes hours
PV_TEST_LONG_TIMES=10
PV_TEST_ANALYZER=shallow # clang's analyzer follows no long calls: a tenth of its time

pv_test_usage() {
    cat <<'TEXT'
./dev test [--only PART] [--long]: everything CI checks

  unit    gcc, warnings as errors, and the unit tests
  lint    clang with warnings as errors, clang-format, clang-tidy, cppcheck,
          headers that compile alone, codespell, shellcheck
  asan    a build with AddressSanitizer and UBSan: unit and end to end tests
  fuzz    each fuzz target for 3 seconds
  e2e     end to end: real nginx, real daemons, real curl and openssl
  package the Debian packages in a fresh Debian: installed, used, upgraded,
          removed (as root only, since it makes a root of its own)

  --only PART   one of them; may be given more than once. All of them run in two
                lanes: end to end tests and fuzz; beside them, with less right
                to the processor, unit tests, lint and packages
  --long        the long forms of unit and end to end tests too, without
                sanitizers (PAYVAND_LONG=1), and clang's analyzer in full
  -h, --help

The last line is `N passed, N failed, N skipped`; the exit code says the same.
TEXT
}

PV_PASSED=0
PV_FAILED=0
PV_SKIPPED=0
PV_FAILURES=()

# pv_count PASSED FAILED SKIPPED
pv_count() {
    PV_PASSED=$((PV_PASSED + $1))
    PV_FAILED=$((PV_FAILED + $2))
    PV_SKIPPED=$((PV_SKIPPED + $3))
}

# pv_check NAME COMMAND...: a check that either passes or fails
pv_check() {
    local name=$1 began=$SECONDS

    shift
    pv_step "$name"
    if "$@"; then
        pv_count 1 0 0
        pv_note "passed, $((SECONDS - began)) s"
        return 0
    fi
    pv_count 0 1 0
    PV_FAILURES+=("$name")
    pv_warn "failed: $name, $((SECONDS - began)) s"
    return 1
}

# pv_counted NAME REPORT COMMAND...: a program that leaves a JUnit report; each
# of its cases counts. No report is one failure.
pv_counted() {
    local name=$1 report=$2 began=$SECONDS result=0 passed failed skipped

    shift 2
    pv_step "$name"
    rm -f "$report"
    "$@" || result=$?
    if ! read -r passed failed skipped < <("$PV_PYTHON" "$PV_TOOLS/junit.py" "$report"); then
        passed=0 failed=1 skipped=0
    elif [ "$result" -ne 0 ] && [ "$failed" -eq 0 ]; then
        failed=1 # it failed outside of any case
    fi
    pv_count "$passed" "$failed" "$skipped"
    pv_note "$passed passed, $failed failed, $skipped skipped, $((SECONDS - began)) s"
    [ "$failed" -eq 0 ] || PV_FAILURES+=("$name")
}

pv_test_meson() {
    local dir=$1

    if ! meson test -C "$dir" --no-rebuild --num-processes "$PV_TEST_JOBS" \
        --timeout-multiplier "$PV_TEST_UNIT_TIMES" \
        --print-errorlogs >"$dir/dev-test.log" 2>&1 </dev/null; then
        grep -vE '^ *[0-9]+/[0-9]+ .* (OK|SKIP)' "$dir/dev-test.log" | tail -n 60 >&2
        return 1
    fi
}

# pv_pytest BUILD REPORT WHAT...
pv_pytest() {
    local build=$1 report=$2

    shift 2
    (cd "$PV_ROOT" && PAYVAND_BUILD=$build PYTHONPYCACHEPREFIX=$PV_TEST_PYCACHE \
        timeout -k 30 "$((PV_TEST_E2E_MINUTES * 60))" \
        env -u PYTHONDONTWRITEBYTECODE \
        "$PV_PYTHON" -m pytest -q -p no:cacheprovider --tb=short \
        --junitxml="$report" "$@" </dev/null)
}

# pv_test_pytest BUILD REPORT: everything, then what failed once more with no
# other end to end test beside it. A case that passes only then is named: on a full machine
# it asked for more than it was given, and its wait is to be mended.
pv_test_pytest() {
    local build=$1 report=$2 failed=()

    pv_pytest "$build" "$report" --numprocesses "$PV_TEST_E2E_JOBS" \
        --dist loadfile tests/e2e && return 0
    mapfile -t failed < <("$PV_PYTHON" "$PV_TOOLS/junit.py" --failed "$report")
    if [ "${#failed[@]}" -eq 0 ] || [ "${#failed[@]}" -gt "$PV_TEST_E2E_AGAIN" ] ||
        [[ ${failed[*]} =~ $PV_TEST_E2E_ONCE ]]; then
        return 1
    fi
    pv_step "what failed, once more and alone"
    pv_pytest "$build" "$report.again" "${failed[@]}" || return 1
    pv_warn "passed only when run alone: ${failed[*]}"
    "$PV_PYTHON" "$PV_TOOLS/junit.py" --passed-again "$report"
}

pv_test_gcc_build() {
    pv_check "gcc build, warnings as errors" \
        pv_build "$PV_TEST_GCC" -Dbuildtype=debugoptimized
}

pv_test_asan_build() {
    pv_check "build with ASan and UBSan" pv_build "$PV_TEST_ASAN" \
        -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false
}

pv_test_gcc_unit() {
    pv_counted "unit tests" "$PV_TEST_GCC/meson-logs/testlog.junit.xml" \
        pv_test_meson "$PV_TEST_GCC"
}

pv_test_asan_unit() {
    PAYVAND_LONG=0 pv_counted "unit tests under ASan and UBSan" \
        "$PV_TEST_ASAN/meson-logs/testlog.junit.xml" pv_test_meson "$PV_TEST_ASAN"
}

pv_test_gcc_e2e() {
    pv_counted "end to end tests" "$PV_TEST_GCC/e2e.xml" \
        pv_test_pytest "$PV_TEST_GCC" "$PV_TEST_GCC/e2e.xml"
}

pv_test_asan_e2e() {
    PAYVAND_LONG=0 PAYVAND_SANITIZE=1 ASAN_OPTIONS=$PV_TEST_ASAN_OPTIONS pv_counted \
        "end to end tests under ASan and UBSan" "$PV_TEST_ASAN/e2e.xml" \
        pv_test_pytest "$PV_TEST_ASAN" "$PV_TEST_ASAN/e2e.xml"
}

# ---- the parts by themselves

pv_test_unit() {
    ! pv_test_gcc_build || pv_test_gcc_unit
}

pv_test_e2e() {
    ! pv_test_gcc_build || pv_test_gcc_e2e
}

pv_test_asan() {
    pv_test_asan_build || return 0
    pv_test_asan_unit
    pv_test_asan_e2e
}

# As many targets at a time as there are cores: each uses one.
pv_test_fuzz() {
    local targets at target
    local -A jobs

    pv_check "build of the fuzz targets" pv_fuzz_build || return 0
    mapfile -t targets < <(pv_fuzz_targets)
    for ((at = 0; at < ${#targets[@]}; at += PV_TEST_JOBS)); do
        jobs=()
        for target in "${targets[@]:at:PV_TEST_JOBS}"; do
            pv_fuzz_one "$target" "$PV_TEST_FUZZ_SECONDS" &
            jobs[$target]=$!
        done
        for target in "${!jobs[@]}"; do
            pv_check "$target, $PV_TEST_FUZZ_SECONDS s" wait "${jobs[$target]}" || true
        done
    done
}

# Exposure in tenths: docs/install.md has the figures.
pv_test_confined() {
    local unit result=0

    for unit in "$PV_ROOT"/packaging/systemd/*.service; do
        systemd-analyze security --offline=true --threshold=20 "$unit" >/dev/null 2>&1 || {
            pv_warn "${unit##*/} may do too much: systemd-analyze security --offline=true $unit"
            result=1
        }
    done
    return "$result"
}

pv_test_package() {
    pv_check "units are confined" pv_test_confined || true
    if ! unshare --mount --net true 2>/dev/null; then
        pv_note "packages in a fresh Debian: skipped, this user can make no root"
        pv_count 0 0 1
        return 0
    fi
    pv_check "build of the packages" pv_package_make || return 0
    pv_check "packages in a fresh Debian" pv_package_life || true
}

# ---- all of them

# What asks for the processor alone, beside tests that wait more than they
# compute. Its words are shown at its end.
pv_test_beside() {
    [ -z "$1" ] || pv_test_gcc_unit
    [ -z "$2" ] || pv_test_asan_unit
    pv_test_lint
    pv_test_package
}

pv_test_all() {
    local gcc='' asan=''

    # once, and not by each worker at the same time
    pv_pytest "$PV_TEST_GCC" /dev/null --collect-only tests/e2e >/dev/null 2>&1 &
    ! pv_test_gcc_build || gcc=yes
    ! pv_test_asan_build || asan=yes
    pv_lane_begin pv_test_beside "$gcc" "$asan"
    [ -z "$gcc" ] || pv_test_gcc_e2e
    [ -z "$asan" ] || pv_test_asan_e2e
    pv_test_fuzz
    pv_lane_end
}

pv_test() {
    local parts=() part began=$SECONDS name

    while [ $# -gt 0 ]; do
        case $1 in
        --only)
            [ $# -ge 2 ] || pv_usage_error "--only needs a part" test
            case $2 in
            unit | lint | asan | fuzz | e2e | package) parts+=("$2") ;;
            *) pv_usage_error "no such part: $2" test ;;
            esac
            shift
            ;;
        --long)
            export PAYVAND_LONG=1
            PV_TEST_E2E_MINUTES=$PV_TEST_LONG_MINUTES
            PV_TEST_UNIT_TIMES=$PV_TEST_LONG_TIMES
            PV_TEST_ANALYZER=deep
            ;;
        -h | --help)
            pv_test_usage
            return 0
            ;;
        *) pv_usage_error "no such option: $1" test ;;
        esac
        shift
    done
    [ "${#parts[@]}" -gt 0 ] || parts=(all)

    pv_run_folder
    pv_packages up test package
    (pv_packages examples) || pv_warn "the example calls in Java and C# are skipped"
    for part in "${parts[@]}"; do
        "pv_test_$part"
    done

    for name in "${PV_FAILURES[@]}"; do
        pv_warn "failed: $name"
    done
    pv_note "$((SECONDS - began)) s in all"
    printf '%s passed, %s failed, %s skipped\n' "$PV_PASSED" "$PV_FAILED" "$PV_SKIPPED"
    [ "$PV_FAILED" -eq 0 ]
}
