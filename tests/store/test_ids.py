"""How ids are kept: each otherwise than every other, and those of SQL Server in the order in which they were made."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from syncline.sandbox.businesscentral.ids import system_ids
from syncline.store.ids import kept, told

IDS = st.one_of(
    st.text(),
    st.uuids().map(str),
    st.text("~-1a", max_size=3),
    st.from_regex(r"[0-9a-z~]{8}-[0-9a-z~]{4}-1[0-9a-z~]{3}-[0-9a-z~]{4}-[0-9a-z~]{12}", fullmatch=True),
    st.from_regex(r"[0-9a-z~]{8}-[0-9a-z~]{4}-[0-9a-z~]{2}1[0-9a-z~]-[0-9a-z~]{4}-[0-9a-z~]{12}", fullmatch=True),
)


@given(IDS)
def test_an_id_comes_back_as_it_was(id_: str) -> None:
    """So no two of them are kept alike."""
    assert told(kept(id_)) == id_


def test_what_is_made_later_is_kept_behind() -> None:
    ids = list(islice(system_ids(), 70_000))
    assert ids != sorted(ids)
    assert sorted(ids, key=kept) == ids
