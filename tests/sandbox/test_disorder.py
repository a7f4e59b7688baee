from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from syncline.sandbox.notifications import Settings, disordered


@given(st.lists(st.integers(), unique=True), st.floats(0, 1), st.booleans(), st.integers())
def test_disorder_loses_nothing_and_follows_its_seed(
    entries: list[int], duplicate: float, reorder: bool, seed: int
) -> None:
    settings = Settings(window_seconds=0, duplicate=duplicate, reorder=reorder)
    sent, again = disordered(entries, settings, Random(seed))
    assert sorted(sent) == sorted(entries)
    assert set(again) <= set(entries)
    assert len(set(again)) == len(again)
    assert reorder or sent == entries
    assert (sent, again) == disordered(entries, settings, Random(seed))
    assert disordered(entries, Settings(window_seconds=0), Random(seed)) == (entries, [])
    assert disordered(entries, Settings(window_seconds=0, duplicate=1), Random(seed)) == (entries, entries)
