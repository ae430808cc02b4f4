"""What has to change on a server so that it has what a file says. Pure: nothing here talks to a server.

Everything a file names is looked up first, so that most mistakes show in the plan, all at once and with their
lines, and not halfway through applying it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from runplane.cli.organization.document import Place, Quota, leaves
from runplane.cli.organization.failures import OrganizationError
from runplane.cli.organization.reading import World
from runplane.cli.organization.sections import (
    ACCOUNTS,
    DEPARTMENTS,
    PROJECTS,
    REMOVAL,
    ROLES,
    RULES,
    SECTIONS,
    Key,
    Section,
)
from runplane.cli.organization.yaml_file import Source

DEFAULT_DEPARTMENT = "default"


@dataclass(frozen=True, slots=True)
class Change:
    """One object to make, change or delete. `place` is where the file says so; nothing for a deletion."""

    action: Literal["create", "update", "delete"]
    section: Section
    key: Key
    wanted: Any
    actual: Any
    place: str = ""

    @property
    def label(self) -> str:
        """The object in words."""
        return f"{self.section.noun} {self.section.label(self.wanted or self.actual)}"

    def differences(self) -> list[tuple[str, Any, Any]]:
        """Name, old value and new value of every attribute that differs."""
        fresh = type(self.wanted)(name=self.wanted.name) if self.action == "create" else self.actual
        old, new = leaves(fresh), leaves(self.wanted)
        # A node pool that one side does not list has the default quota there.
        from_default = _quota_defaults({*old, *new})
        old, new = from_default | old, from_default | new
        return [
            (name, old.get(name), new.get(name))
            for name in sorted({*old, *new})
            if old.get(name) != new.get(name)
        ]


@dataclass
class Plan:
    """The changes in the order of making them; `kept` names what only `--prune` would delete."""

    changes: list[Change] = field(default_factory=list[Change])
    kept: list[str] = field(default_factory=list[str])

    def count(self, action: str) -> int:
        """How many changes are of a kind."""
        return sum(it.action == action for it in self.changes)


def _quota_defaults(names: set[str]) -> dict[str, Any]:
    pools = {_pool_of(it) for it in names if it.startswith("resources.")}
    defaults = leaves(Quota())
    return {f"{pool}.{name}": value for pool in pools for name, value in defaults.items()}


def _pool_of(name: str) -> str:
    # resources.<pool>.gpu.deserved, resources.<pool>.priority
    return name.removesuffix(".priority") if name.endswith(".priority") else name.rsplit(".", 2)[0]


def make_plan(source: Source, world: World, *, prune: bool) -> Plan:
    """What to do. Raises OrganizationError with everything in the file that cannot be done."""
    wanted = _Wanted(source, world)
    plan = Plan()
    for section in SECTIONS:
        actual = _actual(section, world)
        for key, (it, place) in wanted.objects[section.field].items():
            there = actual.get(key)
            if there is None:
                plan.changes.append(Change("create", section, key, it, None, place))
            elif there != it:
                plan.changes.append(Change("update", section, key, it, there, place))
    for section in REMOVAL:
        for change in wanted.surplus(section, _actual(section, world)):
            if prune:
                plan.changes.append(change)
            else:
                plan.kept.append(change.label)
    wanted.check(plan)
    return plan


def _actual(section: Section, world: World) -> dict[Key, Any]:
    return {section.key(it): it for it in section.of(world.organization) or ()}


class _Wanted:
    """The objects of a file by section and key, with what is wrong about them."""

    def __init__(self, source: Source, world: World) -> None:
        self.source, self.world = source, world
        self.problems: list[str] = []
        self.managed = {it.field for it in SECTIONS if it.of(source.organization) is not None}
        self.objects: dict[str, dict[Key, tuple[Any, str]]] = {}
        for section in SECTIONS:
            found = self.objects[section.field] = {}
            for index, raw in enumerate(section.of(source.organization) or ()):
                place = source.at(f"$.{section.member}[{index}]")
                it = section.normal(raw, world.only_cluster)
                key = section.key(it)
                if key in found:
                    self._wrong(section, it, place, "stands in the file twice")
                if section in (DEPARTMENTS, PROJECTS):
                    # of the raw object: the normal one has forgotten pools with nothing special in them
                    for problem in self._pool_problems(it.cluster, raw):
                        self._wrong(section, it, place, problem)
                found[key] = (it, place)

    def _wrong(self, section: Section, it: Any, place: str, problem: str) -> None:
        self.problems.append(f"{place}: {section.noun} {section.label(it)} {problem}.")

    def surplus(self, section: Section, actual: dict[Key, Any]) -> Iterator[Change]:
        """What the server has and the file, though it looks after this section, has not."""
        if section.field not in self.managed:
            return
        for key, it in actual.items():
            # A cluster is never without its default department, and what ended is in no export.
            spared = (section is DEPARTMENTS and it.name == DEFAULT_DEPARTMENT) or self._ended(section, it)
            if key not in self.objects[section.field] and not spared:
                yield Change("delete", section, key, None, it)

    def _ended(self, section: Section, it: Any) -> bool:
        name = {ACCOUNTS.field: "name", RULES.field: "service_account"}.get(section.field)
        return name is not None and getattr(it, name) in self.world.expired

    def check(self, plan: Plan) -> None:
        """Raises OrganizationError if anything was or is wrong."""
        for section in SECTIONS:
            for it, place in self.objects[section.field].values():
                for problem in self._problems(section, it):
                    self._wrong(section, it, place, problem)
        for change in plan.changes:
            it, there = change.wanted, change.actual
            moved = change.section is PROJECTS and change.action == "update"
            if moved and it.requested_namespace != there.requested_namespace:
                self._wrong(PROJECTS, it, change.place, "cannot get another requestedNamespace")
        self._check_removal(plan)
        if self.problems:
            raise OrganizationError(self.problems)

    def _check_removal(self, plan: Plan) -> None:
        """A department takes its projects along, so all of them have to be accounted for."""
        going = {it.key for it in plan.changes if it.action == "delete" and it.section is PROJECTS}
        moved = {it.key: it.wanted for it in plan.changes if it.action == "update" and it.section is PROJECTS}
        for change in plan.changes:
            if change.action != "delete" or change.section is not DEPARTMENTS:
                continue
            for project in self.world.organization.projects or ():
                key = PROJECTS.key(project)
                stays = key not in going and moved.get(key, project).department == change.actual.name
                if stays and project.cluster == change.actual.cluster:
                    self.problems.append(
                        f"{self.source.name}: {change.label} is not in the file, and its project "
                        f"{project.name} would be deleted with it. Move the project first."
                    )

    def _problems(self, section: Section, it: Any) -> Iterator[str]:
        if section in (DEPARTMENTS, PROJECTS):
            yield from self._unit_problems(section, it)
        elif section is ROLES:
            yield from (
                f"names an unknown permission set {one}"
                for one in it.permission_sets
                if one not in self.world.sets
            )
            if (ROLES.field, it.name) not in self.world.ids and it.name in self.world.roles:
                yield "has the name of a predefined role"
        elif section is RULES:
            yield from self._rule_problems(it)

    def _unit_problems(self, section: Section, it: Any) -> Iterator[str]:
        if it.cluster is None:
            yield "has to name its cluster"
        elif it.cluster not in self.world.clusters:
            yield "is in a cluster that does not exist or that you cannot see"
        elif section is PROJECTS and not self._known(DEPARTMENTS, (it.cluster, it.department)):
            yield f"names an unknown department: {it.department}"

    def _pool_problems(self, cluster: str | None, it: Any) -> Iterator[str]:
        for name in dict.fromkeys((*it.resources, *(it.default_node_pools or ()))):
            if cluster in self.world.clusters and name not in self.world.pools[cluster]:
                yield f"names a node pool that its cluster does not have: {name}"

    def _rule_problems(self, it: Any) -> Iterator[str]:
        if sum(one is not None for one in (it.user, it.service_account, it.group)) != 1:
            yield "has to name one of user, serviceAccount and group"
        if it.service_account is not None and not self._known(ACCOUNTS, it.service_account):
            yield "names an unknown service account"
        if it.role not in self.world.roles and not self._known(ROLES, it.role):
            yield "names an unknown role"
        place = it.scope
        if isinstance(place, Place):
            if place.cluster not in self.world.clusters:
                yield "has to name a cluster that exists"
            elif place.department is not None and place.project is not None:
                yield "has to name a department or a project, not both"
            elif place.department is not None and not self._known(
                DEPARTMENTS, (place.cluster, place.department)
            ):
                yield "names an unknown department"
            elif place.project is not None and not self._known(PROJECTS, (place.cluster, place.project)):
                yield "names an unknown project"

    def _known(self, section: Section, key: Key) -> bool:
        return key in self.objects[section.field] or (section.field, key) in self.world.ids
