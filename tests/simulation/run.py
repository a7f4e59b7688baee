"""Many worlds on all cores: ``python -m simulation.run SEEDS [START [KIND]]``. Tells steps a second; 1 if a seed fails.

``wire`` are worlds of the real connectors and sandboxes, ``three`` those of three model systems each, ``looks`` those
where most passes look only where something was announced, ``lags`` those of three where many reads lag.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from msgspec import Struct

from simulation import world
from simulation.course import Config
from simulation.oracle import Wrong
from simulation.shrink import play, shrink
from simulation.wired import world as wired

_TOLD = 3
"""So many failures are shrunk and told; of the others only the seed."""


class Tried(Struct, frozen=True):
    seed: int
    steps: int
    wrong: Sequence[Wrong]


KINDS: Mapping[str, Callable[[int], Config]] = {
    "model": world.configure,
    "three": partial(world.configure, three=True),
    "looks": partial(world.configure, looks=True),
    "lags": partial(world.configure, three=True, lags=True),
    "wire": wired.configure,
}


def attempt(seed: int, kind: str = "model") -> Tried:
    played = play(KINDS[kind](seed))
    return Tried(seed, played.steps, played.wrong)


def story(seed: int, kind: str = "model") -> str:
    """What happened in a failing seed, without all that does not matter."""
    config = KINDS[kind](seed)
    first = play(config)
    if not first.wrong:
        return f"Seed {seed}: nothing is wrong."
    config, events = shrink(config, first.events, first.wrong[0].check)
    told = play(config, events, telling=True)
    kept = sum(map(len, events.values()))
    lines = [
        f"Seed {seed}, with {kept} of {sum(map(len, first.events.values()))} events:",
        *(f"  {side}: {style}" for side, style in config.styles.items()),
        f"  deletions: {', '.join(f'{entity} {policy.value}' for entity, policy in config.delete.items())}",
        *(f"{number:4} {line}" for number, line in enumerate(told.story, start=1)),
        *(f"  WRONG {wrong}" for wrong in told.wrong),
        "To replay it:",
        f"  {config!r}",
        *(f"  {place!r}: {list(happened)!r}," for place, happened in events.items()),
    ]
    return "\n".join(lines)


def results(seeds: range, kind: str) -> Iterator[Tried]:
    workers = min(os.cpu_count() or 1, len(seeds))
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(
            partial(attempt, kind=kind), seeds, chunksize=max(1, min(20, len(seeds) // workers))
        )


def main(arguments: Sequence[str]) -> int:
    count, start = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0
    kind = arguments[2] if len(arguments) > 2 else "model"
    began, told, steps, failed = time.monotonic(), time.monotonic(), 0, []
    for done, tried in enumerate(results(range(start, start + count), kind), start=1):
        steps += tried.steps
        if tried.wrong:
            failed.append(tried.seed)
            print(f"seed {tried.seed}: {tried.wrong[0]}", flush=True)
        if time.monotonic() - told > 10:
            told = time.monotonic()
            print(f"{done} of {count} seeds, {steps} steps, {steps / (told - began):.0f} a second", flush=True)
    lasted = time.monotonic() - began
    pace = f"{steps} steps in {lasted:.0f} s ({steps / lasted:.0f} a second)"
    print(f"{count} seeds from {start}: {pace}, {len(failed)} failed")
    for seed in sorted(failed)[:_TOLD]:
        print(f"\n{story(seed, kind)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
