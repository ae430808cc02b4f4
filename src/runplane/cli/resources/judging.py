"""`runplane can-i` and `why`: whether something is allowed, and what that follows from."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from runplane.cli.connect import Target
from runplane.cli.failures import EXIT_CODES, NotAllowed, WrongUsage
from runplane.cli.options import CaFile, ContextName, Output, Server
from runplane.cli.program import say, single, told
from runplane.cli.resources.fields import SCOPE_HELP, scope, subject
from runplane.cli.resources.model import Filling

_CODES: Final = f"{EXIT_CODES} A no ends with 4."

# The server's words, which refuses others without saying which there are.
_ACTIONS: Final = ("create", "read", "update", "delete")

_Scope = Annotated[str, typer.Option("--scope", metavar="SCOPE", help=SCOPE_HELP)]
_User = Annotated[str | None, typer.Option("--user", metavar="EMAIL", help="Ask about this person.")]
_Account = Annotated[
    str | None, typer.Option("--service-account", metavar="NAME", help="Ask about this service account.")
]
_Resource = Annotated[str, typer.Argument(metavar="RESOURCE", help="As in `users`, `project` or `roles`.")]
_MaybeResource = Annotated[
    str | None, typer.Argument(metavar="[RESOURCE]", help="With an action: as in `users` or `project`.")
]


def can_i() -> typer.Typer:
    """`runplane can-i`."""

    def can_i(
        action: Annotated[str, typer.Argument(metavar="ACTION", help="create, read, update or delete.")],
        resource: _Resource,
        *,
        scope: _Scope = "tenant",
        user: _User = None,
        service_account: _Account = None,
        output: Output = "table",
        server: Server = None,
        context: ContextName = None,
        ca_file: CaFile = None,
    ) -> None:
        """Ask whether you, or somebody else, may do something.

        The answer is yes or no, and the exit code 0 or 4. Asking about others takes the right to read access
        rules.

        Examples:

          runplane can-i create project --scope department/research

          runplane can-i delete users --user ada@example.com
        """
        with told():
            found = _judged(
                Target(server, context, ca_file), (action, resource), scope, user, service_account
            )
            say(_answer(found, output, short=True))
            if not found["allowed"]:
                raise typer.Exit(NotAllowed.code)

    return single("can-i", can_i, _CODES)


def why() -> typer.Typer:
    """`runplane why`."""

    def why(
        what: Annotated[
            str, typer.Argument(metavar="DECISION|ACTION", help="The id in a refusal, or an action.")
        ],
        resource: _MaybeResource = None,
        *,
        scope: _Scope = "tenant",
        user: _User = None,
        service_account: _Account = None,
        output: Output = "table",
        server: Server = None,
        context: ContextName = None,
        ca_file: CaFile = None,
    ) -> None:
        """Explain a refusal by its decision id, or why something is allowed or not.

        A decision is judged again: the answer says whether it would be refused now.

        Examples:

          runplane why 01890a5d-ac96-774b-bcce-b302099a8057

          runplane why create project --scope department/research
        """
        with told():
            target = Target(server, context, ca_file)
            if resource is None:
                found = _decision(target, what)
            else:
                found = _judged(target, (what, resource), scope, user, service_account)
            say(_answer(found, output, short=False))

    return single("why", why)


def _decision(target: Target, decision: str) -> dict[str, Any]:
    from urllib.parse import quote

    from runplane.cli.connect import connect

    if decision in _ACTIONS:
        raise WrongUsage(f"Say what to {decision}, as in `runplane why {decision} project`.")
    with connect(target) as api:
        return api.get(f"/api/v1/authorization/decisions/{quote(decision, safe='')}")


def _judged(
    target: Target, asked: tuple[str, str], where: str, user: str | None, account: str | None
) -> dict[str, Any]:
    from runplane.cli.connect import connect
    from runplane.cli.resources.names import Resolver

    if asked[0] not in _ACTIONS:
        raise WrongUsage(
            f"There is no action {asked[0]!r}; use {', '.join(_ACTIONS[:-1])} or {_ACTIONS[-1]}."
        )
    with connect(target) as api:
        filling = Filling({"action": asked[0], "resourceType": asked[1]}, {}, Resolver(api))
        # without a scope the question is about the tenant
        if where != "tenant":
            scope(filling, where)
        for kind, value in (("user", user), ("service-account", account)):
            if value is not None:
                subject(kind)(filling, value)
        return api.change("POST", "/api/v1/authorization/explain", filling.body)


def _answer(found: dict[str, Any], output: str, *, short: bool) -> str:
    from runplane.cli.output import checked_format, details, document, printable

    if checked_format(output) in ("json", "yaml"):
        return document(found, output)
    said = "yes" if found["allowed"] else "no"
    if output == "name" or (short and output == "table"):
        return said if output == "name" else f"{said}: {printable(found['message'])}"
    refused = " ".join(str(found[it]) for it in ("httpMethod", "url") if it in found)
    pairs = {
        "Allowed": said,
        "Because": found["message"],
        "Refused": found.get("refusedAt"),
        "Request": refused,
        "Of": found.get("subject"),
        "Permission": found["permission"],
        "Where": " / ".join(found["scopePath"]),
        "Granted by": ", ".join(f"access rule {it['accessRuleId']}" for it in found["grantedBy"]),
        "Roles with it": ", ".join(it["name"] for it in found["rolesThatWouldGrant"]),
    }
    return details(pairs)
