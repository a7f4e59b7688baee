"""Alerts on their way to people: posted to an address, or mailed. What keeps one back is told without any secret."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate
from typing import Protocol

import aiohttp
import msgspec
from msgspec import to_builtins

from syncline.project.watched import Alerts, Email
from syncline.runtime.alerts import Alert

_PATIENCE = 15.0
"""Seconds that whoever is sent to is given."""


class NotSent(Exception):
    """Why not; it may go later."""


class Target(Protocol):
    """Somebody to be told."""

    async def send(self, project: str, alert: Alert) -> None:
        """``project`` is what its people call it. Raises `NotSent`."""


def targets(alerts: Alerts, secrets: Mapping[str, str]) -> dict[str, Target]:
    """By how they are told. ``secrets`` are by their environment variables."""
    found: dict[str, Target] = {}
    if alerts.webhook is not None:
        found["webhook"] = Webhook(secrets[alerts.webhook])
    if alerts.email is not None:
        user, password = alerts.email.user, alerts.email.password
        account = (secrets[user], secrets[password]) if user is not None and password is not None else None
        found["email"] = Mail(alerts.email, account)
    return found


class Webhook:
    """Posts JSON that chats take: a ``text``, and the alert's own fields."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def send(self, project: str, alert: Alert) -> None:
        told = {**to_builtins(alert), "project": project, "text": f"Syncline {project}: {alert.text}"}
        headers = {"Content-Type": "application/json"}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE)) as session,
                session.post(self._url, data=msgspec.json.encode(told), headers=headers) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:  # their words may hold the address
            raise NotSent(f"the webhook cannot be reached ({type(error).__name__})") from None
        if not 200 <= status < 300:
            raise NotSent(f"the webhook answers with status {status}")


class Mail:
    """``account`` is a user with their password."""

    def __init__(self, by: Email, account: tuple[str, str] | None) -> None:
        self._by = by
        self._account = account

    async def send(self, project: str, alert: Alert) -> None:
        message = EmailMessage()
        message["From"] = self._by.sender
        message["To"] = ", ".join(self._by.to)
        message["Date"] = formatdate()
        message["Subject"] = f"Syncline {project}: {'well again' if alert.well else alert.about}"
        message.set_content(f"{alert.text}\n\nProject {project}, {alert.at:%Y-%m-%d %H:%M} UTC\n")
        try:
            await asyncio.to_thread(self._send, message)
        except (smtplib.SMTPException, OSError) as error:
            raise NotSent(f"{self._by.server} does not take the mail ({type(error).__name__})") from None

    def _send(self, message: EmailMessage) -> None:
        with smtplib.SMTP(self._by.server, self._by.port, timeout=_PATIENCE) as server:
            if self._by.start_tls:
                server.starttls(context=ssl.create_default_context())
            if self._account is not None:
                server.login(*self._account)
            server.send_message(message)
