"""What every way of logging in is told; apart, because flags are read before HTTP is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runplane.cli.connect import Target


@dataclass(frozen=True, slots=True)
class Wish:
    """The flags that every way of logging in has. `address` is the argument beside them."""

    target: Target
    address: str | None = None
    realm: str | None = None
    kubeconfig: Path | None = None
    touch_kubeconfig: bool = True
    runai_files: bool = False
    cluster: str | None = None
