"""Passes that are told to end before all is done: what is left is due, nothing of it is lost, and edits go first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.models import Models, between_models
from simulation.agreement import BC
from syncline.engine import sync as passes
from syncline.engine.sync import look

ERP = "erp"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Models]:
    """A turn has 20 records."""
    monkeypatch.setattr(passes, "_SHORT", 20)
    with between_models(tmp_path) as found:
        yield found


def enough() -> bool:
    return True


def test_a_pass_ends_after_a_turn_when_it_is_enough_and_says_so(models: Models) -> None:
    models.customers(50)
    results = [models.sync(until=enough) for _ in range(3)]
    assert [each.flows["customers"].created[BC] for each in results] == [20, 20, 10]
    assert all(each.more for each in results)
    assert not models.sync(until=lambda: False).more
    assert sorted(models.held(BC, "name")) == sorted(f"c{n}" for n in range(50))
    assert models.sync().writes == 0


def test_an_edit_goes_before_what_is_there_for_the_first_time(models: Models) -> None:
    models.create(ERP, "known")
    models.sync()
    models.customers(50)
    assert models.sync(until=enough).more
    models.change(ERP, "known", phone="112")
    result = models.run(look(models.setup, [("customers", ERP)], until=enough))
    assert models.held(BC, "phone")["known"] == "112"
    assert result.flows["customers"].created[BC] == 20
    assert len(models.held(BC, "phone")) == 1 + 40
