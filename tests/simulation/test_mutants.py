"""The proof that the proof can fail: each deliberate fault is found in a world in which nothing else is wrong.

How many worlds it takes from seed 0 on is in docs/correctness.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from simulation.mutants import MUTANTS
from simulation.shrink import play
from simulation.world import configure

_WORLD: Mapping[str, int] = {
    "no canary": 0,
    "sides instead of shadows": 0,
    "answer is known": 0,
    "sent is known": 0,
    "losers not told": 1,
    "no version": 1,
    "stale is done": 1,
    "known too soon": 1,
    "deaf to deletions": 9,
    "unknown is done": 23,
    "cursor before page": 24,
    "no waking": 31,
    "no overlap": 65,
    "resent instead of looked for": 68,
    "busy is forgotten": 92,
    "no intent": 114,
    "unknown is sent again": 114,
    "another key": 147,
    "no settling": 177,
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_deliberate_fault_is_found(name: str) -> None:
    world = configure(_WORLD[name])
    with MUTANTS[name].at_work():
        assert play(world).wrong, MUTANTS[name].what
    assert not play(world).wrong
