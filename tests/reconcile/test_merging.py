"""What wins, what is written, what is remembered; and that it always comes to rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from reconcile.agreement import FLOW, LINE, PROPERTIES, SIDES, prop
from reconcile.model import World
from syncline.mapping.model import Conflict as Policies
from syncline.mapping.model import Flow, Policy, Reference, Side
from syncline.reconcile.lines import pair_lines
from syncline.reconcile.merge import Conflict, Decision, LineMerge, Merge, Reason, merge
from syncline.reconcile.settle import settle
from syncline.records import Answer, Line, LineShadow, Row, Shadow, Value, Values


def linked(**values: Value) -> World:
    """Both sides in step, with these values."""
    world = World()
    for name, value in values.items():
        world.set("erp", name, value)
    world.add_line("erp", 0, "desk", 1)
    world.add_line("erp", 1, "lamp", 2)
    world.run()
    return world


def quantities(world: World, side: str) -> list[tuple[Value, Value]]:
    return [(values["item"], values["quantity"]) for _, values in world.lines[side]]


def test_a_new_record_is_created_whole_and_then_left_alone() -> None:
    world = linked(name="A long name", code="ab", price=Decimal("1.26"), number="7")
    assert world.rows["bc"] == {"name": "A lon", "code": "AB", "price": Decimal(1), "number": "7"}
    assert world.rows["erp"]["name"] == "A long name"
    assert quantities(world, "bc") == [("DESK", 1), ("LAMP", 2)]
    assert not world.decide().writes


def test_an_edit_on_one_side_goes_to_the_other_alone() -> None:
    world = linked(name="Ann", code="ab")
    world.set("bc", "name", "Bob")
    decided = world.decide()
    assert {d.property: (d.value, d.writes) for d in decided.decisions if d.writes} == {
        "name": ("Bob", frozenset({"erp"}))
    }


@pytest.mark.parametrize(("name", "wins"), [("name", "erp"), ("terms", "bc")])
def test_of_two_edits_the_policy_chooses_and_the_other_is_told(name: str, wins: str) -> None:
    world = linked(**{name: "old"})
    world.set("bc", name, "theirs"[:5])
    world.set("erp", name, "ours")  # the later one
    (decision,) = [d for d in world.decide().decisions if d.property == name]
    loser = "bc" if wins == "erp" else "erp"
    assert (decision.origin, list(decision.lost)) == (wins, [loser])
    world.run()
    assert world.rows["erp"][name] == world.rows["bc"][name] == ("ours" if wins == "erp" else "theirs"[:5])


@pytest.mark.parametrize("last", SIDES)
def test_of_two_edits_the_later_one_wins(last: str) -> None:
    world = linked(name="old")
    world.set("bc" if last == "erp" else "erp", "name", "first")
    world.set(last, "name", "last")
    world.run()
    assert world.rows["erp"]["name"] == world.rows["bc"]["name"] == "last"


def three_sides(name: str) -> Flow:
    """A third side keeps this property, and there is no other."""
    p = PROPERTIES[name]
    columns = {**p.columns, "crm": p.columns["erp"]}
    everywhere = replace(p, columns=columns, sources=frozenset(columns), targets=frozenset(columns))
    crm = Side(system="crm", entity="orders")
    return replace(FLOW, sides={**FLOW.sides, "crm": crm}, properties={name: everywhere}, lines=None)


def of_three(name: str, before: Values, *behind: str, **now: Value) -> Decision:
    """What is decided of it: erp is the latest, then crm, then bc."""
    times = {side: datetime(2026, 1, day, tzinfo=UTC) for side, day in (("erp", 3), ("crm", 2), ("bc", 1))}
    late = {side: frozenset({name}) for side in behind}
    shadows = {
        side: Shadow(version=None, values={name: value}, behind=late.get(side, frozenset()))
        for side, value in before.items()
    }
    rows = {side: Row(values={name: value}) for side, value in now.items()}
    (decision,) = merge(three_sides(name), rows, shadows, times).decisions
    return decision


def test_of_three_sides_the_latest_wins_where_the_preferred_one_said_nothing() -> None:
    before = {"erp": "old", "bc": "old", "crm": "old"}
    decision = of_three("terms", before, erp="erps", crm="crms")
    assert (decision.value, decision.reason, dict(decision.lost)) == ("erps", Reason.LATEST, {"crm": "crms"})
    decision = of_three("terms", before, erp="erps", crm="crms", bc="bcs")
    assert (decision.value, decision.reason) == ("bcs", Reason.PREFERRED)


def test_who_has_said_the_same_in_its_own_spelling_has_not_lost() -> None:
    decision = of_three("code", {"erp": "old", "bc": "OLD", "crm": "old"}, erp="xy", bc="XY", crm="zz")
    assert (decision.value, dict(decision.lost), sorted(decision.writes)) == ("xy", {"crm": "zz"}, ["crm"])


def test_what_has_arrived_on_one_side_only_is_not_lost_to_an_edit_on_another_unseen() -> None:
    """It is the image of what is known there, and still somebody's."""
    decision = of_three("code", {"bc": "NEW", "crm": None}, erp="new", bc="NEW", crm="other")
    assert (decision.value, decision.reason, dict(decision.lost)) == ("new", Reason.LATEST, {"crm": "other"})


