#!/bin/sh
# Builds the source package and the wheel into dist/ (argument: another folder), both with the console. The wheel
# is built from the source package, as an installer would do it, so what that package lacks shows here.
set -eu
cd "$(dirname "$0")/.."
dist=${1:-dist}
python=$PWD/.venv/bin/python

RUNPLANE_REQUIRE=node tools/console.sh offer || {
    echo "The packages need the console: install Node.js 20.19 or newer, then run: make dist" >&2
    exit 1
}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/runplane-dist.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$dist"
rm -f "$dist"/runplane-*.whl "$dist"/runplane-*.tar.gz
"$python" -m hatchling build -t sdist -d "$scratch" >/dev/null
tar -xzf "$scratch"/runplane-*.tar.gz -C "$scratch"
(cd "$scratch"/runplane-*/ && "$python" -m hatchling build -t wheel -d "$scratch" >/dev/null)
cp "$scratch"/runplane-*.tar.gz "$scratch"/runplane-*.whl "$dist/"
(cd "$dist" && ls -1 runplane-*)
