# package.sh - ./dev package: the Debian packages of this checkout.

. "$PV_TOOLS/packages.sh"

PV_DEB=$PV_ROOT/build-deb

pv_package_usage() {
    cat <<'TEXT'
./dev package: build the Debian packages of this checkout

Copies the tracked files to build-deb/source, builds there with debhelper, and
leaves the packages in build-deb/:

  payvand             the command line, and the witness
  payvand-exchange    gateway, trace, registry
  payvand-connector   the connector of an agency
  libpayvand0, -dev   the client library

docs/install.md says how to install them.

  -h, --help
TEXT
}

pv_package_copy() {
    rm -rf "$PV_DEB/source"
    mkdir -p "$PV_DEB/source"
    (cd "$PV_ROOT" && git ls-files -z | while IFS= read -r -d '' file; do
        [ ! -e "$file" ] || printf '%s\0' "$file"
    done | xargs -0 cp -a --parents -t "$PV_DEB/source")
    cp -a "$PV_DEB/source/packaging/debian" "$PV_DEB/source/debian"
}

# What dpkg-buildpackage says stays in build-deb/build.log.
pv_package_build() {
    rm -f "$PV_DEB"/*.deb
    (cd "$PV_DEB/source" && DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" \
        dpkg-buildpackage -us -uc -b) >"$PV_DEB/build.log" 2>&1 </dev/null || {
        pv_log_tail "$PV_DEB/build.log"
        return 1
    }
}

pv_package_make() {
    mkdir -p "$PV_DEB"
    pv_package_copy && pv_package_build
}

pv_package() {
    case ${1:-} in
    -h | --help)
        pv_package_usage
        return 0
        ;;
    '') ;;
    *) pv_usage_error "no such option: $1" package ;;
    esac
    pv_run_folder
    pv_packages up package
    pv_step "Building the packages"
    pv_package_make || pv_die "the packages could not be built; all of it: ${PV_DEB#"$PV_ROOT"/}/build.log"
    ls -1 "$PV_DEB"/*.deb
}
