"""The proof that the wired proof can fail: each deliberate fault is found in a world in which nothing else is wrong.

How many worlds it takes from seed 0 on is in docs/correctness.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from simulation.shrink import play
from simulation.wired.mutants import MUTANTS
from simulation.wired.world import configure

_WORLD: Mapping[str, int] = {
    "broken connection": 7,
    "any version in central": 10,
    "any version by rest": 24,
    "no overlap": 37,
    "failed is busy": 189,
    "no key": 461,
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_deliberate_fault_in_a_connector_is_found(name: str) -> None:
    world = configure(_WORLD[name])
    with MUTANTS[name].at_work():
        assert play(world).wrong, MUTANTS[name].what
    assert not play(world).wrong
