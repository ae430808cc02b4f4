"""`runplane where METHOD PATH`: the line of code that answers a request.

It asks the router that serves requests, so that the two cannot disagree.
"""

from __future__ import annotations

from pathlib import Path

import runplane
from runplane.server.app import operations_for_inspection
from runplane.server.commands.failures import CommandFailed
from runplane.server.core.errors import MethodNotAllowed, NotFound
from runplane.server.http.pipeline import source_of
from runplane.server.http.router import Router


def locate(method: str, target: str) -> str:
    """`file:line  operationId  METHOD path` of what answers `method` on `target`, a path or a whole address.

    The file is relative to the folder that holds the package. Raises CommandFailed when nothing answers.
    """
    path = _path_of(target)
    try:
        operation, _ = Router(operations_for_inspection()).find(method.upper(), path)
    except NotFound:
        raise CommandFailed(f"Nothing answers at {path}.") from None
    except MethodNotAllowed as error:
        raise CommandFailed(f"{path} answers {', '.join(error.allowed)} only.") from None
    file, _, line = source_of(operation).rpartition(":")
    root = Path(runplane.__file__).resolve().parents[1]
    source = Path(file).resolve()
    shown = source.relative_to(root) if source.is_relative_to(root) else source
    return f"{shown}:{line}  {operation.id}  {operation.method} {operation.path}"


def _path_of(target: str) -> str:
    _, scheme, rest = target.partition("://")
    path = "/" + rest.partition("/")[2] if scheme else target
    return path.partition("?")[0].partition("#")[0]