def test_what_is_known_on_two_sides_stands_against_what_a_third_says_for_the_first_time() -> None:
    decision = of_three("code", {"erp": "old", "bc": "OLD"}, crm="other")
    assert (decision.value, decision.reason, dict(decision.lost)) == ("old", Reason.LATEST, {"crm": "other"})
    assert sorted(decision.writes) == ["crm"]
    empty = of_three("code", {"erp": "old", "bc": "OLD"}, crm=None)
    assert (empty.value, empty.reason, sorted(empty.writes)) == ("old", Reason.FILLED, ["crm"])


def test_what_is_known_stands_no_more_where_who_knew_it_has_changed_it() -> None:
    decision = of_three("code", {"crm": "old", "bc": "OLD"}, erp="other", crm="new")
    assert (decision.value, decision.reason, dict(decision.lost)) == ("other", Reason.LATEST, {"crm": "new"})


def test_who_is_behind_is_given_what_the_others_have() -> None:
    decision = of_three("code", {"erp": "old", "bc": "NEW", "crm": "new"}, "erp")
    assert (decision.value, sorted(decision.writes), decision.reason, dict(decision.lost)) == (
        "new",
        ["erp"],
        Reason.EDITED,
        {},
    )
    emptied = of_three("phone", {"erp": "new", "bc": "old", "crm": "new"}, "bc", crm=None)
    assert (emptied.value, sorted(emptied.writes)) == ("new", ["bc", "crm"]), "what is emptied here does not travel"


def test_what_has_not_arrived_yet_gives_way_to_an_edit_of_who_had_it() -> None:
    decision = of_three("terms", {"erp": "old", "bc": "new", "crm": "new"}, "erp", crm="newer")
    assert (decision.value, sorted(decision.writes), dict(decision.lost)) == ("newer", ["bc", "erp"], {})
    back = of_three("terms", {"erp": "old", "bc": "new", "crm": "new"}, "erp", crm="old")
    assert (back.value, sorted(back.writes)) == ("old", ["bc"])


def test_what_has_not_arrived_yet_stands_against_an_edit_there() -> None:
    decision = of_three("code", {"erp": "new", "bc": "OLD", "crm": "new"}, "bc", bc="other")
    assert (decision.value, decision.reason, dict(decision.lost)) == ("new", Reason.LATEST, {"bc": "other"})
    decision = of_three("code", {"erp": "old", "bc": "NEW", "crm": "new"}, "erp", erp="other")
    assert (decision.value, decision.reason, dict(decision.lost)) == ("other", Reason.LATEST, {"crm": "new"})


def test_a_new_side_is_filled_by_whoever_has_something() -> None:
    decision = of_three("terms", {"erp": None, "bc": "x"})
    assert (decision.value, sorted(decision.writes), decision.reason) == ("x", ["crm"], Reason.FILLED)


def one_way(name: str, erp: Value, bc: Value, held: Value = "OLD", **more: Any) -> Decision:
    """What becomes of a property that erp owns, where it held ``old``, and bc writes in capitals."""
    p = prop(name, bc="upper", sources=frozenset({"erp"}), targets=frozenset({"bc"}), **more)
    shadows = {s: Shadow(version=None, values={name: v}) for s, v in (("erp", "old"), ("bc", held))}
    rows = {"erp": Row(values={name: erp}), "bc": Row(values={name: bc})}
    (decision,) = merge(replace(FLOW, properties={name: p}), rows, shadows, {}).decisions
    return decision


def test_what_a_side_does_not_own_is_put_back_unless_it_is_only_spelt_otherwise() -> None:
    put_back = one_way("x", "old", "NEW")
    assert (put_back.value, sorted(put_back.writes), put_back.reason) == ("old", ["bc"], Reason.OWNED)
    assert not one_way("x", "old", "OLD", held="NEW").writes, "somebody has put it back"
    edited = one_way("x", "new", "NEW")
    assert (edited.value, sorted(edited.writes), edited.reason) == ("new", [], Reason.EDITED)
    emptied = one_way("x", None, "OLD", keep_filled=True)
    assert (sorted(emptied.writes), emptied.reason) == ([], Reason.FILLED), "an empty value does not travel"


