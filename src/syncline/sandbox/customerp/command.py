"""``syncline sandbox customerp``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from syncline.sandbox.command import CannotStart, SandboxCommand, notify_options

TOKEN = "SYNCLINE_CUSTOMERP_TOKEN"  # noqa: S105 - the variable's name


@click.command("customerp", cls=SandboxCommand)
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="any free one", help="On 127.0.0.1.")
@click.option("--data", type=click.Path(dir_okay=False, path_type=Path), help="SQLite file; in memory without it.")
@click.option("--open", "opened", is_flag=True, help="Ask nobody to sign in.")
@click.option("--empty", is_flag=True, help="Start a new data file without records.")
@click.option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="Written once it answers.")
@notify_options(after=0.05)
def customerp_command(
    port: int,
    data: Path | None,
    opened: bool,
    empty: bool,
    ready_file: Path | None,
    notify_after: float,
    notify_any_host: bool,
) -> None:
    """Customerp, the reference ERP, as a local server.

    Who asks must show the bearer token that stands in SYNCLINE_CUSTOMERP_TOKEN, unless the sandbox is open.
    """
    from syncline.sandbox.customerp.app import create_app
    from syncline.sandbox.customerp.database import MEMORY, Unusable
    from syncline.sandbox.notifications import Notify
    from syncline.sandbox.serve import serve

    token = None if opened else os.environ.get(TOKEN)
    if not (opened or token):
        raise CannotStart(f"nobody could sign in: put a token into {TOKEN}, or give --open")
    try:
        notify = Notify(after=notify_after, any_host=notify_any_host)
        app = create_app(data or MEMORY, token=token, empty=empty, notify=notify)
    except Unusable as error:
        raise CannotStart(
            f"{data} cannot be used as the data of this sandbox ({error}): name another file with --data"
        ) from None
    serve(app, port=port, ready_file=ready_file)
