"""What of a write has arrived: a side holds it as it would hold it, or it holds something else."""

from __future__ import annotations

from reconcile.agreement import PROPERTIES
from syncline.reconcile.settle import landed, passed_on


def test_what_landed_is_told_as_the_side_spells_it() -> None:
    sent = {"code": "ab", "name": "Anna Karlsson", "terms": "30D", "note": "n"}
    now = {"code": "AB", "name": "Anna ", "terms": "14D", "phone": "1"}
    assert landed(PROPERTIES, "bc", sent, now) == {"code": "AB", "name": "Anna "}
    assert landed(PROPERTIES, "erp", sent, now) == {}, "it keeps names whole and codes as they are"


def test_what_was_passed_on_is_told_as_the_side_spells_it_where_it_came_from() -> None:
    stands = {"code": "AB", "name": "Anna ", "terms": "14D", "phone": "1"}
    held = {"code": "ab", "name": "Anna Karlsson", "terms": "30D", "note": "n"}
    assert passed_on(PROPERTIES, "bc", stands, held) == {"code": "ab", "name": "Anna Karlsson"}
    assert passed_on(PROPERTIES, "erp", stands, held) == {}
