"""How a benchmark shows what it has measured: tables in which a bar is the plot, on the terminal and as a picture."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.bar import Bar
from rich.console import Console, RenderableType

_WIDTH = 110
"""Columns of a picture, and of what no terminal shows."""


def options(parser: argparse.ArgumentParser) -> None:
    """What every benchmark can be asked."""
    parser.add_argument("--json", action="store_true", help="Tell it to a program.")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="Write what is shown as an SVG, too.")


def bar(value: float, most: float) -> Bar:
    return Bar(most, 0, value, width=24)


def show(title: str, parts: Iterable[RenderableType], picture: Path | None) -> None:
    width = None if sys.stdout.isatty() and picture is None else _WIDTH
    console = Console(record=picture is not None, width=width, highlight=False)
    for part in parts:
        console.print(part)
    if picture:
        console.save_svg(str(picture), title=title)


def verdicts(holds: Mapping[str, bool]) -> list[str]:
    """What was promised, and whether it is so, a line each."""
    return [f"[{'green' if does else 'red'}]{'holds ' if does else 'BROKEN'}[/] {what}" for what, does in holds.items()]
