"""What a resource is to the command line: data, from which its commands, flags and help are made.

Nothing here knows a server: the tables are read for every `--help`, which must not load more than they need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

Given = Mapping[str, Any]
"""The values of a command's flags by the names of its parameters; None where a flag was not given."""

VERBS: Final = ("list", "get", "create", "update", "delete")


class Names(Protocol):
    """From names to ids, on the server of the command."""

    def id_of(self, kind: str, text: str, cluster: str | None = None) -> str:
        """The id of the object of a kind that a name or an id means. Raises CliError."""
        ...

    def tenant(self) -> str:
        """The id of the caller's tenant. Raises CliError."""
        ...

    def only_cluster(self) -> str:
        """The id of the cluster where there is exactly one. Raises WrongUsage."""
        ...


@dataclass(frozen=True, slots=True)
class Filling:
    """The body of a request while flags are put into it."""

    body: dict[str, Any]
    given: Given
    names: Names


Put = Callable[[Filling, Any], None]


@dataclass(frozen=True, slots=True)
class Field:
    """A flag that fills a part of the body.

    `put` takes the value into the body; `absent` does what has to be done at `create` without the flag.
    `quota` marks what a PATCH of the quotas alone can change.
    """

    flag: str
    help: str
    put: Put
    metavar: str = "TEXT"
    type: Any = str
    on: tuple[str, ...] = ("create", "update")
    required: bool = False
    absent: Callable[[Filling], None] | None = None
    quota: bool = False

    @property
    def parameter(self) -> str:
        """Its name in `Given`."""
        return self.flag.lstrip("-").partition("/")[0].replace("-", "_")


@dataclass(frozen=True, slots=True)
class Action:
    """A verb beyond the five: a POST below the object. `suffix` is its path, `flags` become its query.

    `secret` says whether the answer holds one.
    """

    name: str
    suffix: str
    help: str
    done: str
    flags: tuple[tuple[str, str, str], ...] = ()
    secret: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource.

    `member` names the list in an answer, "" where the answer is the list itself. `key` is the member that
    people name an object by. `columns` are (heading, dotted path) pairs, `more` those of `-o wide`. `takes`
    are the members that a PUT may carry: with them, an update reads the object, changes it and sends all of
    it. `secrets` are members that are shown once.
    """

    name: str
    plural: str
    path: str
    columns: tuple[tuple[str, str], ...]
    examples: Mapping[str, tuple[str, ...]]
    about: str
    more: tuple[tuple[str, str], ...] = ()
    member: str = ""
    id: str = "id"
    key: str = "name"
    verbs: tuple[str, ...] = VERBS
    fields: tuple[Field, ...] = ()
    actions: tuple[Action, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    takes: tuple[str, ...] = ()
    update_method: Literal["PUT", "PATCH"] = "PATCH"
    keyed: bool = False
    paged: bool = False
    search: Literal["server", "filter", "here", "none"] = "here"
    in_cluster: bool = False
    forcible: bool = False
    secrets: tuple[str, ...] = ()
    spans: bool = False
    limit_name: str = "limit"
    limit: int | None = None

    @property
    def article(self) -> str:
        """Its name with the article before it."""
        return f"an {self.noun}" if self.name[0] == "a" else f"a {self.noun}"

    @property
    def noun(self) -> str:
        """Its name in sentences."""
        return self.name.replace("-", " ")

    @property
    def nouns(self) -> str:
        """Its plural in sentences."""
        return self.plural.replace("-", " ")
