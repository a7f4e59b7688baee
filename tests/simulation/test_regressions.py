"""Stories that once ended badly, each as small as it could be made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from simulation.agreement import BC, ENTITIES
from simulation.course import SCRIPTED
from simulation.script import Act, Event, Fault
from simulation.shrink import play
from simulation.systems import Style
from simulation.world import Config
from syncline.mapping.model import Deletion

_PLAIN = Style(feed=True, keys=False, whole=True, ahead=0, page=50, batch=100, unique=True)


def _ends_badly(
    events: Mapping[str, Sequence[Event]],
    delete: Deletion = Deletion.PROPAGATE,
    *,
    passes: int = 2,
    sides: Sequence[str] = ("erp", BC),
) -> list[str]:
    """What is wrong after this story, between systems without peculiarities."""
    config = Config(
        styles=dict.fromkeys(sides, _PLAIN),
        delete=dict.fromkeys(ENTITIES, delete),
        passes=passes,
        **SCRIPTED,
    )
    return [str(wrong) for wrong in play(config, events).wrong]


def _customer(verb: str, side: str, **values: str | None) -> Act:
    return Act(verb=verb, side=side, entity="customers", trace="c1", values=values)


_DIED = Fault(name="died")
_MADE: dict[str, Sequence[Event]] = {
    "1 people between 1": [_customer("create", "erp", code="v1c", name="v2", terms="v3", phone="v4")]
}


def test_what_lost_is_told_though_the_process_died_before_it_remembered() -> None:
    """Afterwards both sides say the same, as if nobody had ever written anything else."""
    edited = [_customer("edit", BC, name="v16"), _customer("edit", "erp", name="v17")]
    events = _MADE | {"2 people between 1": edited, f"2 {BC} update customers, answer 1": [_DIED]}
    assert not _ends_badly(events)


def test_what_lost_at_the_first_link_is_told_though_the_process_died() -> None:
    """Nothing is remembered of a side yet, and still what it said was somebody's."""
    made = [_customer("create", BC, code="v1c", name="v5"), _customer("create", "erp", code="v1c", name="v6")]
    assert not _ends_badly({"1 people between 1": made, f"1 {BC} update customers, answer 1": [_DIED]})


def test_what_lost_is_told_though_the_write_was_carried_out_after_it_was_looked_for() -> None:
    """Looked for too early it is not there; and when it is there, nobody asks any more what it replaced."""
    edited = [_customer("edit", BC, name="v16"), _customer("edit", "erp", name="v17")]
    late = Fault(name="late", seconds=0.5)
    assert not _ends_badly(_MADE | {"2 people between 1": edited, f"2 {BC} update customers 1": [late]})


def test_what_lost_in_a_line_is_told_though_the_line_was_removed_before_it_was_looked_for() -> None:
    def line(verb: str, side: str, **values: str | Decimal | None) -> Act:
        return Act(verb=verb, side=side, entity="orders", trace="o1", line="n1", values=values)

    product = Act(verb="create", side="erp", entity="products", trace="p1", values={"code": "v1c"})
    customer = Act(verb="create", side="erp", entity="customers", trace="c1", values={"code": "v2c"})
    order = Act(verb="create", side="erp", entity="orders", trace="o1", values={"customer": "c1"})
    events: dict[str, Sequence[Event]] = {
        "1 people between 1": [product, customer, order, line("add line", "erp", product="p1", quantity=Decimal(3))],
        "2 people between 1": [line("edit line", BC, text="v16"), line("edit line", "erp", text="v17")],
        f"2 {BC} update orders, answer 1": [_DIED],
        "3 people between 1": [line("remove line", BC)],
    }
    assert not _ends_badly(events, passes=3)


def test_what_lost_is_told_though_another_property_was_refused() -> None:
    edited = [_customer("edit", "erp", name="v15!", terms="v16"), _customer("edit", BC, terms="v27")]
    assert not _ends_badly(_MADE | {"2 people between 1": edited})


def test_a_deletion_is_found_though_the_feed_was_forgotten() -> None:
    """A listing does not tell what is no longer there."""
    events = _MADE | {
        "2 people between 1": [_customer("delete", "erp")],
        "2 erp list customers 1": [Fault(name="forgotten")],
    }
    assert not _ends_badly(events)


def test_a_deletion_before_the_link_is_found_though_the_feed_was_forgotten() -> None:
    """It was seen, and is to be created elsewhere; then it is gone, and no feed will ever tell."""
    events: Mapping[str, Sequence[Event]] = {
        "1 people between 1": [_customer("create", "erp", code="v4c", terms="v5")],
        "1 store save 21": [_DIED],
        "2 people between 1": [_customer("delete", "erp")],
        "2 erp list customers 1": [Fault(name="forgotten")],
    }
    assert not _ends_badly(events, Deletion.ASK)


def test_a_deletion_is_believed_though_a_replica_does_not_know_of_it_yet() -> None:
    """Who told that it is gone does not tell again."""
    events = {
        **_MADE,
        "2 people between 1": [_customer("edit", "erp", phone="v17")],
        "2 store save 2": [_customer("delete", "erp")],
        "2 erp get customers 1": [Fault(name="stale", seconds=3.4)],
    }
    assert not _ends_badly(events)