def test_what_no_source_has_told_is_remembered_and_goes_nowhere() -> None:
    found = {d.property: d for d in merge(FLOW, {"erp": Row(values={"balance": "5"})}, {}, {}).decisions}
    assert list(found) == ["balance"]
    balance = found["balance"]
    assert (balance.value, balance.origin, dict(balance.now)) == (None, None, {"erp": "5"})
    assert (sorted(balance.writes), balance.reason) == ([], Reason.EDITED)


def test_lines_that_a_side_does_not_tell_are_as_they_are_remembered() -> None:
    known = {
        side: Shadow(
            version=None,
            values={"note": "old"},
            lines=(LineShadow(line="a", id=side, version="7", values={"quantity": 1}),),
        )
        for side in SIDES
    }
    told = Row(values={"note": "erps"}, lines=(Line(id="erp", version="8", values={"quantity": 2}),))
    decided = merge(FLOW, {"erp": told, "bc": Row(values={"note": "bcs"})}, known, {})
    (line,) = decided.lines or ()
    assert (dict(line.ids), line.values_for("bc")) == ({"erp": "erp", "bc": "bc"}, {"quantity": 2})
    (line,) = merge(FLOW, {"erp": told}, known, {}).lines or ()
    assert (dict(line.ids), line.values_for("bc")) == ({"erp": "erp", "bc": "bc"}, {"quantity": 2})
    assert dict(line.versions) == {"erp": "8", "bc": "7"}
    (line,) = merge(FLOW, {"erp": told, "bc": Row(values={})}, {}, {}).lines or ()
    assert (dict(line.ids), line.add) == ({"erp": "erp"}, frozenset({"bc"})), (
        "nor does it have any that nobody knows of"
    )
    silent = merge(FLOW, {"erp": Row(values={"note": "erps"}), "bc": Row(values={"note": "bcs"})}, known, {})
    assert silent.lines is None
    assert [c.property for c in silent.conflicts] == ["note"]


@pytest.mark.parametrize(
    ("told", "value", "writes", "reason"),
    [
        ("AB", "ab", [], Reason.FILLED),  # the image of what erp has is no edit
        ("XY", "ab", ["bc"], Reason.LATEST),  # neither side knew of the other's: the policy tells
    ],
)
def test_what_a_side_says_that_is_seen_for_the_first_time(
    told: str, value: str, writes: list[str], reason: Reason
) -> None:
    """The other side holds what it was known to hold."""
    rows = {"erp": Row(values={"code": "ab"}), "bc": Row(values={"code": told})}
    known = {"erp": Shadow(version=None, values={"code": "ab"})}
    found = {d.property: d for d in merge(FLOW, rows, known, {}).decisions}["code"]
    assert (found.value, sorted(found.writes), found.reason) == (value, writes, reason)


def test_why_a_value_won() -> None:
    world = linked(name="Ann", note="old", code="ab")
    world.set("bc", "name", "Bob")
    world.set("erp", "note", "same")
    world.set("bc", "note", "same")
    reasons = {d.property: d.reason for d in world.decide().decisions}
    assert (reasons["name"], reasons["note"]) == (Reason.EDITED, Reason.EDITED)


def test_two_edits_to_be_asked_about_wait_and_nothing_else_does() -> None:
    world = linked(note="old", name="Ann")
    world.set("bc", "note", "theirs")
    world.set("erp", "note", "ours")
    world.set("erp", "name", "Bob")
    decided = world.turn()
    assert [(c.property, dict(c.values)) for c in decided.conflicts] == [("note", {"erp": "ours", "bc": "theirs"})]
    assert (world.rows["bc"]["name"], world.rows["bc"]["note"]) == ("Bob", "theirs")
    assert world.decide().conflicts  # it is still to be answered
    world.set("bc", "note", "ours")
    world.run()
    assert not world.decide().conflicts


def test_both_making_the_same_edit_agree() -> None:
    world = linked(code="ab")
    world.set("erp", "code", "xy")
    world.set("bc", "code", "XY")
    assert not world.decide().writes
    world.run()
    assert (world.rows["erp"]["code"], world.rows["bc"]["code"]) == ("xy", "XY")


