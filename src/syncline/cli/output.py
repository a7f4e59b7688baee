"""What is printed: results on standard output, as text or as JSON; everything else on standard error.

Text fits the terminal's width. In a pipe every row stays one line, nothing is cut, and nothing is coloured.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from syncline.engine.people.words import shown


def tell(message: str) -> None:
    """To the person, not to whoever reads the result."""
    click.echo(message, err=True)


def say(line: str = "", indent: int = 0) -> None:
    """One paragraph of a result; a terminal breaks it between words."""
    if line and sys.stdout.isatty():
        from rich.console import Console
        from rich.padding import Padding
        from rich.text import Text

        Console(highlight=False).print(Padding(Text(line), (0, 0, 0, indent)))
    else:
        click.echo(" " * indent + line)


def emit(value: Any, *, compact: bool = False) -> None:
    """A result as JSON: indented, or on one line."""
    import msgspec

    text = msgspec.json.Encoder(decimal_format="number").encode(value)
    click.echo(text if compact else msgspec.json.format(text, indent=2))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> None:
    """``right`` are the columns aligned to the right. Those and the first are never broken over several lines."""
    from rich.console import Console
    from rich.table import Table

    is_terminal = sys.stdout.isatty()
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold", collapse_padding=True)
    for at, column in enumerate(columns):
        made.add_column(
            column.upper(),
            justify="right" if column in right else "left",
            no_wrap=at == 0 or column in right or not is_terminal,
            overflow="fold",
        )
    for row in rows:
        made.add_row(*(_cell(cell) for cell in row))
    console = Console(highlight=False, width=None if is_terminal else 100_000)
    with console.capture() as printed:
        console.print(made)
    lines = printed.get().splitlines()
    for line in lines:
        click.echo(line if is_terminal else line.rstrip())


def _cell(cell: object) -> Any:
    from rich.text import Text

    return Text(shown(cell) if cell is not None else "")
