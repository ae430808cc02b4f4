"""`create`, `update`, `delete` and the other verbs that change something.

Where the contract only has PUT, an update reads the object and sends all of it back. Quotas alone have a
PATCH of their own, which can also say what it would do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runplane.cli.connect import Target, connect
from runplane.cli.failures import CliError, WrongUsage
from runplane.cli.files import read_text
from runplane.cli.output import checked_format, details, document, printable
from runplane.cli.program import say, warn
from runplane.cli.resources.model import Action, Filling, Given, Kind
from runplane.cli.resources.names import Resolver
from runplane.cli.resources.progress import Progress
from runplane.cli.resources.reading import cluster_of, shown
from runplane.cli.server import Api

_VALIDATE = "?validateOnly=true"


def create_object(kind: Kind, given: Given, target: Target) -> None:
    """Make an object and print it. Raises CliError."""
    output = _format(kind, given, secret=True)
    content = _content(given)
    with connect(target) as api:
        body = {**kind.defaults, **content}
        if kind.key != "id":
            body["email" if kind.key == "username" else kind.key] = given["which"]
        _fill(kind, "create", Filling(body, given, Resolver(api)), known=content)
        if given["dry_run"]:
            say(_request("POST", kind.path, body, output))
            return
        made: dict[str, Any] = api.change("POST", kind.path, body)
    _tell_made(kind, made, output)


def update_object(kind: Kind, given: Given, target: Target) -> None:
    """Change an object and print it. Raises CliError."""
    output = checked_format(given["output"])
    content = _content(given)
    fields = [it for it in kind.fields if "update" in it.on and given.get(it.parameter) is not None]
    if not fields and not content:
        raise WrongUsage("Say what to change, with flags or with a file.")
    with connect(target) as api:
        names = Resolver(api)
        found = names.find(kind, given["which"], cluster_of(given, names))
        if fields and not content and all(it.quota for it in fields):
            _change_quotas(api, kind, found, given, output)
            return
        path = kind.path if kind.keyed else f"{kind.path}/{found[kind.id]}"
        body, tag = _changed(kind, found, content, api)
        _fill(kind, "update", Filling(body, given, names), known=content)
        if given["dry_run"]:
            say(_request(kind.update_method, path, body, output))
            return
        api.change(kind.update_method, path, body, tag)
        now = names.find(kind, given["which"]) if kind.keyed else api.get(path)
    say(shown(kind, now, output) if output in ("json", "yaml") else _done(kind, now, "changed", output))


def delete_objects(kind: Kind, given: Given, target: Target) -> None:
    """Delete objects, after asking; nothing where one of them cannot be found. Raises CliError."""
    query = "?force=true" if given.get("force") else ""
    with connect(target) as api:
        names = Resolver(api)
        found = [names.find(kind, it, cluster_of(given, names)) for it in dict.fromkeys(given["names"])]
        paths = [f"{kind.path}/{it[kind.id]}{query}" for it in found]
        if given["dry_run"]:
            say("\n".join(f"DELETE {it}" for it in paths))
            return
        called = ", ".join(str(it[kind.key]) for it in found)
        _agree(f"Delete {kind.noun if len(found) == 1 else kind.nouns} {called} at {api.url}?", given)
        with Progress(kind.nouns, len(paths)) as progress:
            for number, (it, path) in enumerate(zip(found, paths, strict=True), start=1):
                api.change("DELETE", path)
                progress.at(number)
                say(_done(kind, it, "deleted"))


def act_on(kind: Kind, action: Action, given: Given, target: Target) -> None:
    """Do what a verb beyond the five does. Raises CliError."""
    output = _format(kind, given, secret=action.secret)
    asked = {name: given[name] for name, _, _ in action.flags if given[name]}
    with connect(target) as api:
        found = Resolver(api).find(kind, given["which"])
        path = f"{kind.path}/{found[kind.id]}/{action.suffix}"
        if given["dry_run"]:
            say(_request("POST", path, asked or None, output))
            return
        answer = api.send("POST", path, query=asked or None)
        if not answer.is_success:
            from runplane.cli.server import refusal

            raise refusal(answer)
        made: Any = answer.json() if answer.content else {}
    if output in ("json", "yaml"):
        say(document({kind.id: found[kind.id], kind.key: found[kind.key], **(made or {})}, output))
    else:
        say(_done(kind, found, action.done, output))
    _tell_secrets(kind, made or {}, output)


def _format(kind: Kind, given: Given, *, secret: bool) -> str:
    """The format of what a command that makes a `secret` prints. Raises WrongUsage for one that loses it."""
    output = checked_format(given["output"])
    if output == "name" and secret and kind.secrets and not given["dry_run"]:
        raise WrongUsage("-o name would lose the secret, which is shown once; use -o json or -o yaml.")
    return output


def _fill(kind: Kind, verb: str, filling: Filling, known: Mapping[str, Any]) -> None:
    """Put the flags into the body. Raises CliError."""
    for it in kind.fields:
        if verb not in it.on:
            continue
        value = filling.given.get(it.parameter)
        # a flag that may be repeated is an empty list where it was not given
        if value is not None and value != []:
            it.put(filling, value)
        elif verb == "create" and not known:
            if it.required:
                raise WrongUsage(f"Give {it.flag}, or a file with --file.")
            if it.absent is not None:
                it.absent(filling)
    if verb == "create" and known:
        _complete(kind, filling)


def _complete(kind: Kind, filling: Filling) -> None:
    """What no flag and no member of the file says, where that can be known."""
    if kind.in_cluster and not filling.body.get("clusterId"):
        filling.body["clusterId"] = filling.names.only_cluster()


def _changed(
    kind: Kind, found: dict[str, Any], content: dict[str, Any], api: Api
) -> tuple[dict[str, Any], str | None]:
    """The body of an update before its flags, and the tag of what it was made from.

    For a PUT it is all of the object, with what the file says; the tag keeps it from undoing what somebody
    else changes meanwhile.
    """
    if kind.keyed:
        return {kind.key: found[kind.key], **content}, None
    if not kind.takes:
        return content, None
    now, tag = api.tagged(f"{kind.path}/{found[kind.id]}")
    # A file may be what `get` printed: the members that nobody can set are in the object too.
    wanted = {name: it for name, it in content.items() if name in kind.takes or name not in now}
    return {name: now[name] for name in kind.takes if name in now} | wanted, tag


def _change_quotas(api: Api, kind: Kind, found: dict[str, Any], given: Given, output: str) -> None:
    filling = Filling({}, given, Resolver(api))
    _fill(kind, "update", filling, known={})
    path = f"{kind.path}/{found[kind.id]}/resources"
    body = filling.body.get("resources")
    if not body:
        raise WrongUsage("--node-pool says where a quota goes; give a quota too.")
    if given["dry_run"]:
        answer: Any = api.change("PATCH", path + _VALIDATE, body)
        say(document(answer, output if output in ("json", "yaml") else "yaml"))
        return
    api.change("PATCH", path, body)
    now = api.get(f"{kind.path}/{found[kind.id]}")
    say(shown(kind, now, output) if output in ("json", "yaml") else _done(kind, now, "changed", output))


def _content(given: Given) -> dict[str, Any]:
    """The members of the file that was given. Raises CliError."""
    file: Path | None = given["file"]
    if file is None:
        return {}
    import sys

    import yaml

    text = sys.stdin.read() if str(file) == "-" else read_text(file)
    try:
        found: Any = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise CliError(f"{file} is neither JSON nor YAML.") from None
    if not isinstance(found, dict):
        raise CliError(f"{file} does not hold the members of an object.")
    # YAML knows instants, which the API has as text
    return json.loads(json.dumps(found, default=lambda it: it.isoformat()))


def _request(method: str, path: str, body: Any, output: str) -> str:
    """A request that is not sent, for people or for programs."""
    if output in ("json", "yaml"):
        return document({"method": method, "path": path, "body": body}, output)
    return f"{method} {path}" + ("" if body is None else f"\n{document(body, 'json')}")


def _tell_made(kind: Kind, made: dict[str, Any], output: str) -> None:
    if output in ("json", "yaml"):
        say(document(made, output))
    else:
        say(_done(kind, made, "created", output))
    _tell_secrets(kind, made, output)


def _tell_secrets(kind: Kind, made: Mapping[str, Any], output: str) -> None:
    secrets = [it for it in kind.secrets if made.get(it)]
    if not secrets:
        return
    if output in ("table", "wide"):
        pairs = {
            "clientId": "Client ID",
            "clientSecret": "Client secret",
            "tempPassword": "Temporary password",
        }
        say(details({said: made[it] for it, said in pairs.items() if made.get(it)}))
    warn("Keep it now: it is shown this once.")


def _done(kind: Kind, found: Mapping[str, Any], done: str, output: str = "table") -> str:
    name = printable(found.get(kind.key))
    return name if output == "name" else f"{kind.noun} {name} {done}"


def _agree(question: str, given: Given) -> None:
    """Ask, unless --yes was given. Raises CliError where the answer is no or nobody can be asked."""
    from runplane.cli.asking import agree

    if not given["yes"] and not agree(question):
        raise CliError("Nothing was deleted.")