def test_what_only_one_side_owns_is_put_back() -> None:
    world = linked(name="Ann")
    world.set("bc", "balance", "10")
    world.run()
    world.set("erp", "balance", "99")
    world.run()
    assert world.rows["erp"]["balance"] == "10"


def test_a_number_goes_with_a_new_record_and_later_only_fills() -> None:
    world = linked(number="7")
    world.set("erp", "number", "8")
    world.run()
    assert (world.rows["erp"]["number"], world.rows["bc"]["number"]) == ("8", "7")
    world.set("bc", "number", None)
    world.run()
    assert world.rows["bc"]["number"] == "8"


def test_what_is_kept_filled_is_not_emptied_from_afar() -> None:
    world = linked(phone="1")
    world.set("erp", "phone", None)
    world.run()
    assert world.rows["bc"]["phone"] == "1"


def test_records_that_are_found_to_be_the_same_fill_each_other() -> None:
    world = World()
    world.set("erp", "name", "Ann")
    world.set("bc", "code", "AB")
    world.set("bc", "terms", "30D")
    world.set("erp", "terms", "14D")
    world.run()
    assert world.rows["erp"] == {"name": "Ann", "terms": "30D", "code": "AB"}
    assert world.rows["bc"] == {"code": "AB", "terms": "30D", "name": "Ann"}


def test_lines_are_merged_one_by_one() -> None:
    world = linked()
    world.add_line("erp", 1, "chair", 3)
    world.set_quantity("bc", 1, 9)
    world.add_line("bc", 2, "STOOL", 4)
    world.run()
    assert [item for item, _ in quantities(world, "bc")] == ["DESK", "CHAIR", "LAMP", "STOOL"]
    assert quantities(world, "erp") == [("desk", 1), ("chair", 3), ("lamp", 9), ("STOOL", 4)]


def test_lines_that_both_had_before_are_paired_by_what_they_say() -> None:
    """Each as its side spells it; where they stand decides only between equals."""
    world = World()
    for side, items in (("erp", ["desk", "lamp"]), ("bc", ["LAMP", "STOOL", "DESK"])):
        world.set(side, "code", "ab")
        for at, item in enumerate(items):
            world.add_line(side, at, item, 1)
    world.run()
    assert quantities(world, "bc") == [("LAMP", 1), ("STOOL", 1), ("DESK", 1)]
    assert sorted(quantities(world, "erp"), key=str) == [("STOOL", 1), ("desk", 1), ("lamp", 1)]


def test_equal_lines_are_paired_in_their_order() -> None:
    world = World()
    for side, item in (("erp", "desk"), ("bc", "DESK")):
        world.set(side, "code", "ab")
        for at in range(3):
            world.add_line(side, at, item, 1)
    world.run()
    assert quantities(world, "bc") == [("DESK", 1)] * 3
    ours, theirs = ([line.line for line in world.shadows[side].lines] for side in SIDES)
    assert ours == theirs
    assert [line.id for line in world.shadows["bc"].lines] == [id_ for id_, _ in world.lines["bc"]]


def test_of_equal_lines_the_nearest_is_the_same() -> None:
    world = World()
    lines = {"erp": [("lamp", 2), ("rug", 3), ("desk", 1)], "bc": [("DESK", 1), ("SOFA", 4), ("DESK", 1)]}
    for side, told in lines.items():
        world.set(side, "code", "ab")
        for at, (item, quantity) in enumerate(told):
            world.add_line(side, at, item, quantity)
    ids = [m.ids for m in world.decide().lines or () if len(m.ids) > 1]
    assert ids == [{"erp": world.lines["erp"][2][0], "bc": world.lines["bc"][2][0]}]


def test_lines_that_are_new_on_three_sides_are_paired_across_all() -> None:
    """A line that two sides have is there for the third, too."""
    items = {"erp": ["desk", "desk"], "bc": ["DESK", "LAMP"], "crm": ["desk", "desk", "LAMP", "desk"]}
    flow = replace(FLOW, sides={**FLOW.sides, "crm": Side(system="crm", entity="orders")})
    rows = {
        side: Row(values={}, lines=tuple(Line(id=f"{side}{n}", values={"item": item}) for n, item in enumerate(told)))
        for side, told in items.items()
    }
    assert [dict(pair.ids) for pair in pair_lines(flow, rows, {})] == [
        {"erp": "erp0", "bc": "bc0", "crm": "crm0"},
        {"erp": "erp1", "crm": "crm1"},
        {"bc": "bc1", "crm": "crm2"},
        {"crm": "crm3"},
    ]


