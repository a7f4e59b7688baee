"""The same worlds with their store in PostgreSQL: each takes the same course there, to the letter."""

from __future__ import annotations

from functools import partial

import pytest

from postgres import Server
from simulation.course import Course
from simulation.shrink import play
from simulation.world import configure


@pytest.mark.parametrize("three", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_a_world_takes_the_same_course_in_either_database(
    server: Server, monkeypatch: pytest.MonkeyPatch, seed: int, three: bool
) -> None:
    told = partial(play, configure(seed, three=three), telling=True)
    in_a_file = told()
    monkeypatch.setattr(Course, "place", staticmethod(lambda _: server.address()))
    on_a_server = told()
    assert not on_a_server.wrong
    assert on_a_server.story == in_a_file.story
    assert on_a_server.steps == in_a_file.steps > 10
