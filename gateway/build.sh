#!/bin/bash
# build.sh SOURCE_DIR BUILD_DIR OUTPUT SANITIZE LIB...
#
# Builds ngx_http_payvand_module.so against the nginx of this machine
# (package nginx-dev): nginx's own configure runs once into
# BUILD_DIR/nginx, then its make compiles and links the module with the static
# libraries named. Nothing is written outside BUILD_DIR. SANITIZE is meson's
# b_sanitize ("none", "address,undefined" ...).
set -eu -o pipefail

source_dir=$(realpath "$1")
mkdir -p "$2"
build_dir=$(realpath "$2")/nginx
output=$(realpath -m "$3")
sanitize=$4
shift 4

nginx_src=${NGINX_SRC:-/usr/share/nginx/src}
if [ ! -f "$nginx_src/conf_flags" ]; then
    echo "build.sh: $nginx_src/conf_flags is missing: install nginx-dev" >&2
    exit 1
fi

libs=
for lib in "$@"; do
    libs="$libs $(realpath "$lib")"
done

cflags="$(dpkg-buildflags --get CFLAGS) $(dpkg-buildflags --get CPPFLAGS)"
ldflags="$(dpkg-buildflags --get LDFLAGS)"
# dpkg-buildflags maps the directory it runs in: not part of the configuration
cflags=$(sed -E 's/-ffile-prefix-map=[^ ]+//' <<<"$cflags")
# The module's files are optimised as one: calls between them are not looked up
# by name and may be inlined (2,700 instructions a call less of 14,000).
whole="-flto=auto -fno-semantic-interposition"
if [ "$sanitize" != none ]; then
    whole=
    cflags=$(sed -E 's/-D_FORTIFY_SOURCE=[0-9]//' <<<"$cflags")
    cflags="$cflags -fsanitize=$sanitize -fno-omit-frame-pointer"
    ldflags="$ldflags -fsanitize=$sanitize"
    ldflags=$(sed -E 's/-Wl,-z,defs//' <<<"$ldflags")
fi

export PAYVAND_LIBS=$libs
export PAYVAND_INC=$source_dir/../lib

# configure again only when what it depends on has changed
stamp=$(cat "$source_dir/config" "$nginx_src/conf_flags" - <<<"$cflags $ldflags $whole $libs" |
    sha256sum)
if [ ! -f "$build_dir/Makefile" ] ||
    [ "$(cat "$build_dir/payvand.stamp" 2>/dev/null)" != "$stamp" ]; then
    # shellcheck disable=SC1091
    (
        cd "$nginx_src"
        . ./conf_flags
        if ! bash ./configure \
            --with-cc-opt="$cflags -fPIC" \
            --with-ld-opt="$ldflags -fPIC" \
            "${NGX_CONF_FLAGS[@]}" \
            --add-dynamic-module="$source_dir" \
            --builddir="$build_dir" >"$build_dir.log" 2>&1; then
            tail -20 "$build_dir.log" >&2
            exit 1
        fi
    )
    # behind configure, whose many small programs are not made for it
    if [ -n "$whole" ]; then
        sed -i -e "s|^CFLAGS = |&$whole |" \
            -e "s|^LINK =.*|& $cflags $whole -Wl,-Bsymbolic|" \
            "$build_dir/Makefile"
    fi
    echo "$stamp" >"$build_dir/payvand.stamp"
fi

make --no-print-directory -s -f "$build_dir/Makefile" -C "$nginx_src" modules \
    >"$build_dir.make.log" 2>&1 || {
    grep -v '^make' "$build_dir.make.log" >&2
    exit 1
}
cp "$build_dir/ngx_http_payvand_module.so" "$output"
