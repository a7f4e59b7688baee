"""What every command is told: the project's folder, how much is to be said, and who says it."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from syncline.project import Project


class App:
    """The options that stand before the command."""

    def __init__(self, folder: Path, *, verbose: bool) -> None:
        self.folder = folder
        self.verbose = verbose
        self._project: Project | None = None

    def project(self) -> Project:
        """Read once. Raises `ProjectError`."""
        from syncline.project import load

        self._project = self._project or load(self.folder)
        return self._project


pass_app = click.make_pass_decorator(App)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else on standard output.")
flow_option = click.option("--flow", metavar="NAME", help="Only this flow.")

# Of who stays: `run` and `worker`.
every_option = click.option(
    "--every",
    type=click.FloatRange(0.1),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="The pause between looks at what no webhook announces.",
)
sweep_option = click.option(
    "--sweep",
    type=click.FloatRange(0.1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="The pause between looks at everything.",
)
log_option = click.option(
    "--log",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How it tells what happens: to people, or an object a line.",
)


def who() -> str:
    """The person at this machine, as its journal tells; by number, where the machine has no name for them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def check_flow(project: Project, flow: str | None) -> None:
    """Raises `click.BadParameter` for a flow that there is not."""
    if flow is not None and flow not in project.flows:
        raise click.BadParameter(f"no flow is called {flow}; there are: {', '.join(project.flows)}.")
