"""Who may ask: client credentials exchanged for a token that does not last, or a user with a web-service key."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from syncline.sandbox.businesscentral.errors import refused
from syncline.sandbox.businesscentral.service import Answer
from syncline.sandbox.clock import Clock

SCOPE = "https://api.businesscentral.dynamics.com/.default"


class Credentials(Struct, frozen=True, kw_only=True):
    """What is accepted: by name, the secret. Nothing accepted at all means that nobody is asked."""

    clients: Mapping[str, str] = {}
    users: Mapping[str, str] = {}
    token_seconds: float = 3600.0

    def __repr__(self) -> str:
        return f"Credentials(clients={list(self.clients)}, users={list(self.users)})"


class SignIn:
    """The tokens given out, and whether a request may pass."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._tokens: dict[str, tuple[float, str]] = {}

    def check(self, authorization: str) -> None:
        """Raises `ApiError` unless the header names someone who may ask."""
        if self.who(authorization) is None:
            raise refused(401, "The server has rejected the client credentials.")

    def who(self, authorization: str) -> str | None:
        """The client or user that a header names, ``None`` where they may not ask; nobody in particular if all may."""
        if not (self._credentials.clients or self._credentials.users):
            return ""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer":
            until, client = self._tokens.get(value, (0.0, ""))
            return client if until > self._clock.passed() else None
        return self._user(value) if scheme.lower() == "basic" else None

    def token(self, form: bytes) -> Answer:
        """Exchange client credentials for a token, as OAuth 2.0 has it."""
        asked = {name: values[0] for name, values in parse_qs(form.decode("utf-8", "replace")).items()}
        if asked.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type", "Only client_credentials is served.")
        expected = self._credentials.clients.get(asked.get("client_id", ""))
        if expected is None or not _same(expected, asked.get("client_secret", "")):
            return _oauth_error(401, "invalid_client", "The client id or the client secret is wrong.")
        if asked.get("scope") != SCOPE:
            return _oauth_error(400, "invalid_scope", f"The scope must be {SCOPE}.")
        token = secrets.token_urlsafe(32)
        seconds = self._credentials.token_seconds
        now = self._clock.passed()
        self._tokens = {known: kept for known, kept in self._tokens.items() if kept[0] > now}
        self._tokens[token] = (now + seconds, f"client {asked['client_id']}")
        body = {"token_type": "Bearer", "expires_in": int(seconds), "access_token": token}
        return Answer(status=200, body=msgspec.json.encode(body))

    def _user(self, value: str) -> str | None:
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        expected = self._credentials.users.get(user)
        return f"user {user}" if expected is not None and _same(expected, password) else None


def _same(expected: str, given: str) -> bool:
    return secrets.compare_digest(expected.encode(), given.encode())


def _oauth_error(status: int, error: str, description: str) -> Answer:
    return Answer(status=status, body=msgspec.json.encode({"error": error, "error_description": description}))
