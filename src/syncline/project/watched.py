"""What the configuration says of watching ``syncline run``: where it tells how it does, and whom it alarms."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

from msgspec import Struct

from syncline.project.configfile import AlertsSaid, EmailSaid, HealthSaid
from syncline.project.spelling import host_and_port, is_variable, span
from syncline.yamlfile import KeyPath

Wrong: TypeAlias = Callable[[KeyPath, str, str], None]
"""To be told where a mistake is, what is wrong, and what would mend it."""

_SPAN_MEND = "Write a whole number and a unit: 90s, 15m, 2h or 1d."
_VARIABLE_MEND = "Put it into one, and write that variable's name here."
_MAIL = re.compile(r"[^\s@<>,]+@[^\s@<>,]+")


class Health(Struct, frozen=True, kw_only=True):
    """Where it is told how ``syncline run`` does; it fails when no pass went well for ``failing_after``."""

    host: str
    port: int
    failing_after: timedelta


class Levels(Struct, frozen=True, kw_only=True):
    """More than any of these, ``lasting`` so long, is for people to know; ``None`` is as much as one likes.

    ``lag`` is for how long the longest due record of a flow is due, ``parked`` how many records are parked for a
    person, ``failures`` how many passes failed in a row: here as many are too many already.
    """

    lag: timedelta | None
    parked: int | None
    failures: int | None
    lasting: timedelta


class Email(Struct, frozen=True, kw_only=True):
    """By which server mail is sent; ``user`` and ``password`` are environment variables."""

    to: tuple[str, ...]
    sender: str
    server: str
    port: int
    start_tls: bool
    user: str | None
    password: str | None


class Alerts(Struct, frozen=True, kw_only=True):
    """What people are told of, and how; ``webhook`` is the environment variable that holds the address."""

    levels: Levels
    webhook: str | None
    email: Email | None

    @property
    def variables(self) -> dict[KeyPath, str]:
        """The environment variables that are needed, by where they are named."""
        named: dict[KeyPath, str | None] = {("alerts", "webhook"): self.webhook}
        if self.email is not None:
            named |= {
                ("alerts", "email", "user"): self.email.user,
                ("alerts", "email", "password"): self.email.password,
            }
        return {at: name for at, name in named.items() if name is not None}


def read_health(said: HealthSaid, wrong: Wrong) -> Health | None:
    """``None`` where something is wrong in it."""
    listen, failing_after = host_and_port(said.listen), span(said.failing_after)
    if listen is None:
        wrong(("health", "listen"), "is not a place to listen.", "Write it as 127.0.0.1:8472.")
    if not failing_after:
        wrong(("health", "failingAfter"), "is not a span of time.", _SPAN_MEND)
    if listen is None or not failing_after:
        return None
    return Health(host=listen[0], port=listen[1], failing_after=failing_after)


def read_alerts(said: AlertsSaid, wrong: Wrong) -> Alerts | None:
    """``None`` where something is wrong in it that leaves too little."""
    lag = span(said.lag) if said.lag is not None else None
    lasting = span(said.lasting)
    if said.lag is not None and lag is None:
        wrong(("alerts", "lag"), "is not a span of time.", _SPAN_MEND)
    if lasting is None:
        wrong(("alerts", "for"), "is not a span of time.", _SPAN_MEND)
    if said.parked is not None and said.parked < 0:
        wrong(("alerts", "parked"), "must be at least 0.", "")
    if said.failures is not None and said.failures < 1:
        wrong(("alerts", "failures"), "must be at least 1.", "")
    if said.lag is None and said.parked is None and said.failures is None:
        wrong(("alerts",), "names no level.", "Say one or more of lag, parked and failures.")
    if said.webhook is None and said.email is None:
        wrong(("alerts",), "tells nobody.", "Say webhook or email, or both.")
    if said.webhook is not None and not is_variable(said.webhook):  # not told back: the address is a secret
        wrong(("alerts", "webhook"), "is not the name of an environment variable.", _VARIABLE_MEND)
    email = None if said.email is None else _email(said.email, wrong)
    if lasting is None:
        return None
    levels = Levels(lag=lag, parked=said.parked, failures=said.failures, lasting=lasting)
    return Alerts(levels=levels, webhook=said.webhook, email=email)


def _email(said: EmailSaid, wrong: Wrong) -> Email:
    to = (said.to,) if isinstance(said.to, str) else tuple(said.to)
    for key, addresses in (("to", to), ("from", (said.sender,))):
        if not addresses or not all(_MAIL.fullmatch(address) for address in addresses):
            wrong(("alerts", "email", key), "is not an address of mail.", "Write it as ops@example.com.")
    if not 0 < said.port <= 65_535:
        wrong(("alerts", "email", "port"), "is not a port.", "Usual are 587 and 25.")
    for key, variable in (("user", said.user), ("password", said.password)):
        if variable is not None and not is_variable(variable):
            wrong(("alerts", "email", key), "is not the name of an environment variable.", _VARIABLE_MEND)
    if (said.user is None) != (said.password is None):
        wrong(("alerts", "email"), "needs user and password, or neither.", "")
    if said.user is not None and not said.start_tls:
        wrong(("alerts", "email", "startTls"), "would send the password for all to read.", "Leave it true.")
    return Email(
        to=to,
        sender=said.sender,
        server=said.server,
        port=said.port,
        start_tls=said.start_tls,
        user=said.user,
        password=said.password,
    )