@pytest.mark.parametrize(("quantity", "pairs"), [(1, [{"erp": "e1", "bc": "b2"}]), (2, [{"erp": "e1"}, {"bc": "b2"}])])
def test_a_line_that_came_back_where_it_was_removed_is_the_same_if_it_says_so(
    quantity: int, pairs: list[dict[str, str]]
) -> None:
    """It was added there again, and nobody heard of it."""
    shadows = {
        side: Shadow(version=None, lines=(LineShadow(line="erp:e1", id=id_, values={"item": item, "quantity": 1}),))
        for side, id_, item in (("erp", "e1", "desk"), ("bc", "b1", "DESK"))
    }
    rows = {
        "erp": Row(values={}, lines=(Line(id="e1", values={"item": "desk", "quantity": 1}),)),
        "bc": Row(values={}, lines=(Line(id="b2", values={"item": "DESK", "quantity": quantity}),)),
    }
    assert [dict(pair.ids) for pair in pair_lines(FLOW, rows, shadows)] == pairs


def test_a_line_whose_name_the_side_has_already_is_not_paired_with_another() -> None:
    """What was removed and came back has the name that the other side still knows it by."""
    back = Line(id="e1", values={"item": "desk", "quantity": 1})
    left = LineShadow(line="erp:e1", id="b1", values={"item": "DESK", "quantity": 1})
    there = (Line(id="b1", values=left.values), Line(id="b2", values={"item": "DESK", "quantity": 1}))
    shadows = {"erp": Shadow(version=None), "bc": Shadow(version=None, lines=(left,))}
    rows = {"erp": Row(values={}, lines=(back,)), "bc": Row(values={}, lines=there)}
    assert [dict(pair.ids) for pair in pair_lines(FLOW, rows, shadows)] == [{"erp": "e1", "bc": "b1"}, {"bc": "b2"}]


@pytest.mark.parametrize(
    ("quantity", "item", "pairs"),
    [
        (2, "DESK", [{"bc": "b1"}, {"crm": "c1"}]),
        (1, "DESK", [{"bc": "b1", "crm": "c1"}]),  # what was sent without an answer, and has arrived
    ],
)
def test_a_new_line_is_one_that_was_removed_elsewhere_only_if_it_says_just_the_same(
    quantity: int, item: str, pairs: list[dict[str, str]]
) -> None:
    flow = replace(FLOW, sides={**FLOW.sides, "crm": Side(system="crm", entity="orders")})
    assert flow.lines is not None
    properties = {name: replace(p, columns={**p.columns, "crm": p.columns["erp"]}) for name, p in LINE.items()}
    flow = replace(flow, lines=replace(flow.lines, properties=properties))
    known = {
        side: LineShadow(line="erp:e1", id=id_, values={"item": word, "quantity": 1})
        for side, id_, word in (("erp", "e1", "desk"), ("bc", "b1", "DESK"))
    }
    shadows = {side: Shadow(version=None, lines=(line,)) for side, line in known.items()}
    rows = {
        "erp": Row(values={}, lines=()),
        "bc": Row(values={}, lines=(Line(id="b1", values=known["bc"].values),)),
        "crm": Row(values={}, lines=(Line(id="c1", values={"item": item, "quantity": quantity}),)),
    }
    assert [dict(pair.ids) for pair in pair_lines(flow, rows, shadows)] == pairs


def of_bc(*lines: tuple[str, Values], flow: Flow, known: Sequence[LineShadow] = ()) -> tuple[LineMerge, ...]:
    """What becomes of the lines when erp has none, or those of ``known`` gone, and bc these."""
    shadows = {side: Shadow(version=None, lines=tuple(known)) for side in SIDES if known}
    told = tuple(Line(id=id_, values=values) for id_, values in lines)
    return merge(flow, {"erp": Row(values={}, lines=()), "bc": Row(values={}, lines=told)}, shadows, {}).lines or ()


def test_what_a_side_derives_of_a_line_is_no_edit_that_keeps_it() -> None:
    assert FLOW.lines is not None
    amount = prop("amount", sources=frozenset({"bc"}), targets=frozenset({"erp"}))
    flow = replace(FLOW, lines=replace(FLOW.lines, properties={**LINE, "amount": amount}))
    known = [LineShadow(line="a", id="a", values={"item": "DESK", "amount": 1})]
    derived: Values = {"item": "DESK", "amount": 2, "quantity": 1}  # the quantity was never told before
    (line,) = of_bc(("a", derived), flow=flow, known=known)
    assert (sorted(line.remove), sorted(line.add)) == (["bc"], [])
    before = {side: Shadow(version=None, lines=tuple(known)) for side in SIDES}
    kept = settle(flow, Merge(lines=(line,)), before, {}, {})
    assert kept["bc"].lines[0].values["amount"] == 2, "until it is removed there, it is remembered as it is"
    (line,) = of_bc(("a", {**derived, "item": "LAMP"}), flow=flow, known=known)
    assert (sorted(line.remove), sorted(line.add)) == ([], ["erp"]), "a person has edited it"


