"""Ping-pong is noticed by the values that come back, and by nothing else; what people do is never taken for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reconcile.agreement import FLOW, SIDES
from reconcile.model import World
from syncline.reconcile.merge import Merge, Reason, merge
from syncline.reconcile.rewriting import TIMES, Sent, hold_rewritten
from syncline.records import Answer, Row, Shadow, Value


class Watched:
    """A world whose turns are decided with what was sent before, and in which jobs rewrite what was written."""

    def __init__(self, **jobs: Callable[[str], str]) -> None:
        self.world = World()
        self.sent: list[Sent] = []
        self.jobs = jobs

    def look(self) -> Merge:
        """One turn, after which every job runs."""
        held = hold_rewritten(FLOW, self.world.decide(), self.world.shadows, self.sent)
        if not held.conflicts:
            self._note(self.world.turn())
        for side, job in self.jobs.items():
            value = self.world.rows.get(side, {}).get("note")
            if isinstance(value, str) and job(value) != value:
                self.world.set(side, "note", job(value))
        return held

    def _note(self, decided: Merge) -> None:
        for d in decided.decisions:
            for side in d.writes if d.reason is not Reason.RESOLVED else ():
                self.sent.append(
                    Sent(property=d.property, line=None, side=side, value=self.world.rows[side][d.property])
                )


def test_a_value_that_each_side_spells_its_own_way_is_held_after_a_few_rounds() -> None:
    pair = Watched(erp=str.lower, bc=str.upper)
    pair.world.set("erp", "note", "so")
    looks = 0
    while not (held := pair.look()).conflicts:
        looks += 1
        assert looks < 20
    (conflict,) = held.conflicts
    assert (conflict.property, conflict.rewritten) == ("note", True)
    assert dict(conflict.values) == {"erp": "so", "bc": "SO"}
    assert dict(conflict.before) in ({"erp": "so", "bc": "so"}, {"erp": "SO", "bc": "SO"}), "what it was brought to"
    assert looks == TIMES, "the first of them created it"
    assert pair.look().conflicts, "it stays held"
    pair.world.set("bc", "note", "no")
    assert not any(c.rewritten for c in pair.look().conflicts), "a value that is new is an edit"


def test_everything_else_of_the_record_goes_on() -> None:
    pair = Watched(erp=str.lower, bc=str.upper)
    pair.world.set("erp", "note", "so")
    while not pair.look().conflicts:
        pass
    pair.world.set("erp", "name", "Ann")
    held = hold_rewritten(FLOW, pair.world.decide(), pair.world.shadows, pair.sent)
    assert [d.property for d in held.decisions if d.writes] == ["name"]
    assert [c.property for c in held.conflicts] == ["note"]


def test_one_side_that_rewrites_comes_to_rest_by_itself() -> None:
    pair = Watched(bc=str.upper)
    pair.world.set("erp", "note", "so")
    assert not any(pair.look().conflicts for _ in range(20))
    assert pair.world.rows["erp"]["note"] == "SO"


def test_it_is_held_again_at_once_if_it_goes_on_after_a_person_chose() -> None:
    pair = Watched(erp=str.lower, bc=str.upper)
    pair.world.set("erp", "note", "so")
    while not pair.look().conflicts:
        pass
    pair.world.set("bc", "note", "so")  # what the person chose, written
    pair.world.run()
    pair.world.set("bc", "note", "SO")  # and the job again
    assert hold_rewritten(FLOW, pair.world.decide(), pair.world.shadows, pair.sent).conflicts


EDITS = st.lists(st.tuples(st.sampled_from(SIDES), st.integers(0, 99)), max_size=30)


@given(EDITS)
def test_people_who_write_what_is_new_are_never_held(edits: list[tuple[str, int]]) -> None:
    pair = Watched()
    pair.world.set("erp", "note", "start")
    pair.look()
    for n, (side, value) in enumerate(edits):
        pair.world.set(side, "note", f"{n}: {value}")
        assert not pair.look().conflicts


@pytest.mark.parametrize("side", SIDES)
def test_a_switch_that_one_side_turns_on_and_off_is_never_held(side: str) -> None:
    pair = Watched()
    pair.world.set(side, "note", "on")
    for n in range(4 * TIMES):
        assert not pair.look().conflicts
        pair.world.set(side, "note", "off" if n % 2 else "on")


def rewritten(name: str, **values: Value) -> list[Sent]:
    """What each side was sent in turn, as it held it then."""
    return [Sent(property=name, line=None, side=side, value=value) for side, value in values.items()] * TIMES


def test_what_comes_back_is_known_as_each_side_spells_it() -> None:
    """bc keeps five letters of a name: what it is sent again is what it held, and nothing else is."""
    world = World()
    world.set("erp", "name", "Bob")
    world.run()
    sent = rewritten("name", bc="Anna ", erp="Annx")
    world.set("erp", "name", "Anna Carlson")
    (conflict,) = hold_rewritten(FLOW, world.decide(), world.shadows, sent).conflicts
    assert (dict(conflict.values), dict(conflict.before)) == (
        {"erp": "Anna Carlson", "bc": "Bob"},
        {"erp": "Bob", "bc": "Bob"},
    )
    world.set("erp", "name", "Karlsson")
    assert not hold_rewritten(FLOW, world.decide(), world.shadows, sent).conflicts, "a value that is new is an edit"


def test_what_only_one_side_was_sent_is_no_ping_pong() -> None:
    world = World()
    world.set("erp", "terms", "30D")
    world.run()
    world.set("erp", "terms", "14D")
    assert not hold_rewritten(FLOW, world.decide(), world.shadows, rewritten("terms", bc="14D")).conflicts


def test_what_a_person_said_is_written_however_often_it_was_before() -> None:
    world = World()
    world.set("erp", "note", "a")
    world.run()
    world.set("erp", "note", "b")
    said = Answer(
        link="L", property="note", value="b", seen={"erp": "b", "bc": "a"}, note="", at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    sent = rewritten("note", bc="b", erp="a")
    assert hold_rewritten(FLOW, world.decide(), world.shadows, sent).conflicts
    held = hold_rewritten(FLOW, world.decide([said]), world.shadows, sent)
    assert not held.conflicts
    assert held.writes == {"bc"}


def test_an_order_that_does_not_tell_its_lines_is_held_by_its_header() -> None:
    known = {side: Shadow(version=None, values={"terms": "a"}) for side in SIDES}
    decided = merge(FLOW, {"erp": Row(values={"terms": "b"})}, known, {})
    held = hold_rewritten(FLOW, decided, known, rewritten("terms", bc="b", erp="a"))
    assert [c.property for c in held.conflicts] == ["terms"]
    assert held.lines is None


def test_lines_are_told_apart() -> None:
    world = World()
    world.set("erp", "name", "Ann")
    world.add_line("erp", 0, "desk", 1)
    world.add_line("erp", 1, "lamp", 3)
    world.run()
    desk, lamp = (line.line for line in world.shadows["erp"].lines)
    values: tuple[tuple[str, Value], ...] = (("bc", 5), ("erp", 6)) * (TIMES // 2)
    sent = [Sent(property="quantity", line=desk, side=side, value=value) for side, value in values]
    world.set_quantity("erp", 0, 5)
    world.set_quantity("erp", 1, 5)
    held = hold_rewritten(FLOW, world.decide(), world.shadows, sent)
    assert [(c.line, c.property, dict(c.before)) for c in held.conflicts] == [(desk, "quantity", {"erp": 1, "bc": 1})]
    assert held.lines is not None
    assert {m.line: m.values_for("bc") for m in held.lines} == {desk: {}, lamp: {"quantity": 5}}
    other = [replace(each, line=None) for each in sent]
    assert not hold_rewritten(FLOW, world.decide(), world.shadows, other).conflicts
