"""The three forms in which a kubeconfig user can stand for a login of runplane.

The plugin is the usual one: nothing in the file expires, and nothing in it is secret. The others are for what
cannot start programs, and for programs that read the older entry.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from typing import Any, Final

from runplane.cli.kube.profiles import WAYS
from runplane.cli.session.contexts import HOME_VARIABLE, Context
from runplane.cli.yaml_edit import put, remove, text

EXEC_VERSION: Final = "client.authentication.k8s.io/v1"
OLDER_TOKENS: Final = ("id-token", "refresh-token")
# How the older command line names the ways of logging in.
OLDER_FLOWS: Final[Mapping[str, str]] = {"browser": "browser", "device": "remote-browser", "user": "cli"}
OLDER_CLIENT: Final = "runai-cli"
_HINT: Final = "Install runplane and put it on your PATH; the tokens of this profile come from it."


def plugin(context: str) -> dict[str, Any]:
    """The `exec` member: run this command line for a token of `context`."""
    here = shutil.which("runplane")
    command = "runplane" if here else os.path.abspath(sys.argv[0])  # noqa: PTH100 - the link stays one
    home = os.environ.get(HOME_VARIABLE)
    variables = [{"name": HOME_VARIABLE, "value": text(os.path.abspath(home))}] if home else None  # noqa: PTH100
    return {
        "apiVersion": EXEC_VERSION,
        "command": text(command),
        "args": ["auth", "get-token", "--context", text(context)],
        "env": variables,
        "installHint": text(_HINT),
        "interactiveMode": "IfAvailable",
        "provideClusterInfo": False,
    }


def use_plugin(user: Any, context: str) -> None:
    """Let the plugin authenticate `user`."""
    put(user, "exec", plugin(context))
    remove(user, *(it for it in WAYS if it != "exec"))


def use_token(user: Any, token: str) -> None:
    """Let `user` send this token until it ends."""
    put(user, "token", text(token))
    remove(user, *(it for it in WAYS if it != "token"))


def use_older(user: Any, context: Context, issuer: str, client_id: str) -> None:
    """Give `user` the entry that the older command line and kubectl's own `oidc` provider read.

    Tokens that are there already stay, if they are of the same issuer.
    """
    config = {
        "airgapped": text("true"),
        "auth-flow": OLDER_FLOWS.get(context.entry.login, "browser"),
        "client-id": text(client_id),
        "idp-issuer-url": text(issuer),
        "realm": text(context.server.realm),
        "redirect-uri": text(issuer.partition("/auth/realms/")[0] + "/oauth-code"),
    }
    before = older_config(user)
    if before is None or before.get("idp-issuer-url") != issuer:
        put(user, "auth-provider", {"name": "oidc", "config": config})
    else:
        for name, value in config.items():
            put(user["auth-provider"]["config"], name, value)
    remove(user, *(it for it in WAYS if it != "auth-provider"))


def older_config(user: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The configuration in a user's older entry; None for a user without one."""
    entry = user.get("auth-provider")
    if not isinstance(entry, dict) or entry.get("name") != "oidc":  # pyright: ignore[reportUnknownMemberType]
        return None
    config: Any = entry.get("config")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return config if isinstance(config, dict) else None  # pyright: ignore[reportUnknownVariableType]
