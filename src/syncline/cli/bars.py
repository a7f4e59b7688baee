"""How far long work has come, on standard error, for whoever watches a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from syncline.engine.report import Progress, Quiet

if TYPE_CHECKING:
    from rich import progress as rich


class Bars:
    """One bar for each side of a flow that is read, and one for each flow that is worked off."""

    def __init__(self, bars: rich.Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, rich.TaskID] = {}

    def reading(self, flow: str, side: str, records: int, total: int | None) -> None:
        self._show(f"{flow}: read {side}", records, total)

    def working(self, flow: str, done: int, total: int) -> None:
        self._show(f"{flow}: work", done, total)

    def _show(self, label: str, done: int, total: int | None) -> None:
        if label not in self._tasks:
            if not (done or total):
                return  # an idle side is no news
            self._tasks[label] = self._bars.add_task(label, total=total)
        self._bars.update(self._tasks[label], completed=done, total=total)


@contextmanager
def counted() -> Iterator[Callable[[str, str, int, int], None]]:
    """One bar of steps: which flow, which step, how many are done, and how many there are."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None)

        def step(flow: str, name: str, done: int, total: int) -> None:
            bars.update(task, description=f"{flow}: {name}", completed=done, total=total)

        yield step


@contextmanager
def watched() -> Iterator[Progress]:
    """Bars while the work lasts, where somebody can see them."""
    if not sys.stderr.isatty():
        yield Quiet()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield Bars(bars)
