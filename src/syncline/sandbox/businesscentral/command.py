"""``syncline sandbox businesscentral``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from syncline.sandbox.serve import CannotStart, serve

CLIENT_ID = "SYNCLINE_SANDBOX_CLIENT_ID"
CLIENT_SECRET = "SYNCLINE_SANDBOX_CLIENT_SECRET"  # noqa: S105 - the variable's name


@click.command("businesscentral")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="any free one", help="On 127.0.0.1.")
@click.option("--data", type=click.Path(dir_okay=False, path_type=Path), help="SQLite file; in memory without it.")
@click.option("--open", "opened", is_flag=True, help="Ask nobody to sign in.")
@click.option("--empty", is_flag=True, help="Start a new data file with a company that has set-up codes only.")
@click.option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="Written once it answers.")
@click.option("--user", help="Accept this user by basic authentication.")
@click.option("--password-env", metavar="NAME", help="The environment variable with that user's password.")
@click.option("--token-seconds", type=float, default=3600.0, show_default=True, help="How long a token lives.")
@click.option("--client-ids", is_flag=True, help="Accept an id that a POST chooses, as a custom API page may.")
def businesscentral_command(  # noqa: PLR0917 - click passes them by name
    port: int,
    data: Path | None,
    opened: bool,
    empty: bool,
    ready_file: Path | None,
    user: str | None,
    password_env: str | None,
    token_seconds: float,
    client_ids: bool,
) -> None:
    """Business Central's API v2.0 as a local server.

    Sign-in by client credentials takes the client from SYNCLINE_SANDBOX_CLIENT_ID and SYNCLINE_SANDBOX_CLIENT_SECRET.
    """
    from syncline.sandbox.businesscentral.app import create_app
    from syncline.sandbox.businesscentral.company import MEMORY, Unusable
    from syncline.sandbox.businesscentral.signin import Credentials
    from syncline.sandbox.businesscentral.writing import Options

    credentials = Credentials(clients=_client(), users=_user(user, password_env), token_seconds=token_seconds)
    if not (opened or credentials.clients or credentials.users):
        raise CannotStart(f"nobody could sign in: give --open, or --user with --password-env, or set {CLIENT_ID}")
    try:
        app = create_app(
            data or MEMORY, open=opened, empty=empty, credentials=credentials, options=Options(client_ids=client_ids)
        )
    except Unusable as error:
        raise CannotStart(
            f"{data} cannot be used as the data of this sandbox ({error}): name another file with --data"
        ) from None
    serve(app, port=port, ready_file=ready_file)


def _client() -> dict[str, str]:
    client, secret = os.environ.get(CLIENT_ID), os.environ.get(CLIENT_SECRET)
    if client and not secret:
        raise CannotStart(f"{CLIENT_ID} is set, but {CLIENT_SECRET} is not")
    return {client: secret} if client and secret else {}


def _user(user: str | None, password_env: str | None) -> dict[str, str]:
    if not user:
        return {}
    password = os.environ.get(password_env or "")
    if not password:
        raise CannotStart(f"the password of {user} is missing: --password-env names the variable that holds it")
    return {user: password}
