# test_lint.sh - what `./dev test` looks at without running it. Sourced by test.sh.

# Tracked files that match, as NUL-ended names.
pv_test_files() {
    git -C "$PV_ROOT" ls-files -z -- "$@"
}

pv_test_format() {
    (cd "$PV_ROOT" && pv_test_files '*.c' '*.h' ':!gateway/*' ':!bench/decision/*' |
        xargs -0 -r -P "$PV_TEST_JOBS" -n 16 clang-format --dry-run -Werror) 2>&1 | head -n 40
    return "${PIPESTATUS[0]}"
}

# Files that the clang build compiles; the nginx module is not meson's.
pv_test_tidy() {
    (cd "$PV_ROOT" && pv_test_files 'lib/*.c' 'traced/*.c' 'connectord/*.c' 'cli/*.c' 'witness/*.c' 'authority/*.c' 'signer/*.c' 'registryd/*.c' 'signin/*.c' 'consent/*.c' 'consumerd/*.c' |
        xargs -0 -r -P "$PV_TEST_JOBS" -n 4 timeout 300 \
            clang-tidy --quiet -p "$PV_TEST_CLANG" --warnings-as-errors='*' \
            --extra-arg={-Xclang,-analyzer-config,-Xclang,mode="$PV_TEST_ANALYZER"}) \
        2>&1 | grep -vE 'warnings? generated|^Suppressed|^Use -header-filter' | head -n 60
    return "${PIPESTATUS[0]}"
}

pv_test_cppcheck() {
    (cd "$PV_ROOT" && cppcheck --quiet -j "$PV_TEST_JOBS" --error-exitcode=1 \
        --std=c11 --enable=warning,portability --inline-suppr \
        --suppressions-list=tools/cppcheck.txt --max-configs=4 \
        -Ilib -D_GNU_SOURCE lib traced connectord cli witness authority signer registryd signin consent consumerd 2>&1 | head -n 40
        exit "${PIPESTATUS[0]}")
}

pv_test_headers() {
    (cd "$PV_ROOT" && pv_test_files 'lib/*.h' |
        xargs -0 -r -P "$PV_TEST_JOBS" -I{} sh -c 'printf "#include \"%s\"\n" "${1#lib/}" |
            cc -std=gnu17 -Wall -Wextra -Werror -D_GNU_SOURCE -Ilib $(pkg-config --cflags libpq) -fsyntax-only -x c -' sh {})
}

pv_test_spelling() {
    (cd "$PV_ROOT" && pv_test_files ':!catalogue/*.json' ':!fuzz/corpus/*' ':!tests/vectors/*' \
        ':!LICENSE' | xargs -0 -r codespell -q 3 --ignore-words tools/codespell.txt)
}

pv_test_shell() {
    (cd "$PV_ROOT" && shellcheck -x -s bash dev .ci/run tools/dev/*.sh gateway/*.sh \
        packaging/bash-completion/payvand \
        -e SC1091,SC2034,SC2154,SC2016)
}

pv_test_lint() {
    # nobody runs it: not optimised
    if CC=clang pv_check "clang build, warnings as errors" \
        pv_build "$PV_TEST_CLANG" -Dbuildtype=plain; then
        pv_check "clang-tidy" pv_test_tidy || true
    fi
    pv_check "clang-format" pv_test_format || true
    pv_check "cppcheck" pv_test_cppcheck || true
    pv_check "headers compile alone" pv_test_headers || true
    pv_check "codespell" pv_test_spelling || true
    pv_check "shellcheck" pv_test_shell || true
}
