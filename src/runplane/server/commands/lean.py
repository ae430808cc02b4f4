"""What a server process does without."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def load_structlog() -> None:
    """Load structlog without rich, which it takes where that is installed.

    It is for coloured tracebacks that nothing here asks for: five megabytes of every process, and a part of
    every start. An entry of None makes the import fail, and structlog do without.
    """
    modules: dict[str, Any] = sys.modules
    if "rich" in modules or "structlog" in modules:
        return
    modules["rich"] = None
    try:
        import_module("structlog")
    finally:
        del modules["rich"]