def test_two_edits_of_a_line_to_be_asked_about_wait_and_name_it() -> None:
    assert FLOW.lines is not None
    text = prop("text", conflict=Policies(Policy.ASK))
    flow = replace(FLOW, lines=replace(FLOW.lines, properties={**LINE, "text": text}))
    shadows = {
        side: Shadow(version=None, lines=(LineShadow(line="a", id=side, values={"text": "old", "quantity": 1}),))
        for side in SIDES
    }
    rows = {
        side: Row(values={}, lines=(Line(id=side, values={"text": f"of {side}", "quantity": n}),))
        for side, n in (("erp", 2), ("bc", 1))
    }
    decided = merge(flow, rows, shadows, {})
    assert decided.conflicts == (
        Conflict(
            property="text",
            values={"erp": "of erp", "bc": "of bc"},
            before={"erp": "old", "bc": "old"},
            line="a",
        ),
    )
    assert [m.values_for("bc") for m in decided.lines or ()] == [{"quantity": 2}]


def test_lines_of_different_products_are_different_lines() -> None:
    assert FLOW.lines is not None
    product = prop("product", reference=Reference("products"))
    flow = replace(FLOW, lines=replace(FLOW.lines, properties={**LINE, "product": product}))
    lines = {
        side: Row(values={}, lines=(Line(id=side, values={"product": told, "quantity": 1}),))
        for side, told in (("erp", "link-1"), ("bc", "link-2"))
    }
    assert [(dict(m.ids), sorted(m.add)) for m in merge(flow, lines, {}, {}).lines or ()] == [
        ({"erp": "erp"}, ["bc"]),
        ({"bc": "bc"}, ["erp"]),
    ]


def test_a_removed_line_goes_unless_it_was_edited_meanwhile() -> None:
    world = linked()
    world.remove_line("erp", 0)
    world.run()
    assert quantities(world, "bc") == [("LAMP", 2)]
    world.remove_line("erp", 0)
    world.set_quantity("bc", 0, 5)
    world.run()
    assert [n for _, n in quantities(world, "erp")] == [n for _, n in quantities(world, "bc")] == [5]


def test_a_lost_answer_makes_neither_a_second_line_nor_a_conflict() -> None:
    world = linked(note="old")
    world.set("erp", "note", "new")
    world.add_line("erp", 2, "chair", 3)
    world.turn(lost=frozenset({"bc"}))
    assert not world.decide().conflicts
    world.run()
    assert quantities(world, "bc") == [("DESK", 1), ("LAMP", 2), ("CHAIR", 3)]
    assert world.rows["bc"]["note"] == "new"


# --- whatever people do

_TEXTS = st.sampled_from(["ab", "AB", "abcdefg", "abcdeXY", "x", None])
_PRICES = st.sampled_from([Decimal("1.2"), Decimal("1.4"), Decimal(7), None])
_NAMES = [name for name in PROPERTIES if name not in ("note", "balance")]
_EDITS = st.one_of(
    st.tuples(st.just("set"), st.sampled_from(SIDES), st.sampled_from(_NAMES), _TEXTS | _PRICES),
    st.tuples(st.just("add"), st.sampled_from(SIDES), st.integers(0, 4), st.sampled_from(["desk", "lamp", "rug"])),
    st.tuples(st.just("quantity"), st.sampled_from(SIDES), st.integers(0, 4), st.integers(1, 9)),
    st.tuples(st.just("remove"), st.sampled_from(SIDES), st.integers(0, 4), st.just(None)),
    st.tuples(st.just("turn"), st.sampled_from(["fine", "lost erp", "lost bc", "refused erp", "refused bc"])),
)


def do(world: World, edit: tuple[object, ...]) -> None:
    match edit:
        case ("set", str(side), str(name), value):
            fitting = isinstance(value, Decimal) == (name == "price") or value is None
            if fitting and side in world.rows:
                world.set(side, name, value)  # type: ignore[arg-type]
        case ("add", str(side), int(at), str(item)):
            if side in world.rows:
                world.add_line(side, at, item, at + 1)
        case ("quantity", str(side), int(at), int(quantity)):
            world.set_quantity(side, at, quantity)
        case ("remove", str(side), int(at), None):
            world.remove_line(side, at)
        case ("turn", str(how)):
            kind, _, side = how.partition(" ")
            world.turn(
                lost=frozenset({side} if kind == "lost" and len(world.rows) > 1 else ()),
                refused=frozenset({side} if kind == "refused" else ()),
            )