def test_what_stands_of_a_write_without_an_answer_is_no_edit() -> None:
    """Else it is in conflict with what was edited since, and may win; cut short as the other system has it."""
    events = {
        **_MADE,
        "2 people between 1": [_customer("edit", "erp", name="v16 Amber Traders")],
        f"2 {BC} update customers, answer 1": [_DIED],
        "3 people between 1": [_customer("edit", "erp", name="v17 Amber Traders")],
        "3 erp list products 1": [_customer("edit", BC, phone="v18")],
    }
    assert not _ends_badly(events, passes=3)


def test_a_line_that_goes_with_its_other_half_is_told_whole() -> None:
    """Two people add the same product at once: it is one line. One of them removes it before it is in step."""

    def line(verb: str, side: str, name: str, **values: Any) -> Act:
        return Act(verb=verb, side=side, entity="orders", trace="o1", line=name, values=values)

    product = Act(verb="create", side="erp", entity="products", trace="p1", values={"code": "v2c"})
    order = Act(verb="create", side="erp", entity="orders", trace="o1", values={"customer": "c1"})
    ours = line("add line", "erp", "n1", product="p1", quantity=Decimal("5.25"), text="v6")
    theirs = line("add line", BC, "n2", product="p1", quantity=Decimal("7.25"), text="v8")
    events = {
        "1 people between 1": [_customer("create", "erp", code="v1c"), product, order],
        "2 people between 1": [ours, theirs],
        f"2 {BC} update orders 1": [line("remove line", BC, "n2")],
    }
    assert not _ends_badly(events)


def test_what_was_emptied_may_differ_where_that_does_not_travel() -> None:
    assert not _ends_badly(_MADE | {"2 people between 1": [_customer("edit", BC, phone=None)]})


def test_a_line_that_comes_back_says_what_it_said_where_it_was_removed() -> None:
    """The side that kept it, and edited another property of it, has only the rounded quantity."""

    def line(verb: str, side: str, **values: Any) -> Act:
        return Act(verb=verb, side=side, entity="orders", trace="o1", line="n1", values=values)

    events = {
        "1 people between 1": [Act(verb="create", side="erp", entity="orders", trace="o1", values={"text": "v2"})],
        "2 people between 1": [line("add line", "erp", quantity=Decimal("5.25"))],
        "3 people between 1": [line("edit line", BC, text="v6"), line("remove line", "erp")],
    }
    assert not _ends_badly(events, passes=3)


# --- among three systems

_THREE = ("erp", BC, "crm")


def test_what_one_system_derives_reaches_the_third_though_it_could_not_be_written_at_once() -> None:
    """What the second was written is no sign that the third has it."""
    assert not _ends_badly(_MADE | {"1 crm update customers 1": [Fault(name="cut")]}, sides=_THREE)


def test_what_is_emptied_before_it_is_everywhere_stays_empty() -> None:
    events: dict[str, Sequence[Event]] = {
        "1 people between 1": [_customer("create", "erp", code="v1c", search="v3")],
        "1 crm create customers 1": [Fault(name="cut"), _customer("edit", "erp", search=None)],
    }
    assert not _ends_badly(events, sides=_THREE)


def test_of_a_deletion_that_one_system_refuses_the_other_is_told() -> None:
    """Somebody edits the third at that moment: a person is asked, and the second is no member any more."""
    events = {
        **_MADE,
        "2 people between 1": [_customer("delete", "erp")],
        f"2 {BC} delete customers 1": [_customer("edit", "crm", note="v9")],
    }
    assert not _ends_badly(events, sides=_THREE)


def test_no_deletion_is_believed_of_what_a_replica_may_not_know_yet() -> None:
    """It was created there a moment ago, and somebody was quicker with it; two reads that lag do not tell it at all."""
    lags = [Fault(name="stale", seconds=3.2)]
    events: Mapping[str, Sequence[Event]] = {
        "2 people between 1": [_customer("create", "erp", code="v1c", name="v2 Amber Traders")],
        "2 store save 15": [_customer("edit", "crm", terms="v3")],
        "2 crm get customers 1": lags,
        "2 crm get customers 2": lags,
    }
    assert not _ends_badly(events, sides=_THREE)


def test_a_line_that_one_system_has_already_is_not_added_to_it_again() -> None:
    def line(side: str, name: str, **values: Any) -> Act:
        return Act(verb="add line", side=side, entity="orders", trace="o1", line=name, values=values)

    events = {
        "1 people between 1": [Act(verb="create", side="erp", entity="orders", trace="o1", values={"text": "v2"})],
        "2 people between 1": [line(BC, "n1", quantity=Decimal(5))],
        "2 erp update orders 1": [line("erp", "n2", text="v6")],
    }
    assert not _ends_badly(events, sides=_THREE)


def test_a_record_that_somebody_made_where_it_could_not_be_made_joins_the_others() -> None:
    """What is known of them stands against what it says, and what it lacks is filled."""
    made = _customer("create", "crm", code="v1c", name="v7")
    assert not _ends_badly(_MADE | {"1 crm create customers 1": [made]}, sides=_THREE)


