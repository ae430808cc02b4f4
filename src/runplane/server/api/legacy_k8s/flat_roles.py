"""The flat roles of /v1/k8s: words and a choice of clusters, kept as the access rules they mean.

Before there were access rules, a subject had roles by name and a list of clusters in which all of them
held. That view is narrower than rules are: only rules at the tenant or at a cluster have a place in it, and
only those are changed through it. It is lossy too (a viewer of the tenant who administers one cluster looks
like an administrator of the tenant), so what is sent back exactly as it was read changes nothing.

`researcher` is the odd one. It meant "in the projects that list me", wherever the clusters, so the word makes
no rule: the `permissions` of a project do. A rule for the whole tenant would give what nobody asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from runplane.server.api.authorization.access_rules import service, store
from runplane.server.api.authorization.access_rules.model import ACCESS_RULES as LISTING
from runplane.server.api.authorization.access_rules.model import RuleDraft, RuleRow
from runplane.server.authz.permissions import ACCESS_RULES, READ, permission
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.core.errors import Invalid
from runplane.server.core.listing import WHOLE, Condition, Operator, Page
from runplane.server.core.scope import ScopeType
from runplane.server.http.operation import Wire
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

ROLE_IDS: Final = MappingProxyType(
    {
        "admin": 1,
        "editor": 3,
        "research_manager": 4,
        "researcher": 5,
        "ml_engineer": 6,
        "viewer": 7,
        "department_admin": 14,
    }
)
"""Each word and the predefined role it stands for (product facts 3.8)."""

RESEARCHER: Final = "researcher"
_ALIASES: Final = MappingProxyType({"administrator": "admin"})
# The department administrator of old is a role of its own today; in words both are the same.
_WORDS: Final = MappingProxyType(
    {number: word for word, number in ROLE_IDS.items()} | {15: "department_admin"}
)
_MAY_READ = permission(READ, ACCESS_RULES)


@dataclass(frozen=True, slots=True)
class Flat:
    """Roles in words, and where they hold: everywhere in the tenant, or in `clusters` (uuids)."""

    roles: tuple[str, ...] = ()
    everywhere: bool = False
    clusters: tuple[str, ...] = ()


class FlatIn(Wire):
    """Roles, and the clusters they hold in. `permitAllClusters` wins over `permittedClusters`."""

    roles: list[str]
    permit_all_clusters: bool | None = None
    permitted_clusters: list[str] | None = None


def read_flat(given: FlatIn) -> Flat:
    """What a request asks for. Raises Invalid for an unknown role, and for roles that hold nowhere."""
    words = {_ALIASES.get(it.lower(), it.lower()) for it in given.roles}
    unknown = sorted(words.difference(ROLE_IDS))
    if unknown:
        raise Invalid(f"There is no role {unknown[0][:40]!r}; use one of {', '.join(ROLE_IDS)}.")
    everywhere = given.permit_all_clusters is True
    clusters = () if everywhere else tuple(sorted({it.lower() for it in given.permitted_clusters or ()}))
    if words and not everywhere and not clusters:
        raise Invalid(
            "Say where the roles hold: send permitAllClusters as true, or cluster uuids in permittedClusters."
        )
    if not words:
        return Flat()
    return Flat(tuple(sorted(words)), everywhere, clusters)


def flat_of(rules: Iterable[RuleRow]) -> Flat:
    """The words for a subject's rules; rules that have none are left out."""
    named = [it for it in rules if it.role_id in _WORDS]
    wide = [it for it in named if it.scope_type in (ScopeType.SYSTEM, ScopeType.TENANT)]
    narrow = [it for it in named if it.scope_type == ScopeType.CLUSTER or _is_of_a_project(it)]
    words = tuple(sorted({_WORDS[it.role_id] for it in (*wide, *narrow)}))
    clusters = () if wide else tuple(sorted({_cluster_of(it) for it in narrow}))
    return Flat(words, bool(wide), clusters)


def _is_of_a_project(rule: RuleRow) -> bool:
    return rule.scope_type == ScopeType.PROJECT and rule.role_id == ROLE_IDS[RESEARCHER]