@settings(max_examples=400)
@given(st.lists(_EDITS, max_size=14))
def test_it_always_comes_to_rest_in_step(edits: list[tuple[object, ...]]) -> None:
    world = linked(name="Ann", code="ab", price=Decimal(3), terms="30D", number="7", phone="1")
    for edit in edits:
        do(world, edit)
    world.run()
    assert not world.decide().writes
    ours, theirs = world.rows["erp"], world.rows["bc"]
    for name, p in PROPERTIES.items():
        if p.when_create or p.keep_filled or name == "balance":
            continue
        left, right = ours.get(name), theirs.get(name)
        assert right in (left, p.normal("bc", left)), name
    left_lines = [(LINE["item"].normal("bc", item), n) for item, n in quantities(world, "erp")]
    assert sorted(left_lines, key=str) == sorted(quantities(world, "bc"), key=str)


@settings(max_examples=200)
@given(st.lists(_EDITS, max_size=8), st.sampled_from(SIDES), st.sampled_from(["name", "code", "terms"]))
def test_an_edit_that_nobody_contests_is_never_lost(edits: list[tuple[object, ...]], side: str, name: str) -> None:
    world = linked(name="Ann", code="ab", terms="30D")
    for edit in edits:
        if edit[0] != "set":
            do(world, edit)
    world.run()
    world.set(side, name, "zz")
    for edit in edits:
        if edit[0] != "set" or edit[2] != name:
            do(world, edit)
    world.run()
    for at in SIDES:
        assert world.rows[at][name] == FLOW.properties[name].normal(at, world.rows[side][name])


# --- what a person said


def answer(world: World, name: str, value: Value) -> Answer:
    """What a person says who sees what both sides hold now."""
    seen = {side: row.get(name) for side, row in world.rows.items()}
    return Answer(link="L", property=name, value=value, seen=seen, note="chosen", at=datetime.now(UTC))


def decided(world: World, name: str, *answers: Answer) -> Decision | Conflict | None:
    found = world.decide(answers)
    told: list[Decision | Conflict] = [*found.decisions, *found.conflicts]
    return next((each for each in told if each.property == name), None)


@pytest.mark.parametrize("name", ["name", "terms", "note"])
def test_an_answer_counts_more_than_any_policy(name: str) -> None:
    world = linked(**{name: "old"})
    world.set("bc", name, "bcs")
    world.set("erp", name, "erps")
    said = answer(world, name, "bcs")
    decision = decided(world, name, said)
    assert isinstance(decision, Decision)
    assert (decision.value, sorted(decision.writes), dict(decision.lost)) == ("bcs", ["erp"], {"erp": "erps"})
    assert (decision.reason, decision.origin, decision.note) == (Reason.RESOLVED, None, "chosen")
    world.run([said])
    assert world.rows["erp"][name] == world.rows["bc"][name] == "bcs"
    assert decided(world, name) is None, "it is remembered as what both hold"


def test_an_answer_that_was_given_before_a_later_edit_is_void() -> None:
    world = linked(note="old")
    world.set("bc", "note", "bcs")
    world.set("erp", "note", "erps")
    said = answer(world, "note", "bcs")
    world.set("erp", "note", "later")
    conflict = decided(world, "note", said)
    assert isinstance(conflict, Conflict)
    assert dict(conflict.values) == {"erp": "later", "bc": "bcs"}


def test_an_answer_may_be_a_value_that_neither_side_holds_and_empty() -> None:
    world = linked(note="old", phone="1")
    world.run([answer(world, "note", "new"), answer(world, "phone", None)])
    assert world.rows["erp"] == world.rows["bc"] | {"note": "new"}
    assert world.rows["bc"]["phone"] is None, "a person may empty what an edit only fills"


def test_a_side_that_holds_the_answer_as_it_spells_it_is_not_written() -> None:
    world = linked(code="ab")
    decision = decided(world, "code", answer(world, "code", "Ab"))
    assert isinstance(decision, Decision)
    assert decision.writes == {"erp"}


