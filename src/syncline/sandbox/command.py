"""What the commands of the sandboxes share: one line and exit code 2 for whatever keeps a sandbox from starting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

FURTHEST = 50 * 366 * 86_400
"""How many seconds a sandbox's clock may be off the machine's."""


class CannotStart(click.ClickException):
    """The sandbox cannot be started as asked: one line for the person who asked, and exit code 2."""

    exit_code = 2


class SandboxCommand(click.Command):
    """Tells a mistake in its options in one line, as everything else that keeps a sandbox from starting."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            raise CannotStart(f"{error.format_message()} (--help tells the options)") from None


def notify_options(after: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """``--notify-after`` and ``--notify-any-host``; ``after`` is how many seconds pass unless said otherwise."""
    options = (
        click.option(
            "--notify-after",
            type=click.FloatRange(0, 86_400),
            default=after,
            show_default=True,
            help="Seconds between a change and its webhook notification.",
        ),
        click.option("--notify-any-host", is_flag=True, help="Call receivers of webhooks on other machines too."),
    )

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return add
