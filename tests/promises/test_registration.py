"""Promise: no request reaches a handler whose operation did not declare who may call it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runplane.server.authz.guard import can, public
from runplane.server.authz.permissions import READ, USERS
from runplane.server.http.operation import Operation, Operations
from support.processes import ServerProcess, clean_environment

Start = Callable[..., ServerProcess]

PATH = "/api/v1/undeclared"
# The real server with one more room. `{allow}` is what the room says about who may call.
EXTENDED = """
import sys
from runplane.main import main
from runplane.server.api import rooms
from runplane.server.authz.guard import can, public
from runplane.server.authz.permissions import READ, USERS
from runplane.server.http.operation import Operations

built = rooms.operations

def operations(identity, *, ready, scrape):
    ops = Operations("/api/v1", tag="Nobody's")

    @ops.get("/undeclared"{allow})
    def get_undeclared(call):
        return {{"reached": True}}

    return [*built(identity, ready=ready, scrape=scrape), *ops.items]

rooms.operations = operations
sys.argv = ["runplane", "serve"]
main()
"""


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_an_operation_cannot_be_declared_without_saying_who_may_call(method: str) -> None:
    declare = getattr(Operations(PATH, tag="Nobody's"), method)
    with pytest.raises(TypeError, match="allow"):
        declare("")


@pytest.mark.parametrize(
    "allow",
    [None, True, "public", public, can(READ, USERS)],
    ids=["nothing", "truth", "text", "a form without its reason", "a permission without where"],
)
def test_an_operation_cannot_be_built_with_anything_else_in_place_of_a_declaration(allow: object) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)):
        Operation(
            id="undeclared",
            method="GET",
            path=PATH,
            allow=allow,  # type: ignore[arg-type]
            handler=lambda _: None,
            tag="Nobody's",
        )


@pytest.mark.clause("authz.deny-by-default")
@pytest.mark.slow
@pytest.mark.parametrize("allow", ["", ", allow=None", ", allow=public", ", allow=can(READ, USERS)"])
def test_a_server_with_an_undeclared_operation_does_not_start(tmp_path: Path, allow: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXTENDED.format(allow=allow)],
        env=clean_environment(port="0", data_dir=str(tmp_path / "data")),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert done.stdout == ""
    assert '"listening"' not in done.stderr
    # of the declaration, not of something that has nothing to do with it
    assert "in get_undeclared" in done.stderr or "in operations" in done.stderr
    assert "Error" in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_the_same_server_starts_once_the_operation_is_declared(start: Start) -> None:
    """The counterpart, without which the test above could pass for a wrong reason."""
    room = EXTENDED.format(allow=', allow=public("a test asks for it")')
    server = start(command=[sys.executable, "-c", room])
    assert server.client().get(PATH).json() == {"reached": True}
