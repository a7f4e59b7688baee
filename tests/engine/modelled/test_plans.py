"""What a plan tells of what would be done, and what of it is done once it was reviewed: between model systems."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.models import Models, between_models
from simulation.agreement import BC
from syncline.engine.plan import apply, plan
from syncline.engine.report import Change, Plan, PlanRow
from syncline.engine.setup import EngineError
from syncline.engine.sync import sync

ERP = "erp"


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    """In which time goes on while a plan is applied."""
    with between_models(tmp_path, feed=True) as found:
        ticks, clock = count(), found.setup.now
        found.setup = replace(found.setup, now=lambda: clock() + timedelta(microseconds=10 * next(ticks)))
        yield found


def planned(models: Models) -> Plan:
    return models.run(plan(models.setup))


def why(models: Models, reviewed: Plan) -> list[str]:
    _, refusals = models.run(apply(models.setup, reviewed))
    return [refusal.why for refusal in refusals]


def test_a_plan_tells_every_change_and_a_reference_by_its_name(models: Models) -> None:
    models.order(name="Cust")
    models.do("create", ERP, "customers", "c2", name="Other", code="k2")
    models.sync()
    models.do("edit", ERP, "orders", "o1", customer="c2", text="t2")
    models.do("edit line", ERP, "orders", "o1", "l1", text="new")
    models.do("remove line", ERP, "orders", "o1", "l2")
    (row,) = planned(models).rows
    order = models.system(ERP).named("orders", "o1")[0]
    theirs = models.system(BC).named("orders", "o1")[0]
    (pair,) = models.store.pairs("orders", None, 10)
    assert replace(row, versions={}, changes=()) == PlanRow(
        step="update",
        flow="orders",
        link=pair.link.id,
        name="ERP005",
        members={ERP: order, BC: theirs},
        target=BC,
    )
    now = {side: models.system(side).now("orders", id_) for side, id_ in ((ERP, order), (BC, theirs))}
    assert row.versions == {side: record.version for side, record in now.items() if record}
    first, second = (line.line for line in pair.shadows[ERP].lines)
    assert sorted(row.changes, key=lambda each: (each.property, each.line or "")) == [
        Change(side=BC, property="(line)", old="there", new=None, line=second, number=2),
        Change(side=BC, property="customer", old="Cust", new="Other", origin=ERP),
        Change(side=BC, property="text", old="t", new="t2", origin=ERP),
        Change(side=BC, property="text", old="lt", new="new", origin=ERP, line=first, number=1),
    ]
    assert not why(models, planned(models))
    ((_, header, lines),) = models.system(BC).records("orders")
    assert (header["text"], [line["text"] for line in lines]) == ("t2", ["new"])


def test_a_reference_to_what_has_no_name_is_told_by_its_records(models: Models) -> None:
    models.order()
    models.sync()
    left, right = models.ref(ERP, "c1"), models.ref(BC, "c1")
    models.do("edit", ERP, "orders", "o1", customer=None)
    (row,) = planned(models).rows
    (change,) = row.changes
    assert (change.old, change.new) == (f"bc/customers/{right.id}, erp/customers/{left.id}", None)


def test_a_plan_for_other_systems_is_not_applied(models: Models) -> None:
    models.customers(1)
    reviewed = replace(planned(models), systems={ERP: "another", BC: "one"})
    with pytest.raises(EngineError) as error:
        models.run(apply(models.setup, reviewed))
    assert error.value.message == "The plan is for other systems: erp is another, bc is one."
    assert error.value.mend == "Make a new plan here."
    assert not models.held(BC, "name")


def test_what_would_be_done_otherwise_by_now_is_refused_with_the_reason(models: Models) -> None:
    models.customers(3)
    models.sync()
    for trace in ("c0", "c1", "c2"):
        models.change(ERP, trace, phone="new", note="new")
    reviewed = planned(models)
    models.change(BC, "c0", terms="theirs")
    assert why(models, reviewed) == ["its record in bc has moved since the plan was made"]
    assert models.held(BC, "phone") == {"c0": "p0", "c1": "new", "c2": "new"}


def test_what_is_to_be_done_otherwise_by_the_agreement_is_refused(models: Models) -> None:
    models.customers(1)
    models.sync()
    models.change(ERP, "c0", phone="new", note="new")
    reviewed = planned(models)
    agreed = models.setup.flows["customers"]
    note = replace(agreed.properties["note"], targets=frozenset({ERP}))
    models.agree("customers", properties={**agreed.properties, "note": note})
    assert why(models, reviewed) == ["something else would be done now than was reviewed"]
    assert models.held(BC, "phone") == {"c0": "p0"}


def test_what_was_brought_in_step_since_is_told(models: Models) -> None:
    models.customers(1)
    models.sync()
    models.change(ERP, "c0", phone="new")
    reviewed = planned(models)
    models.run(sync(models.setup))
    assert models.held(BC, "phone") == {"c0": "new"}
    assert why(models, reviewed) == ["it is no longer to be done: its record has moved, or was brought in step since"]


def test_a_plan_tells_between_which_values_a_person_must_choose(models: Models) -> None:
    models.create(ERP, "a", code="K1", note="old", credit=Decimal(1))
    models.sync()
    models.change(ERP, "a", note="left")
    models.change(BC, "a", note="right")
    (row,) = planned(models).rows
    assert (row.step, row.message, row.target) == ("conflict", "note: left (erp) or right (bc), before old", None)
    assert not models.parked()
