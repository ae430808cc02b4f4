"""`runplane auth get-token`: a token for people, scripts and kubectl.

kubectl starts it for most of its calls. So nothing is loaded for HTTP unless the token has to be renewed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from runplane.cli.connect import Target, chosen, connect, is_given
from runplane.cli.failures import WrongUsage
from runplane.cli.session.contexts import Home
from runplane.cli.session.renewal import token_of

ASKED_BY: Final = "KUBERNETES_EXEC_INFO"
_GROUP: Final = "client.authentication.k8s.io"
_VERSIONS: Final = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")
# The second names are those of an older command line.
_FORMATS: Final[Mapping[str, str]] = {
    "plain": "plain",
    "plaintext": "plain",
    "exec-credential": "exec-credential",
    "kubeconfig": "exec-credential",
}


def credential(target: Target, output: str | None) -> str:
    """A token in the wanted form. Raises CliError."""
    asked = os.environ.get(ASKED_BY)
    wanted = _FORMATS.get(output or ("exec-credential" if asked else "plain"))
    if wanted is None:
        raise WrongUsage("--output is plain or exec-credential.")
    version = asked_version(asked) if wanted == "exec-credential" else ""
    token, expires_at = _token(target)
    if wanted == "plain":
        return token
    ends = datetime.fromtimestamp(int(expires_at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {"expirationTimestamp": ends, "token": token}
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})


def _token(target: Target) -> tuple[str, float]:
    """A token and its end, in seconds since 1970."""
    if not is_given(target):
        home = Home.of_environment()
        found = token_of(home, chosen(home, target))
        return found.access_token, found.expires_at
    from runplane.cli.session.oauth import claims

    with connect(target) as api:
        token = api.token()
    return token, float(claims(token).get("exp") or 0)


def asked_version(asked: str | None) -> str:
    """The version of the answer that the variable asks for. Raises WrongUsage."""
    if not asked:
        return _VERSIONS[0]
    try:
        found: Any = json.loads(asked)
        version = found["apiVersion"]
    except (ValueError, KeyError, TypeError):
        raise WrongUsage(f"{ASKED_BY} does not hold what kubectl puts there.") from None
    if version not in _VERSIONS:
        raise WrongUsage(f"kubectl asks for {version}; set the exec entry's apiVersion to {_VERSIONS[0]}.")
    return str(version)
