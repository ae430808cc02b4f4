#!/bin/sh
# Pins every dependency, with hashes, for each Python and platform that pyproject.toml names. Called by `make lock`.
# Arguments are passed to uv: `tools/lock.sh --upgrade`, `tools/lock.sh --upgrade-package uvicorn`.
set -eu
cd "$(dirname "$0")/.."

pin() {
    output=$1
    shift
    # No header and no addresses: the lock must not say where this machine fetches from.
    .venv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
        --output-file "$output" "$@"
}

pin requirements/run.lock --group build --extra postgres "$@"
pin requirements/dev.lock --group dev --extra postgres --extra otel --constraint requirements/run.lock "$@"