def test_what_is_rounded_does_not_reach_a_third_system_that_lacks_it() -> None:
    def line(verb: str, side: str, name: str, **values: Any) -> Act:
        return Act(verb=verb, side=side, entity="orders", trace="o1", line=name, values=values)

    events = {
        "1 people between 1": [Act(verb="create", side="erp", entity="orders", trace="o1", values={"text": "v2"})],
        "2 people between 1": [line("add line", "crm", "n1", quantity=Decimal("5.25"))],
        "2 erp update orders 1": [Act(verb="edit", side="erp", entity="orders", trace="o1", values={"text": "v8"})],
    }
    assert not _ends_badly(events, sides=_THREE)


def test_a_new_line_is_not_taken_for_one_that_was_removed_before_it_could_be_added_there() -> None:
    def line(verb: str, side: str, name: str, **values: Any) -> Act:
        return Act(verb=verb, side=side, entity="orders", trace="o1", line=name, values=values)

    events = {
        "1 people between 1": [
            Act(verb="create", side="erp", entity="products", trace="p1", values={"code": "v1c"}),
            Act(verb="create", side="erp", entity="orders", trace="o1", values={"text": "v2"}),
        ],
        "2 people between 1": [
            line("add line", "erp", "n1", product="p1"),
            Act(verb="edit", side=BC, entity="orders", trace="o1", values={"text": "v4"}),
        ],
        "2 erp update orders 1": [line("remove line", "erp", "n1")],
        "2 crm update orders 1": [
            line("add line", "crm", "n2", product="p1", quantity=Decimal("7.25")),
        ],
    }
    assert not _ends_badly(events, sides=_THREE)


@pytest.mark.parametrize("fault", [Fault(name="busy", seconds=1), Fault(name="cut")])
@pytest.mark.parametrize("late", ["crm", "erp"])
def test_what_is_taken_back_before_it_has_arrived_everywhere_is_taken_back_everywhere(late: str, fault: Fault) -> None:
    """Its own side, which is read again, says what it was last known to say."""
    events: dict[str, Sequence[Event]] = {
        **_MADE,
        "2 people between 1": [_customer("edit", BC, terms="v5"), _customer("edit", late, name="v6")],
        f"2 {late} update customers 1": [fault],
        f"2 {BC} update customers 1": [_customer("edit", BC, terms="v3")],
    }
    assert not _ends_badly(events, sides=_THREE)


def test_what_does_not_travel_when_it_is_emptied_goes_on_to_who_has_not_got_it() -> None:
    events: dict[str, Sequence[Event]] = {
        **_MADE,
        "2 people between 1": [_customer("edit", "crm", phone="v5"), _customer("edit", "erp", name="v6")],
        f"2 {BC} update customers 1": [Fault(name="busy", seconds=1)],
        "2 crm update customers 1": [_customer("edit", "crm", phone=None)],
    }
    assert not _ends_badly(events, sides=_THREE)


def test_what_is_taken_back_in_a_line_is_taken_back_everywhere() -> None:
    def order(verb: str, side: str = "erp", line: str | None = None, **values: Any) -> Act:
        return Act(verb=verb, side=side, entity="orders", trace="o1", line=line, values=values)

    events: dict[str, Sequence[Event]] = {
        "1 people between 1": [order("create", text="v2")],
        "2 people between 1": [order("add line", line="n1", quantity=Decimal(5))],
        "3 people between 1": [
            order("edit line", line="n1", quantity=Decimal(6)),
            order("edit", BC, text="v7"),
        ],
        f"3 {BC} update orders 1": [Fault(name="busy", seconds=1)],
        "3 erp update orders 1": [order("edit line", line="n1", quantity=Decimal(5))],
    }
    assert not _ends_badly(events, passes=3, sides=_THREE)


@pytest.mark.parametrize("fault", [[], [Fault(name="cut")]])
def test_what_had_not_arrived_everywhere_is_told_when_it_loses(fault: list[Event]) -> None:
    """The third, which never saw it, is edited; and where it came from cannot be written at once."""
    edited = [_customer("edit", "erp", code="v6c"), _customer("edit", "crm", name="v7")]
    events: dict[str, Sequence[Event]] = {
        **_MADE,
        "2 people between 1": [_customer("edit", "erp", name="v5")],
        f"2 {BC} update customers 1": edited,
        f"2 {BC} update customers 2, answer": fault,
        "2 erp update customers 1, answer": fault,
    }
    assert not _ends_badly(events, sides=_THREE)


def test_what_stands_without_an_answer_is_told_when_it_loses_to_who_had_not_got_it() -> None:
    events: dict[str, Sequence[Event]] = {
        **_MADE,
        "2 people between 1": [_customer("edit", BC, code="v5c")],
        "2 erp update customers 1": [_customer("edit", "erp", code="v6c")],
        "2 crm update customers 1": [Fault(name="late", seconds=2)],
    }
    assert not _ends_badly(events, sides=_THREE)
