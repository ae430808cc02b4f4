"""From the names that people type to the ids that the server takes.

What looks like an id is tried as one first. A name that several objects have is refused with their ids: the
wrong one of two projects called alike must not be deleted.
"""

from __future__ import annotations

import re
from typing import Any, Final

from runplane.cli.failures import NotThere, WrongUsage
from runplane.cli.resources.kinds import KINDS
from runplane.cli.resources.model import Kind
from runplane.cli.resources.paging import Query, objects
from runplane.cli.server import Api, Refused
from runplane.cli.session.oauth import claims

_ID: Final = re.compile(r"[0-9]{1,20}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SHOWN: Final = 5


class Resolver:
    """Names on one server. It asks once for each list that it needs."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._clusters: dict[str, str] | None = None

    def id_of(self, kind: str, text: str, cluster: str | None = None) -> str:
        """The id of what is called `text`, of the cluster with the id `cluster`. Raises CliError."""
        return str(self.find(KINDS[kind], text, cluster)[KINDS[kind].id])

    def find(self, kind: Kind, text: str, cluster: str | None = None) -> dict[str, Any]:
        """The object that a name or an id means. Raises CliError."""
        if _ID.fullmatch(text) and not kind.keyed:
            try:
                found: dict[str, Any] = self._api.get(f"{kind.path}/{text.lower()}")
            except Refused as error:
                if error.status not in (400, 404):
                    raise
            else:
                return found
        if kind.key == kind.id and not kind.keyed:
            raise NotThere(f"There is no {kind.noun} {text!r}; name it by its id.")
        return self._called(kind, text, cluster)

    def tenant(self) -> str:
        """The id of the tenant that the token is for. Raises CliError."""
        return str(claims(self._api.token()).get("tenant_id", ""))

    def clusters(self) -> dict[str, str]:
        """The names of the clusters by their ids. Raises CliError."""
        if self._clusters is None:
            found = self._api.get(KINDS["cluster"].path, verbosity="metadata")
            self._clusters = {it["uuid"]: it["name"] for it in found}
        return self._clusters

    def only_cluster(self) -> str:
        """The id of the only cluster. Raises WrongUsage where there are none or several."""
        known = self.clusters()
        if not known:
            raise WrongUsage("There is no cluster yet; run `runplane cluster create NAME` first.")
        if len(known) > 1:
            raise WrongUsage(
                f"There are several clusters; choose one with --cluster: {_joined(known.values())}."
            )
        return next(iter(known))

    def _called(self, kind: Kind, text: str, cluster: str | None) -> dict[str, Any]:
        terms = [f"{kind.key}=={text}"] if kind.paged and text else []
        listed = objects(self._api, kind, Query(filters=tuple(terms)))
        # Each of these is checked here too: `==` of a list may mean the same letters in another case.
        found = [it for it in listed if str(it[kind.key]) == text]
        found = found or [it for it in listed if str(it[kind.key]).lower() == text.lower()]
        found = [it for it in found if cluster is None or it.get("clusterId") == cluster]
        if not found:
            raise NotThere(f"There is no {kind.noun} called {text!r}.")
        if len(found) > 1:
            ids = _joined(f"{it[kind.id]}{self._place(it)}" for it in found)
            raise WrongUsage(f"Several {kind.nouns} are called {text!r}; name one by its id: {ids}.")
        return found[0]

    def _place(self, item: dict[str, Any]) -> str:
        cluster = self.clusters().get(str(item.get("clusterId")))
        return f" in {cluster}" if cluster else ""


def _joined(words: Any) -> str:
    listed = list(words)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
