"""From what was decided of a record to the write that one side is sent."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from msgspec import Struct

from syncline.engine.case import Case
from syncline.mapping.known import Known
from syncline.mapping.translate import Sending, fields, line_fields
from syncline.reconcile.merge import LineMerge
from syncline.records import (
    Create,
    Fields,
    LineAdd,
    LineChange,
    LineRemove,
    LineWrite,
    Update,
    Value,
)
from syncline.store import Cause


class Job(Struct, frozen=True, kw_only=True, gc=False):
    """One write. ``id`` names its intent; ``added`` are the lines it adds, in the order they are asked for."""

    id: str
    side: str
    write: Create | Update
    added: tuple[str, ...] = ()


class Unsendable(Exception):
    """It cannot be said in the side's own words, or points to what has no record there yet."""

    def __init__(self, side: str, cause: Cause, message: str, mend: str, links: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.side = side
        self.cause = cause
        self.mend = mend
        self.links = tuple(links)
        """What it waits for."""


def build(
    case: Case, side: str, known: Known, *, dry: bool = False, missing: set[tuple[str, str]] | None = None
) -> Job:
    """The write for one side. Raises `Unsendable`.

    ``missing`` collects the (table, code) to be created first; without it they are a problem. A ``dry`` one is never
    sent: it may point to what does not exist yet.
    """
    creating = side not in case.link.members
    draft = _Sendings(case, side, dry, missing)
    header = draft.check("", fields(case.flow, side, case.merge.values_for(side), known, creating=creating))
    merged = case.merge.lines_for(side)
    id_ = secrets.token_hex(16)
    if creating:
        lines = tuple(draft.line(line, known, creating=True) for line in merged)
        write: Create | Update = Create(key=id_, fields=header, lines=lines)
    else:
        edits = tuple(draft.edit(line, known) for line in merged)
        version = case.versions.get(side)
        write = Update(id=case.link.members[side], version=version, fields=header, lines=edits)
    draft.raise_problems()
    return Job(id=id_, side=side, write=write, added=tuple(line.line for line in merged if side in line.add))


def whole_line(case: Case, side: str, line: LineMerge) -> Mapping[str, Value]:
    """Everything known of a line: what it was last known to hold, and what was decided."""
    shadow = case.shadows.get(side)
    before = next((s.values for s in shadow.lines if s.line == line.line), {}) if shadow else {}
    return {**before, **{d.property: d.value for d in line.decisions}}


class _Sendings:
    """Gathers what keeps the parts of one write from being sent."""

    def __init__(self, case: Case, side: str, dry: bool, missing: set[tuple[str, str]] | None) -> None:
        self._case = case
        self._side = side
        self._dry = dry
        self._missing = missing
        self._problems: dict[str, str] = {}
        self._waits: list[str] = []

    def check(self, at: str, sending: Sending) -> Fields:
        self._waits += sending.waits
        if sending.problems:
            self._problems |= {at + name: problem for name, problem in sending.problems.items()}
        if not sending.missing_codes:
            return sending.fields
        if self._missing is not None:
            self._missing |= set(sending.missing_codes)
        elif not self._dry:
            self._problems |= {f"{at}{table}": f"{code} could not be created" for table, code in sending.missing_codes}
        return sending.fields

    def line(self, line: LineMerge, known: Known, *, creating: bool) -> Fields:
        values = {d.property: d.value for d in line.decisions if self._side in d.writes}
        whole = whole_line(self._case, self._side, line)
        sending = line_fields(self._case.flow, self._side, values, known, creating=creating, whole=whole)
        return self.check(f"line {line.line}: ", sending)

    def edit(self, line: LineMerge, known: Known) -> LineWrite:
        side = self._side
        if side in line.remove:
            return LineRemove(id=line.ids[side], version=line.versions[side])
        if side in line.add:
            return LineAdd(fields=self.line(line, known, creating=True), after=self._anchor(line))
        changed = self.line(line, known, creating=False)
        return LineChange(id=line.ids[side], version=line.versions[side], fields=changed)

    def _anchor(self, line: LineMerge) -> str | None:
        """The id of the nearest line before it that stands on this side and stays."""
        lines = {each.line: each for each in self._case.merge.lines or ()}
        before = line.after
        while before is not None:
            found = lines[before]
            if self._side in found.ids and self._side not in found.remove:
                return found.ids[self._side]
            before = found.after
        return None

    def raise_problems(self) -> None:
        side, source = self._side, self._case.flow.source
        if self._problems:
            message = f"cannot be sent to {side}: " + "; ".join(f"{n}: {p}" for n, p in self._problems.items())
            raise Unsendable(side, "untranslatable", message, f"Correct it, or say in {source} how it is to be sent.")
        if self._waits and not self._dry:
            message = f"waits for what it points to, which is not in {side} yet"
            raise Unsendable(side, "waiting", message, "It goes on by itself once that is there.", self._waits)
