"""A group that knows its commands by name and imports one only when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """``sections`` are the commands as ``--help`` lists them: where each is (``module:name``), and what it does."""

    def __init__(self, name: str, *, sections: Mapping[str, Mapping[str, tuple[str, str]]], **options: Any) -> None:
        super().__init__(name, **options)
        self._sections = sections
        self._places = {command: place for section in sections.values() for command, (place, _) in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self._places.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, short) for name, (_, short) in commands.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Tells the nearest command for one that is misspelt."""
        name = args[0]
        if not name.startswith("-") and name not in self._places:
            from syncline.yamlfile import did_you_mean

            ctx.fail(f"There is no command '{name}'. {did_you_mean(name, self._places)}")
        return super().resolve_command(ctx, args)