def _cluster_of(rule: RuleRow) -> str:
    return rule.scope_path.strip("/").split("/")[1]


def select_rules_of(
    reader: Reader, principal: Principal, kind: SubjectKind, keys: Sequence[str]
) -> dict[str, list[RuleRow]]:
    """The rules of subjects that the caller may read, by the subject's key; one query for all of them."""
    found: dict[str, list[RuleRow]] = {it: [] for it in keys}
    if not keys:
        return found
    scopes = principal.grants.scopes(_MAY_READ)
    for rule in store.select_rules(reader, principal.tenant_id, WHOLE, scopes, subjects=list(keys)):
        if rule.subject_kind == kind and rule.subject_key in found:
            found[rule.subject_key].append(rule)
    return found


def select_rules_of_kind(reader: Reader, principal: Principal, kind: SubjectKind) -> dict[str, list[RuleRow]]:
    """The rules of every subject of a kind that the caller may read, by the subject's key."""
    of_kind = Condition(LISTING.fields["subjectKind"], Operator.EQUAL, kind.value)
    scopes = principal.grants.scopes(_MAY_READ)
    found: dict[str, list[RuleRow]] = {}
    for rule in store.select_rules(reader, principal.tenant_id, Page(conditions=(of_kind,)), scopes):
        found.setdefault(rule.subject_key, []).append(rule)
    return found


def get_flat(reader: Reader, principal: Principal, kind: SubjectKind, key: str) -> Flat:
    """The roles of one subject; `key` is the subject as rules store it."""
    return flat_of(select_rules_of(reader, principal, kind, (key,))[key])


def replace_flat(
    unit: Unit, principal: Principal, kind: SubjectKind, name: str, key: str, wanted: Flat
) -> Flat:
    """Give a subject these roles in place of those it has; returns what to answer.

    That is what it then has, and `researcher` if it was asked for, although a project has yet to list the
    subject. `name` is how a rule names the subject, `key` how it stores it. Raises what creating and deleting
    access rules raises: Forbidden, NotFound for a cluster, InUse for the last System administrator.
    """
    rules = select_rules_of(unit, principal, kind, (key,))[key]
    if flat_of(rules) == wanted:
        return wanted
    places = _places(principal, wanted)
    targets = {(word, *place) for word in wanted.roles if word != RESEARCHER for place in places}
    if RESEARCHER in wanted.roles:
        for scope_type, scope_id in places:
            service.look_at_scope(unit, principal, scope_type, scope_id)
    # Researchers of a whole cluster or tenant are made elsewhere, and stay as long as the word does.
    stay = targets | {(RESEARCHER, *place) for place in places if RESEARCHER in wanted.roles}
    kept = {_said(it): it for it in rules if _has_words(it)}
    # The new ones first: who replaces one's own role by another must not stand without any between the two.
    for word, scope_type, scope_id in sorted(targets.difference(kept)):
        draft = RuleDraft(name, kind.value, ROLE_IDS[word], scope_id, scope_type)
        service.create_rule(unit, principal, draft)
    for rule in rules:
        if _has_words(rule) and _said(rule) not in stay:
            service.delete_rule(unit, principal, str(rule.id))
    return _echoed(get_flat(unit, principal, kind, key), wanted)


def _echoed(found: Flat, wanted: Flat) -> Flat:
    if RESEARCHER not in wanted.roles:
        return found
    everywhere = found.everywhere or wanted.everywhere
    clusters = () if everywhere else tuple(sorted({*found.clusters, *wanted.clusters}))
    return Flat(tuple(sorted({*found.roles, RESEARCHER})), everywhere, clusters)


def _places(principal: Principal, wanted: Flat) -> list[tuple[str, str]]:
    if wanted.everywhere:
        return [(ScopeType.TENANT.value, str(principal.tenant_id))]
    return [(ScopeType.CLUSTER.value, it) for it in wanted.clusters]


def _has_words(rule: RuleRow) -> bool:
    return rule.role_id in _WORDS and rule.scope_type in (ScopeType.TENANT, ScopeType.CLUSTER)


def _said(rule: RuleRow) -> tuple[str, str, str]:
    return (_WORDS[rule.role_id], rule.scope_type, rule.scope_id)