def test_an_answer_stands_while_only_one_side_has_it_yet() -> None:
    world = linked(note="old")
    world.set("bc", "note", "bcs")
    world.set("erp", "note", "erps")
    said = answer(world, "note", "third")
    world.turn(refused=frozenset({"bc"}), answers=[said])
    assert (world.rows["erp"]["note"], world.rows["bc"]["note"]) == ("third", "bcs")
    world.turn(lost=frozenset({"bc"}), answers=[said])
    world.run([said])
    assert world.rows["erp"]["note"] == world.rows["bc"]["note"] == "third"


def test_an_answer_stands_where_a_side_has_it_in_its_own_spelling() -> None:
    world = linked(code="ab")
    said = answer(world, "code", "xy")
    world.turn(refused=frozenset({"erp"}), answers=[said])
    assert world.rows["bc"]["code"] == "XY"
    decision = decided(world, "code", said)
    assert isinstance(decision, Decision)
    assert (decision.reason, sorted(decision.writes)) == (Reason.RESOLVED, ["erp"])


def test_an_answer_goes_with_a_new_record_and_what_gives_way_at_the_first_link_is_lost() -> None:
    world = World()
    world.set("erp", "note", "erps")
    new = decided(world, "note", answer(world, "note", "said"))
    assert isinstance(new, Decision)
    assert (sorted(new.writes), dict(new.lost)) == (["bc", "erp"], {"erp": "erps"})
    emptied = decided(world, "note", answer(world, "note", None))
    assert isinstance(emptied, Decision)
    assert emptied.writes == {"erp"}, "nothing is not sent to who has nothing"
    world.set("bc", "note", "bcs")
    joined = decided(world, "note", answer(world, "note", "erps"))
    assert isinstance(joined, Decision)
    assert (sorted(joined.writes), dict(joined.lost)) == (["bc"], {"bc": "bcs"})


def test_an_answer_writes_no_side_that_is_no_target_and_no_number_that_is_there() -> None:
    world = linked(number="7")
    world.set("bc", "balance", "10")
    world.run()
    balance = decided(world, "balance", answer(world, "balance", "11"))
    number = decided(world, "number", answer(world, "number", "8"))
    assert isinstance(balance, Decision)
    assert isinstance(number, Decision)
    assert (sorted(balance.writes), sorted(number.writes)) == (["erp"], [])


def test_an_answer_about_a_line_is_about_that_line() -> None:
    world = linked()
    (first, second) = (line.line for line in world.shadows["erp"].lines)
    said = Answer(
        link="L",
        property="quantity",
        line=second,
        value=9,
        seen=dict.fromkeys(SIDES, 2),
        note="chosen",
        at=datetime.now(UTC),
    )
    world.run([said])
    assert first != second
    assert quantities(world, "erp") == [("desk", 1), ("lamp", 9)]
    assert quantities(world, "bc") == [("DESK", 1), ("LAMP", 9)]
    world.remove_line("bc", 1)
    world.run([said])
    assert quantities(world, "erp") == [("desk", 1)], "a line that is removed is removed"


WORDS = st.sampled_from(("a", "X", "x", "long text", "long-winded"))
SPOKEN = ("name", "code", "terms", "note", "phone")
STEPS = st.lists(
    st.tuples(st.sampled_from(("edit", "say", "turn")), st.sampled_from(SIDES), st.sampled_from(SPOKEN), WORDS),
    max_size=25,
)


@given(STEPS)
def test_an_answer_is_done_where_nobody_was_quicker_and_loses_no_edit_that_was(
    steps: list[tuple[str, str, str, str]],
) -> None:
    """Whatever people do before and after they say it."""
    world = linked(name="a", code="b", terms="c", note="d", phone="e")
    said: dict[str, Answer] = {}
    for what, side, name, word in steps:
        if what == "edit":
            world.set(side, name, word)
        elif what == "say":
            said[name] = answer(world, name, word)
        else:
            for a in said.values():
                check_answer(world, a)
            world.turn(answers=list(said.values()))
            said.clear()


def check_answer(world: World, a: Answer) -> None:
    """It is decided as it was said, or a side holds what nobody had seen."""
    p = PROPERTIES[a.property]
    held = {side: world.rows[side][a.property] for side in SIDES}
    moved = [s for s in SIDES if held[s] != a.seen[s] and held[s] not in (a.value, p.normal(s, a.value))]
    decision = decided(world, a.property, a)
    if moved:
        assert not isinstance(decision, Decision) or decision.reason is not Reason.RESOLVED
    else:
        assert isinstance(decision, Decision)
        assert (decision.reason, decision.value) == (Reason.RESOLVED, a.value)
        assert all(held[s] in (a.value, p.normal(s, a.value)) for s in set(SIDES) - decision.writes)
