"""Worlds that are short, and together go every way through the engine that worlds of this size can go.

They were chosen among the first 260 by the branches that each adds for its time: what mutation testing can afford.
"""

from __future__ import annotations

import pytest

from simulation.run import attempt

_MODEL = (2, 9, 10, 11, 43, 54, 60, 89, 93, 108, 114, 134, 147, 148, 189, 192, 222, 229, 233)
_THREE = (111, 135)


@pytest.mark.parametrize(("kind", "seed"), [("model", seed) for seed in _MODEL] + [("three", seed) for seed in _THREE])
def test_all_is_well_in_a_small_world(kind: str, seed: int) -> None:
    assert not attempt(seed, kind).wrong
