"""What ``--help`` costs and tells, and that the documentation tells as much."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.calling import call
from syncline.cli.failing import Exit
from syncline.cli.root import root

DOCS = Path(__file__).parents[2] / "docs" / "commands.md"
ELSEWHERE = {"demo", "sandbox"}
"""Their options are documented with them."""


def commands(group: click.Group, above: str = "") -> Iterator[tuple[str, click.Command]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        if name in ELSEWHERE:
            continue
        command = group.get_command(ctx, name)
        assert command is not None
        yield f"{above}{name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")


COMMANDS = dict(commands(root))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["sync", "--help"], ["sandbox", "--help"]])
def test_help_imports_nothing_of_what_the_commands_need(arguments: list[str]) -> None:
    heavy = (
        "aiohttp",
        "sqlalchemy",
        "msgspec",
        "ruamel.yaml",
        "rich",
        "uvicorn",
        "starlette",
        "phonenumbers",
        "alembic",
    )
    script = (
        "import sys; from syncline.cli.root import root\n"
        f"root({arguments!r}, standalone_mode=False)\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.splitlines()[-1] == "[]"


def test_help_lists_every_command_and_the_exit_codes(tmp_path: Path) -> None:
    told = call(tmp_path, "--help")
    assert told.code == 0
    for name in [*COMMANDS, *ELSEWHERE]:
        assert " " in name or re.search(rf"^  {name} ", told.out, re.MULTILINE), name
    for code in Exit:
        assert re.search(rf"\b{code.value} ", told.out.partition("Exit codes:")[2])
    assert max(map(len, told.lines)) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_tell_json_and_is_documented(name: str, tmp_path: Path) -> None:
    command = COMMANDS[name]
    options = {opt for p in command.params if isinstance(p, click.Option) for opt in p.opts}
    assert "--json" in options or name == "completion"  # what a shell reads is a script
    section = re.search(rf"^### {name}\n(.*?)(?=^##)", DOCS.read_text() + "\n##", re.MULTILINE | re.DOTALL)
    assert section, f"docs/commands.md has no section {name}"
    for option in options - {"--json"}:
        assert f"`{option}" in section[1], option
    told = call(tmp_path, *name.split(), "--help")
    assert told.code == 0
    assert all(option in told.out for option in options)


def test_the_sandboxes_are_started_by_name(tmp_path: Path) -> None:
    for system in ("businesscentral", "customerp"):
        assert "--ready-file" in call(tmp_path, "sandbox", system, "--help").out
