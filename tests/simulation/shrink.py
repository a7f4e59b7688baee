"""From a failing seed to its smallest story: whatever can be left out is left out, for as long as it still fails."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from simulation.course import Config, Events, memory_folder
from simulation.oracle import Wrong, judge
from simulation.script import Act, Event

_Each: TypeAlias = tuple[str, Event]


class Outcome(Struct, frozen=True, kw_only=True):
    """What a world came to."""

    wrong: Sequence[Wrong]
    events: Events
    story: Sequence[str]
    steps: int


def play(config: Config, events: Events | None = None, *, telling: bool = False) -> Outcome:
    """Run a world to its end and judge it. Whatever it raises is a failure of its own."""
    with tempfile.TemporaryDirectory(prefix="syncline-simulation-", dir=memory_folder()) as folder:
        world = config.world(Path(folder), events, telling=telling)
        try:
            world.run()
            wrong = judge(world)
        except Exception as error:
            wrong = [Wrong("!", f"{type(error).__name__}: {error}")]
        finally:
            world.close()
        steps = world.script.steps + world.people.acted
        return Outcome(wrong=wrong, events=world.script.events, story=world.story, steps=steps)


_PLAYS = 400
"""So often a world is played again at most: what is left then is small enough to be read."""


def shrink(config: Config, events: Events, check: str) -> tuple[Config, Events]:
    """The same failure with as little as possible."""
    plays = 0

    def fails(config: Config, kept: Sequence[_Each]) -> bool:
        nonlocal plays
        plays += 1
        return plays <= _PLAYS and any(wrong.check == check for wrong in play(config, _together(kept)).wrong)

    kept = [(place, event) for place, told in events.items() for event in told]
    kept = _without_records(config, kept, fails)
    kept = _fewer(config, kept, fails)
    config = _simpler(config, kept, fails)
    kept = _fewer(config, _narrower(config, kept, fails), fails)
    return config, _together(kept)


_Fails: TypeAlias = Callable[[Config, Sequence[_Each]], bool]


def _together(kept: Sequence[_Each]) -> Events:
    events: dict[str, list[Event]] = {}
    for place, event in kept:
        events.setdefault(place, []).append(event)
    return events


def _without_records(config: Config, kept: list[_Each], fails: _Fails) -> list[_Each]:
    for trace in sorted({event.trace for _, event in kept if isinstance(event, Act)}):
        fewer = [each for each in kept if not (isinstance(each[1], Act) and each[1].trace == trace)]
        if fails(config, fewer):
            kept = fewer
    return kept


def _fewer(config: Config, kept: list[_Each], fails: _Fails) -> list[_Each]:
    """Halves, quarters, and so on to single events, until none can be spared."""
    size = max(len(kept) // 2, 1)
    while True:
        at, spared = 0, False
        while at < len(kept):
            fewer = kept[:at] + kept[at + size :]
            if fails(config, fewer):
                kept, spared = fewer, True
            else:
                at += size
        if size == 1 and not spared:
            return kept
        size = max(size // 2, 1)


def _narrower(config: Config, kept: list[_Each], fails: _Fails) -> list[_Each]:
    """Acts that touch fewer properties, and are listed at once."""
    for at, (place, whole) in enumerate(kept):
        event = whole
        if not isinstance(event, Act):
            continue
        for name in [n for n in event.values if n != "code"]:  # by which a record is found to be another's twin
            values = {n: value for n, value in event.values.items() if n != name}
            narrower = [*kept[:at], (place, replace(event, values=values)), *kept[at + 1 :]]
            if values and fails(config, narrower):
                kept, event = narrower, replace(event, values=values)
        if event.hidden:
            narrower = [*kept[:at], (place, replace(event, hidden=0)), *kept[at + 1 :]]
            kept = narrower if fails(config, narrower) else kept
    return kept


def _simpler(config: Config, kept: Sequence[_Each], fails: _Fails) -> Config:
    """Systems without what does not matter."""
    for side in config.styles:
        for name, plain in config.styles[side].PLAIN.items():
            style = replace(config.styles[side], **{name: plain})
            simpler = replace(config, styles={**config.styles, side: style})
            if style != config.styles[side] and fails(simpler, kept):
                config = simpler
    for passes in range(1, config.passes):
        if fails(replace(config, passes=passes), kept):
            return replace(config, passes=passes)
    return config
