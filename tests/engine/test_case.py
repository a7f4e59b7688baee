"""Ids of links."""

from __future__ import annotations

from uuid import UUID

import pytest

from simulation.agreement import BC, ENTITIES, flows
from syncline.engine.case import link_id
from syncline.mapping.model import Deletion

FLOW = flows(("erp", BC), dict.fromkeys(ENTITIES, Deletion.ASK))["customers"]


def _links(*ids: str) -> list[str]:
    return [link_id(FLOW, {"erp": id_}) for id_ in ids]


def test_a_link_of_the_same_records_is_the_same() -> None:
    assert _links("7") == _links("7")
    assert link_id(FLOW, {"erp": "7", BC: "8"}) == _links("7")[0]
    assert link_id(FLOW, {BC: "7"}) != _links("7")[0]


@pytest.mark.parametrize(
    "ids",
    [
        ("18a5c3b2d4e5f6a7deadbeef", "18a5c3b2d4e5f6b0deadbeef"),
        ("8a73a5f2-e344-11ea-bb43-000d3a2feca1", "8a73a5f2-e344-11eb-0000-000d3a2feca1"),
        ("1000123", "1000124"),
        ("CUS-1000", "CUS-2000"),
        ("", "-", "Æ", "零"),
    ],
)
def test_links_sort_as_their_records_do(ids: tuple[str, ...]) -> None:
    links = _links(*ids)
    assert links == sorted(links)
    assert {UUID(link).version for link in links} == {8}


def test_links_of_records_that_begin_alike_are_others() -> None:
    assert len(set(_links("CUSTOMER-1", "CUSTOMER-2", "1000", "10000", "1-000", "AB", "ab"))) == 7
