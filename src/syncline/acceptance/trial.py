"""One flow put to the test, stage by stage: each makes records, does what people do, and looks at the other side."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from syncline.acceptance.book import Book
from syncline.acceptance.checklist import (
    IN_LINES,
    Check,
    checks,
    conflicts,
    handle,
    may_be_empty,
    rows,
)
from syncline.acceptance.desk import Declined, Desk, Told
from syncline.acceptance.report import Finding, Verdict, text
from syncline.acceptance.values import NoValues, Palette, enumerated, values_for
from syncline.connectors.base import Completes, ConnectorError
from syncline.engine.setup import view
from syncline.mapping.model import Conflict, Deletion, Flow, Policy
from syncline.mapping.types import Kind
from syncline.records import Done, Ref, Value, Values

Stage: TypeAlias = Callable[[], Awaitable[list[Finding]]]
_FOR_GOOD = "not tried: what is posted cannot be taken back; --post tries it"
_ATTEMPTS = 8
"""How many properties a system may decline before a record is given up."""


class Sheet(Struct, frozen=True, kw_only=True):
    """A test record as it was typed: the values to be used of each row, the first now; ``without`` says of which there
    are none, and why.
    """

    values: Mapping[str, Sequence[Value]]
    without: Mapping[str, str]

    def at(self, name: str, turn: int) -> Value:
        held = self.values[name]
        return held[turn % len(held)]


class Pair(NamedTuple):
    """A test record and its counterpart, with their link. ``declined`` and ``blamed``: what was left out since its own
    system, or the other, would not have it, and their words.
    """

    ref: Ref
    other: Ref
    link: str
    typed: Mapping[str, Value]
    declined: Mapping[str, str]
    blamed: Mapping[str, str]


class Cannot(Exception):
    """A record that a stage needs did not come to be: in whose words."""


class Trial:
    """``posting``: what cannot be taken back is tried too."""

    def __init__(self, desk: Desk, flow: Flow, palette: Palette, book: Book, *, posting: bool) -> None:
        self._desk = desk
        self._flow = flow
        self._palette = palette
        self._book = book
        self._posting = posting
        self._handle = handle(flow)
        self._ways = [(a, b) for a in flow.sides for b in flow.sides if a != b and flow.sides[b].write]

    def stages(self) -> dict[str, Stage]:
        """By name, in the order in which they are to be run."""
        found: dict[str, Stage] = {}
        for origin, target in self._ways:
            found[f"created in {origin}"] = partial(self._created, origin, target)
            found[f"edited in {origin}"] = partial(self._edited, origin, target)
        found["linked"] = self._linked
        found["conflicts"] = self._conflicts
        for origin, target in self._ways:
            found[f"deleted in {origin}"] = partial(self._deleted, origin, target)
            if any(check.how == "posted" for check in checks(self._flow, origin, target)):
                found[f"posted in {origin}"] = partial(self._posted, origin, target)
            if self._flow.lines:
                found[f"lines in {origin}"] = partial(self._lines, origin, target)
        if any(isinstance(self._desk.setup.systems[side], Completes) for side in self._flow.sides) and self._flow.lines:
            found["completed"] = self._completed
        return found

    async def anchors(self, many: int) -> list[str]:
        """Linked records for others to point to: their link ids. Raises `Cannot`."""
        origin, target = self._ways[0]
        return [(await self._pair(origin, target)).link for _ in range(many)]

    # --- records

    def _sheet(self) -> Sheet:
        serial = self._book.serial()
        values: dict[str, Sequence[Value]] = {}
        without: dict[str, str] = {}
        for place, (name, p) in enumerate(rows(self._flow).items()):
            if len(p.columns) < 2:
                continue
            try:
                values[name] = values_for(name, p, self._palette, serial, place)
            except NoValues as error:
                without[name] = str(error)
        if self._handle is not None:
            for value in values.get(self._handle, ()):
                self._book.expect(self._flow.name, self._handle, str(value))
        return Sheet(values=values, without=without)

    def _typed(self, sheet: Sheet, side: str, target: str, turn: int = 0) -> dict[str, Value]:
        """What a person types into a new record: all that is to travel."""
        return {
            check.name: sheet.at(check.name, turn)
            for check in checks(self._flow, side, target)
            if check.how in ("typed", "created") and check.name in sheet.values
        }

    async def _create(self, side: str, typed: Mapping[str, Value]) -> Ref:
        """Raises `Declined`."""
        header = {name: value for name, value in typed.items() if not name.startswith(IN_LINES)}
        line = _of_lines(typed)
        made = await self._desk.create(self._flow.name, side, header, [line] if self._flow.lines else ())
        ref = Ref(self._flow.name, side, made)
        self._book.made(ref)
        return ref

    async def _make(
        self, side: str, typed: dict[str, Value], declined: dict[str, str] | None = None
    ) -> tuple[Ref, dict[str, Value]]:
        """A new record. What its own system declines is left out, and told in ``declined``. Raises `Cannot`."""
        for _ in range(_ATTEMPTS):
            try:
                return await self._create(side, typed), typed
            except Declined as error:
                name = self._meant(error, typed)
                out = [name] if name is not None else self._own(side, typed)
                if not out:
                    raise Cannot(f"{side} would not have it: {error}") from error
                if declined is not None:
                    declined |= dict.fromkeys(out, str(error))
                typed = {each: value for each, value in typed.items() if each not in out}
        raise Cannot(f"{side} would not have it, whatever was left out")

    def _meant(self, error: Declined, typed: Mapping[str, Value]) -> str | None:
        """The property that a system's words are about: it names its place, or tells the value."""
        words = str(error)
        named = {word.casefold() for word in re.findall(r"\w+", words)} | {error.property or ""}
        for name in typed:
            column = rows(self._flow)[name].columns.get(error.side)
            places = {part for path in (column.paths if column else ()) for part in (path, path.rpartition(".")[2])}
            if error.property in {*places, name} or named & {place.casefold() for place in places}:
                return name
        return next(
            (name for name, value in typed.items() if isinstance(value, str) and value and value in words), None
        )

    def _own(self, side: str, typed: Mapping[str, Value]) -> list[str]:
        """What only this side tells others: it may be such as it works out by itself, whatever it says of it."""
        return [name for name in typed if rows(self._flow)[name].sources == {side}]

    async def _pair(self, origin: str, target: str, sheet: Sheet | None = None) -> Pair:
        """A record that is linked with its counterpart. Raises `Cannot`.

        What either system declines is left out: its own words are told in ``declined``, those of the other in
        ``blamed``.
        """
        declined, blamed = dict[str, str](), dict[str, str]()
        ref, typed = await self._make(origin, self._typed(sheet or self._sheet(), origin, target), declined)
        for _ in range(_ATTEMPTS):
            await self._desk.in_step()
            found, link = self._desk.counterpart(ref, target), self._desk.link_of(ref)
            if found is not None and link is not None:
                other = Ref(ref.flow, target, found)
                self._book.made(other)
                return Pair(ref, other, link, typed, declined, blamed)
            why = self._why(ref)
            name = self._meant(Declined(target, why), typed) if why else None
            if name is None:
                raise Cannot(why or f"nothing was created in {target}")
            blamed[name] = why
            await self._desk.delete(ref.flow, origin, ref.id)
            ref, typed = await self._make(origin, {n: v for n, v in typed.items() if n != name}, declined)
        raise Cannot(f"{target} would not have it, whatever was left out")

    def _why(self, *refs: Ref) -> str:
        held = self._desk.held_back(*refs)
        return f"{held[0]}: {held[1]}" if held else ""

    async def _both(self, ref: Ref, other: Ref) -> tuple[Told | None, Told | None]:
        """Both records as they are now."""
        one = (await self._desk.read(ref.flow, ref.side, [ref.id])).get(ref.id)
        two = (await self._desk.read(other.flow, other.side, [other.id])).get(other.id)
        return one, two

    # --- findings

    def _found(self, what: str, verdict: Verdict, origin: str = "", target: str = "", **more: Any) -> Finding:
        return Finding(flow=self._flow.name, what=what, verdict=verdict, origin=origin, target=target, **more)

    def _of(
        self, check: Check, what: str, verdict: Verdict, *, expected: Value = None, found: Value = None, why: str = ""
    ) -> Finding:
        values = {"expected": text(expected), "found": text(found)}
        return self._found(what, verdict, check.origin, check.target, property=check.name, why=why, **values)

    def _judged(self, what: str, check: Check, before: Told, after: Told | None, why: str) -> Finding:
        """Whether the target holds what the origin holds."""
        held = check.of(before.row.values, _first(before))
        expected = check.expected(held)
        found = None if after is None else check.of(after.row.values, _first(after))
        if found == expected:
            return self._of(check, what, Verdict.PASSED, expected=expected, found=found)
        return self._of(check, what, Verdict.FAILED, expected=expected, found=found, why=why)

    # --- stages

    async def _created(self, origin: str, target: str) -> list[Finding]:
        """A new record arrives whole."""
        sheet = self._sheet()
        try:
            pair = await self._pair(origin, target, sheet)
        except Cannot as error:
            return [self._found("created", Verdict.FAILED, origin, target, why=str(error))]
        one, two = await self._both(pair.ref, pair.other)
        if one is None or two is None:
            gone = origin if one is None else target
            return [self._found("created", Verdict.FAILED, origin, target, why=f"it is gone from {gone}")]
        findings = [self._found("created", Verdict.PASSED, origin, target)]
        for check in checks(self._flow, origin, target):
            if why := pair.blamed.get(check.name):
                expected = check.expected(sheet.at(check.name, 0))
                findings.append(self._of(check, "created", Verdict.FAILED, expected=expected, why=why))
            elif check.name in pair.declined and check.row.sources != {origin}:
                why = _own(origin, pair.declined[check.name])
                findings.append(self._of(check, "created", Verdict.NOT_APPLICABLE, why=why))
            elif check.how in ("told", "posted") or check.name in pair.declined:
                findings.append(self._carried(check, one, two))
            elif check.name in pair.typed:
                findings.append(self._judged("created", check, one, two, self._why(pair.ref, pair.other)))
        return findings

    def _carried(self, check: Check, one: Told, two: Told) -> Finding:
        """What the origin works out by itself can only be compared, and only where there is something."""
        judged = self._judged("carried", check, one, two, "")
        if judged.verdict is Verdict.PASSED and judged.expected is None:
            why = f"{check.origin} works it out by itself, and it is empty in every test record"
            return self._of(check, "carried", Verdict.NOT_APPLICABLE, why=why)
        return judged

    async def _edited(self, origin: str, target: str) -> list[Finding]:
        """Every property, with every value there is for it, then emptied."""
        typed = [check for check in checks(self._flow, origin, target) if check.how == "typed"]
        sheet = self._sheet()
        try:
            ref, other, *_ = await self._pair(origin, target, sheet)
        except Cannot as error:
            return [self._found("edited", Verdict.FAILED, origin, target, why=str(error))]
        found: dict[str, Finding] = {}
        for check in typed:
            if check.name in sheet.without:
                found[check.name] = self._of(check, "edited", Verdict.NOT_APPLICABLE, why=sheet.without[check.name])
            elif len(sheet.values[check.name]) < 2:
                why = "only one value is known that both sides can hold"
                found[check.name] = self._of(check, "edited", Verdict.NOT_APPLICABLE, why=why)
        plain = [check for check in typed if check.name not in found and enumerated(check.row) is None]
        most = max((len(values) for values in sheet.values.values()), default=0)
        for turn in range(1, most):
            due = [c for c in plain if c.name not in found or found[c.name].verdict is Verdict.PASSED]
            due = [c for c in due if turn < len(sheet.values[c.name])]
            for finding in await self._round("edited", ref, other, {c: sheet.at(c.name, turn) for c in due}):
                found[finding.property] = finding
        emptied = [check for check in typed if may_be_empty(check, self._flow)]
        empty = await self._round("emptied", ref, other, dict.fromkeys(emptied))
        for check in typed:
            if check.name not in found:
                found[check.name] = await self._each(check, sheet, ref, other)
        return [*(found[check.name] for check in typed), *empty]

    async def _each(self, check: Check, sheet: Sheet, ref: Ref, other: Ref) -> Finding:
        """One of a fixed set of values after the other.

        On what a record *is* much else depends. So each is tried alone, and what the other system takes from nobody,
        since the rest of the record does not fit it, is not held against it.
        """
        findings: list[Finding] = []
        for turn in range(1, len(sheet.values[check.name])):
            if check.in_lines:  # which may not become again what it was
                try:
                    ref, other, *_ = await self._pair(check.origin, check.target)
                except Cannot as error:
                    return self._of(check, "edited", Verdict.FAILED, why=str(error))
            value = sheet.at(check.name, turn)
            (finding,) = await self._alone("edited", ref, other, check, value)
            if finding.verdict is Verdict.FAILED and finding.why.startswith("refused: "):
                try:
                    await self._type(other, {check.name: check.expected(value)})
                except Declined as error:
                    why = _own(check.target, str(error))
                    finding = self._of(check, "edited", Verdict.NOT_APPLICABLE, why=why)
            findings.append(finding)
        failed = [finding for finding in findings if finding.verdict is Verdict.FAILED]
        passed = [finding for finding in findings if finding.verdict is Verdict.PASSED]
        return [*failed, *passed, *findings][0]

    async def _round(self, what: str, ref: Ref, other: Ref, edits: Mapping[Check, Value]) -> list[Finding]:
        """All of it at once; where that does not go, one property after another, to see which it was."""
        if not edits:
            return []
        findings = await self._at_once(what, ref, other, edits)
        if findings is not None or len(edits) == 1:
            return findings or []
        alone: list[Finding] = []
        for check, value in edits.items():
            alone += await self._alone(what, ref, other, check, value)
        return alone

    async def _at_once(self, what: str, ref: Ref, other: Ref, edits: Mapping[Check, Value]) -> list[Finding] | None:
        """``None`` where some of it was declined by either system."""
        try:
            await self._type(ref, {check.name: value for check, value in edits.items()})
        except Declined:
            return None
        before = (await self._both(ref, other))[0]
        await self._desk.in_step()
        _, after = await self._both(ref, other)
        why = self._why(ref, other)
        if before is None or (why and len(edits) > 1):
            return None
        return [self._judged(what, check, before, after, why) for check in edits]

    async def _alone(self, what: str, ref: Ref, other: Ref, check: Check, value: Value) -> list[Finding]:
        """One edit; what its own system declines nobody can type, and what does not go on is taken back."""
        held = (await self._both(ref, other))[0]
        if held is None:
            return [self._of(check, what, Verdict.FAILED, why=f"the record is gone from {check.origin}")]
        before = check.of(held.row.values, _first(held))
        try:
            await self._type(ref, {check.name: value})
        except Declined as error:
            return [self._of(check, what, Verdict.NOT_APPLICABLE, why=_own(check.origin, str(error)))]
        findings = await self._at_once(what, ref, other, {check: value})
        if findings is None or any(finding.verdict is Verdict.FAILED for finding in findings):
            with suppress(Declined):  # then the next round tells
                await self._type(ref, {check.name: before})
            await self._desk.in_step()
        return findings or []

    async def _type(self, ref: Ref, typed: Mapping[str, Value]) -> None:
        """Into a record and its first line. Raises `Declined`."""
        header = {name: value for name, value in typed.items() if not name.startswith(IN_LINES)}
        line = _of_lines(typed)
        lines: dict[str, Values] = {}
        if line:
            told = (await self._desk.read(ref.flow, ref.side, [ref.id])).get(ref.id)
            first = next(iter(told.row.lines or ()), None) if told is not None else None
            if first is None:
                raise Declined(ref.side, "the order has no line")
            lines[first.id] = line
        await self._desk.edit(ref.flow, ref.side, ref.id, header, lines)

    async def _linked(self) -> list[Finding]:
        """The same record on both sides, made before they heard of each other, becomes one link and no third record."""
        left, right = self._ways[0][0], self._ways[0][1]
        keys = [key for key in self._flow.match if not key.suggest]
        findings: list[Finding] = []
        for at, key in enumerate(keys):
            others = {name for each in keys[:at] for name in each.properties} - set(key.properties)
            told = " and ".join(key.properties)
            try:
                ours, theirs = self._sheet(), self._sheet()
                typed = {n: v for n, v in self._typed(ours, left, right).items() if n not in others}
                same = {name: typed[name] for name in key.properties if name in typed}
                if len(same) < len(key.properties):
                    why = next(
                        (ours.without[name] for name in key.properties if name in ours.without), "it is not typed"
                    )
                    findings.append(self._found("linked", Verdict.NOT_APPLICABLE, property=told, why=why))
                    continue
                there = {n: v for n, v in self._typed(theirs, right, left).items() if n not in others} | same
                one, _ = await self._make(left, typed)
                two, _ = await self._make(right, there)
            except Cannot as error:
                why = f"key {at + 1} cannot be tried alone: {error}"
                findings.append(self._found("linked", Verdict.NOT_APPLICABLE, property=told, why=why))
                continue
            await self._desk.in_step()
            found = self._desk.counterpart(one, right)
            if found == two.id:
                findings.append(self._found("linked", Verdict.PASSED, left, right, property=told))
                continue
            self._note(one, two)
            why = self._why(one, two) or ("another record was created" if found else "they were not linked")
            findings.append(self._found("linked", Verdict.FAILED, left, right, property=told, why=why))
        return findings

    def _note(self, *refs: Ref) -> None:
        """Counterparts that should not be are to be taken away as well."""
        for ref in refs:
            for side in self._flow.sides:
                if side != ref.side and (found := self._desk.counterpart(ref, side)):
                    self._book.made(Ref(ref.flow, side, found))

    async def _conflicts(self) -> list[Finding]:
        """Both sides edit the same property before they are in step: the rule says who gives way."""
        left, right = self._ways[0]
        if (right, left) not in self._ways:
            return []
        findings: list[Finding] = []
        for rule, both in conflicts(self._flow, left, right).items():
            sheet = self._sheet()
            fit = [
                check for check in both if len(sheet.values.get(check.name, ())) > 2 or rule.policy is not Policy.LATEST
            ]
            fit = [check for check in fit if len(sheet.values.get(check.name, ())) > 1]
            if rule.policy is Policy.LATEST:
                fit = fit[:1]
            if not fit:
                continue
            try:
                ref, other, *_ = await self._pair(left, right, sheet)
            except Cannot as error:
                findings.append(self._found("conflict", Verdict.FAILED, left, right, why=str(error)))
                continue
            findings += [await self._conflict(rule, check, ref, other, sheet) for check in fit]
        return findings

    async def _conflict(self, rule: Conflict, check: Check, ref: Ref, other: Ref, sheet: Sheet) -> Finding:
        now = check.of(*_values((await self._both(ref, other))[0]))
        choices = [value for value in sheet.values[check.name] if value != now]
        ours, theirs = choices[0], choices[1] if len(choices) > 1 else now
        try:
            await self._type(ref, {check.name: ours})
            if theirs != now:
                await self._type(other, {check.name: theirs})
        except Declined as error:
            return self._of(check, "conflict", Verdict.NOT_APPLICABLE, why=_own(error.side, str(error)))
        if theirs == now:
            await self._desk.in_step()
            why = "only two values are known that both sides can hold, and a conflict needs three"
            return self._of(check, "conflict", Verdict.NOT_APPLICABLE, why=why)
        await self._desk.in_step()
        one, two = await self._both(ref, other)
        held = (check.of(*_values(one)), check.of(*_values(two)))
        why = self._why(ref, other)
        if rule.policy is Policy.ASK:
            asked = self._desk.held_back(ref, other)
            good = asked is not None and asked[0] == "conflict" and held == (ours, theirs)
            verdict = Verdict.PASSED if good else Verdict.FAILED
            return self._of(check, "conflict", verdict, why="" if good else why or "nobody was asked")
        wanted = {check.origin: ours, check.target: theirs}
        winner = wanted.get(rule.side or "", held[0] if held[0] in (ours, theirs) else theirs)
        if held == (winner, winner):
            return self._of(check, "conflict", Verdict.PASSED, expected=winner, found=held[0])
        differing = next(value for value in held if value != winner)
        return self._of(check, "conflict", Verdict.FAILED, expected=winner, found=differing, why=why)

    async def _deleted(self, origin: str, target: str) -> list[Finding]:
        """What becomes of the counterpart of a record that is deleted."""
        rule = self._flow.delete
        try:
            ref, other, *_ = await self._pair(origin, target)
            await self._desk.delete(ref.flow, ref.side, ref.id)
        except Cannot as error:
            return [self._found("deleted", Verdict.FAILED, origin, target, why=str(error))]
        except Declined as error:
            return [self._found("deleted", Verdict.NOT_APPLICABLE, origin, target, why=_own(origin, str(error)))]
        await self._desk.in_step(scanning=True)
        there = bool(await self._desk.read(other.flow, other.side, [other.id]))
        asked = self._desk.held_back(ref, other)
        again = self._desk.counterpart(other, origin)
        if again is not None and again != ref.id:
            self._book.made(Ref(ref.flow, origin, again))
        match rule:
            case Deletion.ASK:
                good = there and asked is not None and asked[0] == "deleted"
            case Deletion.PROPAGATE:
                good = not there
            case Deletion.KEEP:
                good = there and asked is None and again is None
            case Deletion.BLOCK:
                good = there and again is not None and again != ref.id
        became = "was deleted too" if not there else "was created again" if again not in (None, ref.id) else "stays"
        told = f"it {became}" + (f", parked: {asked[1]}" if asked else "")
        why = "" if good else f"the agreement says {rule.value}; {told}"
        return [self._found("deleted", Verdict.PASSED if good else Verdict.FAILED, origin, target, why=why)]

    async def _lines(self, origin: str, target: str) -> list[Finding]:
        """A line that is added, and one that is removed."""
        sheet = self._sheet()
        typed = self._typed(sheet, origin, target)
        sort = {n for n, p in rows(self._flow).items() if p.reference is not None or p.kind is Kind.ENUM}
        added = _of_lines({n: v if n in sort else sheet.at(n, 1) for n, v in typed.items()})
        findings: list[Finding] = []
        try:
            ref, other, *_ = await self._pair(origin, target, sheet)
            await self._desk.add_line(ref.flow, ref.side, ref.id, added)
            await self._desk.in_step()
            findings.append(await self._as_many("line added", ref, other, 2))
            told = (await self._desk.read(ref.flow, ref.side, [ref.id]))[ref.id]
            await self._desk.remove_line(ref.flow, ref.side, ref.id, next(iter(told.row.lines or ())).id)
            await self._desk.in_step()
            findings.append(await self._as_many("line removed", ref, other, 1))
        except Cannot as error:
            findings.append(self._found("line added", Verdict.FAILED, origin, target, why=str(error)))
        except Declined as error:
            what = "line removed" if findings else "line added"
            findings.append(self._found(what, Verdict.NOT_APPLICABLE, origin, target, why=_own(origin, str(error))))
        return findings

    async def _as_many(self, what: str, ref: Ref, other: Ref, wanted: int) -> Finding:
        """The same lines in the same order on both sides."""
        one, two = await self._both(ref, other)
        lines = checks(self._flow, ref.side, other.side)
        inside = [c for c in lines if c.in_lines and c.row.reference is None and c.how == "typed"]
        told = [[each.values for each in side.row.lines or ()] if side else [] for side in (one, two)]
        ours = [[c.expected(values.get(c.row.name)) for c in inside] for values in told[0]]
        theirs = [[values.get(c.row.name) for c in inside] for values in told[1]]
        if len(ours) == wanted and ours == theirs:
            return self._found(what, Verdict.PASSED, ref.side, other.side)
        why = self._why(ref, other) or f"{len(ours)} lines in {ref.side}, {len(theirs)} in {other.side}, or others"
        return self._found(what, Verdict.FAILED, ref.side, other.side, why=why)

    async def _posted(self, origin: str, target: str) -> list[Finding]:
        """What cannot be taken back, on a record of its own."""
        posted = [check for check in checks(self._flow, origin, target) if check.how == "posted"]
        if not self._posting:
            return [self._of(check, "edited", Verdict.NOT_APPLICABLE, why=_FOR_GOOD) for check in posted]
        sheet = self._sheet()
        try:
            ref, other, *_ = await self._pair(origin, target, sheet)
        except Cannot as error:
            return [self._found("edited", Verdict.FAILED, origin, target, why=str(error))]
        return await self._round("edited", ref, other, {check: sheet.at(check.name, 1) for check in posted})

    async def _completed(self) -> list[Finding]:
        """An order that its system closes for good: what it says of it then is carried, and nothing is deleted."""
        side = next(s for s in self._flow.sides if isinstance(self._desk.setup.systems[s], Completes))
        others = [other for other in self._flow.sides if other != side and self._flow.sides[other].write]
        if not self._posting or not others:
            to = others[0] if others else ""
            return [self._found("completed", Verdict.NOT_APPLICABLE, side, to, why=_FOR_GOOD)]
        target = others[0]
        try:
            ref, other, *_ = await self._pair(side, target, self._shipped_whole())
            system = self._desk.setup.systems[side]
            assert isinstance(system, Completes)
            outcome = await system.complete(view(self._flow, side), ref.id)
            if not isinstance(outcome, Done):
                raise Cannot(f"{side} would not complete it: {outcome.message}")
        except (Cannot, ConnectorError) as error:
            return [self._found("completed", Verdict.FAILED, side, target, why=str(error))]
        await self._desk.in_step(scanning=True)
        one, two = await self._both(ref, other)
        if one is None or two is None or not one.record.closed:
            gone = target if two is None else side
            why = f"it is gone from {gone}" if one is None or two is None else f"{side} did not close it"
            return [self._found("completed", Verdict.FAILED, side, target, why=why)]
        told = [check for check in checks(self._flow, side, target) if check.how == "told"]
        judged = [self._carried(check, one, two) for check in told if check.row.name in one.row.values]
        return [self._found("completed", Verdict.PASSED, side, target), *judged]

    def _shipped_whole(self) -> Sheet:
        """With one number for all that a line counts: as much is shipped and invoiced as was ordered."""
        sheet = self._sheet()
        counted = [n for n, p in rows(self._flow).items() if n.startswith(IN_LINES) and p.kind is Kind.DECIMAL]
        held = [sheet.values[name] for name in counted if name in sheet.values]
        return replace(sheet, values={**sheet.values, **dict.fromkeys(counted, held[0])}) if held else sheet


def _of_lines(typed: Mapping[str, Value]) -> dict[str, Value]:
    return {name.removeprefix(IN_LINES): value for name, value in typed.items() if name.startswith(IN_LINES)}


def _first(told: Told) -> Values:
    """What its first line holds."""
    return next((line.values for line in told.row.lines or ()), {})


def _values(told: Told | None) -> tuple[Values, Values]:
    return ({}, {}) if told is None else (told.row.values, _first(told))


def _own(side: str, words: str) -> str:
    return f"{side} itself does not take it: {words}"
