"""The state files of older tools, in `~/.runai`: written on request, because the token in them is plain.

`config.json` names the control plane and the cluster, `authentication.json` holds the access token in base64.
Members that other programs keep there stay.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

from runplane.cli.failures import CliError
from runplane.cli.files import PRIVATE_FILE, private_folder, replace


def folder() -> Path:
    """Where those tools look: `~/.runai`, or what RUNAI_CLI_CONFIG_PATH names."""
    given = os.environ.get("RUNAI_CLI_CONFIG_PATH")
    return Path(given).expanduser() if given else Path.home() / ".runai"


def write(url: str, cluster: str, token: str) -> None:
    """Name the control plane at `url` and a cluster's id, which may be empty, and store a token."""
    path = folder() / os.environ.get("RUNAI_CLI_CONFIG_FILE", "config.json")
    _merge(path, {"control_plane": {"url": url}, "cluster": {"uuid": cluster}})
    write_token(token)


def write_token(token: str) -> None:
    """Store a token. Raises CliError."""
    encoded = base64.urlsafe_b64encode(token.encode()).decode()
    _merge(folder() / "authentication.json", {"accessToken": encoded})


def remove_token() -> None:
    """Delete the stored token."""
    (folder() / "authentication.json").unlink(missing_ok=True)


def _merge(path: Path, members: dict[str, Any]) -> None:
    private_folder(path.parent)
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        path.chmod(PRIVATE_FILE)
    except FileNotFoundError:
        found = {}
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CliError(f"{path} is damaged; repair or delete it.")
    for name, value in members.items():
        kept: Any = found.get(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        found[name] = {**kept, **value} if isinstance(kept, dict) and isinstance(value, dict) else value
    replace(path, json.dumps(found, indent=2) + "\n")
