"""At least 100,000 simulated steps of many small worlds, the same ones every time (docs/correctness.md)."""

from __future__ import annotations

import pytest

from simulation.elsewhere import told_elsewhere
from simulation.run import KINDS, story
from simulation.shrink import play
from simulation.world import configure

_BLOCKS = 120
_LOOKS = 20
_LAGS = 20
_STEPS = 840
"""Each block plays its worlds until it has taken so many steps: more than 100,000 in all."""


def _play(kind: str, seed: int) -> None:
    steps = 0
    while steps < _STEPS:
        played = play(KINDS[kind](seed))
        assert not played.wrong, story(seed, kind)
        steps += played.steps
        seed += 1


@pytest.mark.parametrize("block", range(_BLOCKS))
def test_nothing_is_lost_or_doubled_in_any_world(block: int) -> None:
    _play("model", block * 100)


@pytest.mark.parametrize("block", range(_LOOKS))
def test_nothing_is_lost_or_doubled_where_only_what_is_announced_is_looked_at(block: int) -> None:
    _play("looks", 1_000 + block * 100)


@pytest.mark.parametrize("block", range(_LAGS))
def test_nothing_is_lost_or_doubled_where_many_reads_lag(block: int) -> None:
    _play("lags", block * 100)


@pytest.mark.parametrize("seed", [343, 445])
def test_what_was_just_made_is_not_made_again_though_a_replica_does_not_tell_it_yet(seed: int) -> None:
    """Its counterpart is deleted at that moment, and is to be made again."""
    _play("lags", seed)


def test_a_world_is_the_same_in_every_process() -> None:
    """Also where texts are hashed otherwise: what is not ordered by anybody would come in another order there."""
    told = "\n".join(play(configure(7), telling=True).story)
    assert len(told) > 1_000
    assert told_elsewhere("model", 7) == told


def test_a_world_can_be_replayed_from_what_happened_in_it() -> None:
    drawn = play(configure(11), telling=True)
    assert play(configure(11), drawn.events, telling=True).story == drawn.story
