"""Starts the sandbox as the command line asks."""

from __future__ import annotations

import os
from pathlib import Path

from syncline.sandbox.businesscentral.app import create_app
from syncline.sandbox.businesscentral.company import MEMORY, Unusable
from syncline.sandbox.businesscentral.conditions.limits import LENIENT, Limits
from syncline.sandbox.businesscentral.contents.provide import LONGEST_NAME, Contents
from syncline.sandbox.businesscentral.signin import Credentials
from syncline.sandbox.businesscentral.writing import Options
from syncline.sandbox.clock import Clock
from syncline.sandbox.command import FURTHEST, CannotStart
from syncline.sandbox.faults import Order, parse, seeded
from syncline.sandbox.notifications import Notify
from syncline.sandbox.serve import serve

CLIENT_ID = "SYNCLINE_SANDBOX_CLIENT_ID"
CLIENT_SECRET = "SYNCLINE_SANDBOX_CLIENT_SECRET"  # noqa: S105 - the variable's name


def start(
    *,
    port: int,
    data: Path | None,
    opened: bool,
    companies: tuple[str, ...],
    empty: bool,
    generate: int | None,
    seed: int,
    ready_file: Path | None,
    user: str | None,
    password_env: str | None,
    token_seconds: float,
    client_ids: bool,
    notify_after: float,
    notify_any_host: bool,
    faults: Path | None,
    faults_seed: int | None,
    clock_offset: int,
    limits: bool,
) -> None:
    """Serve until told to stop. Raises `CannotStart`."""
    if not 0 < token_seconds < FURTHEST:
        raise CannotStart(f"--token-seconds {token_seconds}: a token lives for some seconds, fewer than {FURTHEST}")
    credentials = Credentials(clients=_client(), users=_user(user, password_env), token_seconds=token_seconds)
    if not (opened or credentials.clients or credentials.users):
        raise CannotStart(f"nobody could sign in: give --open, or --user with --password-env, or set {CLIENT_ID}")
    options = Options(client_ids=client_ids)
    notify = Notify(after=notify_after, any_host=notify_any_host)
    order = _order(faults, faults_seed)
    if empty and generate:
        raise CannotStart("--empty and --generate ask for different companies: give one of them")
    contents = Contents(companies=_names(companies), empty=empty, customers=generate, seed=seed)
    try:
        app = create_app(
            data or MEMORY,
            open=opened,
            contents=contents,
            credentials=credentials,
            options=options,
            notify=notify,
            order=order,
            clock=Clock(clock_offset),
            limits=Limits() if limits else LENIENT,
        )
    except Unusable as error:
        message = f"{data} cannot be used as the data of this sandbox ({error}): name another file with --data"
        raise CannotStart(message) from None
    serve(app, port=port, ready_file=ready_file)


def _order(faults: Path | None, seed: int | None) -> Order:
    if faults is None:
        if seed is not None:
            raise CannotStart("--faults-seed is for the chances in a faults file: name one with --faults")
        return Order()
    try:
        return seeded(parse(faults.read_bytes()), seed)
    except OSError as error:
        raise CannotStart(f"the faults file {faults} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CannotStart(f"the faults file {faults} holds no faults: {error}") from None


def _names(companies: tuple[str, ...]) -> tuple[str, ...]:
    for name in companies:
        if not name.strip() or len(name) > LONGEST_NAME:
            raise CannotStart(f"'{name}' cannot name a company: --company takes 1 to {LONGEST_NAME} characters")
    return companies


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
