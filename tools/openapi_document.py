"""Prints the OpenAPI document that a server of this checkout serves, without starting one: `make openapi`."""

from __future__ import annotations

import sys

import msgspec

from runplane import __version__
from runplane.server.app import operations_for_inspection
from runplane.server.http.openapi import document


def main() -> None:
    """Write the document to standard output as indented JSON."""
    # The pages that show the document are not in it, here as there (api.rooms).
    described = [it for it in operations_for_inspection() if it.tag != "Documentation"]
    made = document(described, title="runplane", version=__version__, server_url="/")
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")


if __name__ == "__main__":
    main()
