#!/bin/sh
# Prepares .venv for `make serve` (argument: run) or for everything else (argument: dev).
# make calls it only when a lock file or pyproject.toml is newer than the stamp of the last time.
set -eu
cd "$(dirname "$0")/.."
wanted=$1
venv=.venv

# Prints the first command that runs Python 3.11 or newer. It is run, not just looked up: version managers leave
# commands on the PATH that only say that nothing is behind them.
find_python() {
    for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
        if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "runplane needs Python 3.11 or newer. Install one, or name it: make PYTHON=/path/to/python3" >&2
    exit 1
}

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    echo "Creating $venv with $("$python" --version) ..."
    if ! "$python" -m venv --clear "$venv"; then
        echo "This Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2
        exit 1
    fi
fi

echo "Installing the locked dependencies (requirements/$wanted.lock) ..."
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "requirements/$wanted.lock"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
touch "$venv/bin/.$wanted-ready"
# What developing needs includes what running needs.
[ "$wanted" = run ] || touch "$venv/bin/.run-ready"
