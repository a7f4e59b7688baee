"""Worlds of the real connectors between the real sandboxes, the same ones every time (docs/correctness.md)."""

from __future__ import annotations

import pytest

from simulation.elsewhere import told_elsewhere
from simulation.run import story
from simulation.shrink import play
from simulation.wired.world import configure

_BLOCKS = 4
_STEPS = 2_000
"""Each block plays its worlds until it has taken so many steps."""


@pytest.mark.parametrize("block", range(_BLOCKS))
def test_nothing_is_lost_or_doubled_between_the_real_connectors(block: int) -> None:
    seed, steps = block * 1_000, 0
    while steps < _STEPS:
        played = play(configure(seed))
        assert not played.wrong, story(seed, "wire")
        steps += played.steps
        seed += 1


def test_a_wired_world_is_the_same_in_every_process() -> None:
    """Ids, versions, tokens and pauses come from the seed, and no set is walked through.

    Each process is a new one: what a library keeps of an earlier world in the same one may move a request by a moment.
    """
    told = told_elsewhere("wire", 7)
    assert len(told) > 1_000
    assert told_elsewhere("wire", 7, hashed=1) == told


def test_a_wired_world_can_be_replayed_from_what_happened_in_it() -> None:
    drawn = play(configure(4), telling=True)
    assert play(configure(4), drawn.events, telling=True).story == drawn.story
