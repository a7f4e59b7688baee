"""``syncline sandbox businesscentral``: its options. What they start is imported only when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from syncline.sandbox.command import FURTHEST, SandboxCommand, notify_options


@click.command("businesscentral", cls=SandboxCommand)
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="any free one", help="On 127.0.0.1.")
@click.option("--data", type=click.Path(dir_okay=False, path_type=Path), help="SQLite file; in memory without it.")
@click.option("--open", "opened", is_flag=True, help="Ask nobody to sign in.")
@click.option("--company", "companies", multiple=True, metavar="NAME", help="Make it if it is not there; repeatable.")
@click.option("--empty", is_flag=True, help="A company that is made holds set-up codes only.")
@click.option("--generate", type=click.IntRange(min=1), metavar="N", help="A company that is made holds N customers.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed generates the same records.")
@click.option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="Written once it answers.")
@click.option("--user", help="Accept this user by basic authentication.")
@click.option("--password-env", metavar="NAME", help="The environment variable with that user's password.")
@click.option("--token-seconds", type=float, default=3600.0, show_default=True, help="How long a token lives.")
@notify_options(after=30.0)
@click.option("--client-ids", is_flag=True, help="Accept an id that a POST chooses, as a custom API page may.")
@click.option(
    "--faults",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSON file of what goes wrong, as POST /sandbox/faults takes it.",
)
@click.option("--faults-seed", type=int, help="In place of the seed that the faults file gives its chances.")
@click.option("--limits", is_flag=True, help="Hold to the operational limits of Business Central online.")
@click.option(
    "--clock-offset",
    type=click.IntRange(-FURTHEST, FURTHEST),
    default=0,
    help="Seconds that its clock is off the machine's.",
)
def businesscentral_command(**options: Any) -> None:
    """Business Central's API v2.0 as a local server.

    Sign-in by client credentials takes the client from SYNCLINE_SANDBOX_CLIENT_ID and SYNCLINE_SANDBOX_CLIENT_SECRET.
    """
    from syncline.sandbox.businesscentral.start import start

    start(**options)
