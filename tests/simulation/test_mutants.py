"""The proof that the proof can fail: each deliberate fault in the engine is found within so many worlds."""

from __future__ import annotations

import pytest

from simulation.mutants import MUTANTS
from simulation.shrink import play
from simulation.world import configure

_WORLDS = 200


@pytest.mark.parametrize("name", MUTANTS)
def test_a_deliberate_fault_is_found(name: str) -> None:
    with MUTANTS[name].at_work():
        assert any(play(configure(seed)).wrong for seed in range(_WORLDS)), MUTANTS[name].what
