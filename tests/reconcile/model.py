"""Two systems as plain data, and the turn between them: merge, write, settle. What a system normalises, it answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

from reconcile.agreement import FLOW, SIDES
from syncline.mapping.model import Property
from syncline.reconcile.merge import LineMerge, Merge, merge
from syncline.reconcile.settle import Delivered, Told, settle
from syncline.records import Answer, Line, Row, Shadow, Value

_START = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """One record on each side. ``rows`` is what the systems hold, lines in order by the side's own ids."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Value]] = {}
        self.lines: dict[str, list[tuple[str, dict[str, Value]]]] = {side: [] for side in SIDES}
        self.shadows: dict[str, Shadow] = {}
        self.modified: dict[str, datetime] = {}
        self._ids = count(1)
        self._clock = _START

    # --- people

    def set(self, side: str, name: str, value: Value) -> None:
        self.rows.setdefault(side, {})[name] = self._held(FLOW.properties[name], side, value)
        self._touch(side)

    def add_line(self, side: str, at: int, item: str, quantity: int) -> None:
        assert FLOW.lines is not None
        values: dict[str, Value] = {
            "item": self._held(FLOW.lines.properties["item"], side, item),
            "quantity": quantity,
        }
        self.rows.setdefault(side, {})
        self.lines[side].insert(min(at, len(self.lines[side])), (self._id(side), values))
        self._touch(side)

    def set_quantity(self, side: str, at: int, quantity: int) -> None:
        if self.lines[side]:
            self.lines[side][at % len(self.lines[side])][1]["quantity"] = quantity
            self._touch(side)

    def remove_line(self, side: str, at: int) -> None:
        if self.lines[side]:
            del self.lines[side][at % len(self.lines[side])]
            self._touch(side)

    # --- the turn

    def decide(self, answers: Sequence[Answer] = ()) -> Merge:
        seen = {side: self._row(side) for side in self.rows}
        times = {side: self.modified.get(side) for side in SIDES}
        return merge(FLOW, seen, self.shadows, times, answers=answers)

    def turn(
        self,
        lost: frozenset[str] = frozenset(),
        refused: frozenset[str] = frozenset(),
        answers: Sequence[Answer] = (),
    ) -> Merge:
        """Decide, write and settle. The answers of ``lost`` sides never arrive; ``refused`` sides write nothing."""
        decided = self.decide(answers)
        seen = {side: Told(version=None, modified=self.modified.get(side)) for side in self.rows}
        delivered: dict[str, Delivered] = {}
        for side in SIDES:
            if side in decided.writes and side not in refused:
                added = self._write(side, decided)
                if side not in lost:
                    told = Told(version=None, modified=self.modified[side])
                    delivered[side] = Delivered(told=told, row=self._row(side), added=added)
        if len(self.rows) > 1:
            self.shadows = settle(FLOW, decided, self.shadows, seen, delivered)
        return decided

    def run(self, answers: Sequence[Answer] = ()) -> int:
        """Turns until nothing is written; how many there were."""
        for rounds in range(12):
            if not self.turn(answers=answers).writes:
                return rounds
        raise AssertionError(f"no end: {self.rows} {self.lines}")

    # --- the systems

    def _write(self, side: str, decided: Merge) -> dict[str, str]:
        row = self.rows.setdefault(side, {})
        for name, value in decided.values_for(side).items():
            row[name] = self._held(FLOW.properties[name], side, value)
        added: dict[str, str] = {}
        for line in decided.lines_for(side):
            self._write_line(side, decided, line, added)
        self._touch(side)
        return added

    def _write_line(self, side: str, decided: Merge, line: LineMerge, added: dict[str, str]) -> None:
        held = self.lines[side]
        if side in line.remove:
            held[:] = [(id_, values) for id_, values in held if id_ != line.ids[side]]
            return
        if side in line.add:
            id_ = added[line.line] = self._id(side)
            held.insert(self._place(side, decided, line, added), (id_, {"item": None, "quantity": None}))
        else:
            id_ = line.ids[side]
        values = next(values for known, values in held if known == id_)
        assert FLOW.lines is not None
        for name, value in line.values_for(side).items():
            values[name] = self._held(FLOW.lines.properties[name], side, value)

    def _place(self, side: str, decided: Merge, line: LineMerge, added: dict[str, str]) -> int:
        """Right after the nearest line before it that the side has."""
        lines = {each.line: each for each in decided.lines or ()}
        ids = [id_ for id_, _ in self.lines[side]]
        before = line.after
        while before is not None:
            id_ = added.get(before) or lines[before].ids.get(side)
            if id_ in ids:
                return ids.index(id_) + 1
            before = lines[before].after
        return 0

    def _row(self, side: str) -> Row:
        lines = tuple(Line(id=id_, values=dict(values)) for id_, values in self.lines[side])
        values: dict[str, Value] = dict.fromkeys(FLOW.properties)
        return Row(values=values | self.rows[side], lines=lines)

    def _held(self, p: Property, side: str, value: Value) -> Value:
        return p.normal(side, value)

    def _touch(self, side: str) -> None:
        self._clock += timedelta(seconds=1)
        self.modified[side] = self._clock

    def _id(self, side: str) -> str:
        return f"{side}{next(self._ids)}"
