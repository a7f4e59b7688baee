"""What is to be tried of a flow: the agreement read as a checklist. Pure: nothing is tried here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from syncline.mapping.lenses import Constant
from syncline.mapping.model import Conflict, Flow, Property
from syncline.mapping.types import Kind
from syncline.records import Value, Values

How: TypeAlias = Literal["typed", "created", "posted", "told"]
"""``typed``: it can be edited at its origin. ``created``: it is sent with a new record only. ``posted``: an edit at its
origin cannot be taken back. ``told``: its origin works it out by itself, so it can only be compared."""
IN_LINES = "lines."


class Check(Struct, frozen=True, kw_only=True, eq=False):
    """A property that is to travel from one side to another. ``name`` is with ``lines.`` where it is one of lines."""

    name: str
    row: Property
    origin: str
    target: str
    how: How

    @property
    def in_lines(self) -> bool:
        return self.name.startswith(IN_LINES)

    def of(self, header: Values, line: Values) -> Value:
        """Its value, from those of a record and of its line."""
        return (line if self.in_lines else header).get(self.row.name)

    def expected(self, value: Value) -> Value:
        """What the target is to hold when the origin holds this."""
        return self.row.normal(self.target, value)


def checks(flow: Flow, origin: str, target: str) -> tuple[Check, ...]:
    """Every property that the agreement lets travel from one side to the other, in its order."""
    return tuple(_checks(flow, origin, target))


def _checks(flow: Flow, origin: str, target: str) -> Iterator[Check]:
    for name, p in rows(flow).items():
        if origin in p.sources and target in p.targets:
            shared = _shared_paths(flow, p, origin, in_lines=name.startswith(IN_LINES))
            yield Check(name=name, row=p, origin=origin, target=target, how=_how(p, origin, shared=shared))


def rows(flow: Flow) -> dict[str, Property]:
    """All rows of a flow, those of lines with ``lines.`` before their names."""
    lines = flow.lines.properties if flow.lines else {}
    return {**flow.properties, **{f"{IN_LINES}{name}": p for name, p in lines.items()}}


def _how(p: Property, origin: str, *, shared: bool) -> How:
    column = p.columns[origin]
    if column.type.read_only or shared or isinstance(column.lens, Constant):
        return "told"
    if column.type.posts:
        return "posted"
    return "created" if p.when_create else "typed"


def _shared_paths(flow: Flow, p: Property, side: str, *, in_lines: bool) -> bool:
    """Whether an earlier row tells of the same place, which is then edited through that one."""
    among: Mapping[str, Property] = flow.lines.properties if in_lines and flow.lines else flow.properties
    for other in among.values():
        if other is p:
            return False
        if side in other.columns and set(other.columns[side].paths) & set(p.columns[side].paths):
            return True
    return False


def handle(flow: Flow) -> str | None:
    """The property by which a test record can be found again on every side, whoever made it: a match key that is one
    plain text.
    """
    for key in flow.match:
        p = flow.properties[key.properties[0]]
        plain = all(len(c.paths) == 1 and "." not in c.paths[0] and c.table is None for c in p.columns.values())
        if len(key.properties) == 1 and not key.suggest and p.kind is Kind.TEXT and plain:
            return p.name
    return None


def may_be_empty(check: Check, flow: Flow) -> bool:
    """Whether to empty it is an edit like any other: not what records are found by, nor what only codes will do for."""
    p = check.row
    keys = {name for key in flow.match for name in key.properties}
    bound = any(c.table is not None or c.type.codes is not None or c.context for c in p.columns.values())
    plain = p.kind in (Kind.TEXT, Kind.DATE) and p.reference is None and not bound
    return check.how == "typed" and plain and not p.keep_filled and not check.in_lines and p.name not in keys


def conflicts(flow: Flow, left: str, right: str) -> dict[Conflict, tuple[Check, ...]]:
    """By rule, the properties that both sides may edit, which can so come to differ. Match keys stay as they are."""
    keys = {name for key in flow.match for name in key.properties}
    found: dict[Conflict, list[Check]] = {}
    back = {check.name for check in checks(flow, right, left) if check.how == "typed"}
    for check in checks(flow, left, right):
        free = check.row.reference is None and not check.in_lines and check.name not in keys
        if check.how == "typed" and check.name in back and free:
            found.setdefault(check.row.conflict, []).append(check)
    return {rule: tuple(each) for rule, each in found.items()}
