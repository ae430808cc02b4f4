"""`runplane whoami`: what the server says about the token that commands send."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from runplane.cli import output as outputs
from runplane.cli.connect import Target, connect
from runplane.cli.failures import CliError, NotLoggedIn
from runplane.cli.server import Api
from runplane.cli.session.oauth import claims, discover
from runplane.cli.transport import members


def shown(target: Target, output: str) -> str:
    """The answer in a format. Raises CliError, NotLoggedIn for a token that is not accepted."""
    outputs.checked_format(output)
    with connect(target) as api:
        found = _identity(api)
    if output == "name":
        return outputs.printable(found["name"])
    if output in ("json", "yaml"):
        return outputs.document(found, output)
    pairs = {
        "Name": found["name"],
        "Kind": found["kind"],
        "Id": found["id"],
        "Server": found["server"],
        "Realm": found["realm"],
        "Tenant": found["tenantId"],
        "Token ends": found["tokenExpiresAt"],
    }
    if output == "wide":
        pairs |= {"Client": found["clientId"], "Session": found["sessionId"]}
    return outputs.details(pairs)


def _identity(api: Api) -> dict[str, Any]:
    token = api.token()
    realm = str(claims(token).get("iss", "")).rpartition("/")[2]
    address = discover(api.transport, realm).introspection if realm else ""
    if not address:
        raise CliError(f"{api.url} does not tell who a token belongs to.")
    found = _introspected(api, address, token)
    if not found.get("active") and (another := api.another_token(token)) is not None:
        token = another
        found = _introspected(api, address, token)
    if not found.get("active"):
        raise NotLoggedIn("The token is no longer accepted; run `runplane login`.")
    ends = datetime.fromtimestamp(int(found.get("exp", 0)), UTC)
    return {
        "name": str(found.get("username", "")),
        "kind": "person" if claims(token).get("email") else "service account",
        "id": str(found.get("sub", "")),
        "server": api.url,
        "realm": realm,
        "tenantId": str(found.get("tenant_id", "")),
        "clientId": str(found.get("client_id", "")),
        "sessionId": str(found.get("sid", "")),
        "tokenExpiresAt": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _introspected(api: Api, address: str, token: str) -> dict[str, Any]:
    answer = api.transport.send("POST", address, token=token, form={"token": token})
    if answer.is_success or answer.status_code in (400, 401):
        return members(answer)
    raise CliError(f"{api.url} does not tell who a token belongs to: the answer was {answer.status_code}.")
