"""Signing in over HTTP: from secrets to the header that every request carries.

Secrets are read from the environment by whoever reads the configuration, and shown nowhere.
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import TypeAlias

import aiohttp
import msgspec
from msgspec import Struct

from syncline.connectors.base import SignInRefused

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_EARLY = 60.0
_EARLY_PART = 0.1
"""A token is renewed so many seconds, or this part of its life if that is less, before its end."""


class Anonymous(Struct, frozen=True):
    """A system that asks nobody to sign in."""


class Bearer(Struct, frozen=True):
    token: str

    def __repr__(self) -> str:
        return "Bearer(***)"


class Basic(Struct, frozen=True):
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Basic({self.user!r}, ***)"


class Key(Struct, frozen=True):
    """A key in a header of its own."""

    header: str
    key: str

    def __repr__(self) -> str:
        return f"Key({self.header!r}, ***)"


class ClientCredentials(Struct, frozen=True, kw_only=True):
    """OAuth 2.0: a client id and secret, exchanged for tokens at ``token_url``."""

    token_url: str
    client_id: str
    client_secret: str
    scope: str = ""

    def __repr__(self) -> str:
        return f"ClientCredentials({self.token_url!r}, {self.client_id!r}, ***)"


Auth: TypeAlias = Anonymous | Bearer | Basic | Key | ClientCredentials


class NoToken(Exception):
    """The token endpoint is not to be had just now."""


class _Token(Struct):
    access_token: str
    expires_in: float = 3600.0


class SignIn:
    """What one system is shown. However many requests wait for a token, it is fetched once."""

    def __init__(self, system: str, auth: Auth) -> None:
        self.fetched = 0
        """How many tokens were asked for."""
        self._system = system
        self._auth = auth
        self._token = ""
        self._ends = 0.0
        self._fetching = asyncio.Lock()

    async def headers(self, session: aiohttp.ClientSession) -> Mapping[str, str]:
        """Raises `SignInRefused` and `NoToken`."""
        match self._auth:
            case Anonymous():
                return {}
            case Bearer(token):
                return {"Authorization": f"Bearer {token}"}
            case Basic(user, password):
                return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
            case Key(header, key):
                return {header: key}
            case ClientCredentials() as client:
                async with self._fetching:
                    if time.monotonic() >= self._ends:
                        await self._fetch(session, client)
                    return {"Authorization": f"Bearer {self._token}"}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Whether another try may succeed after these headers were refused: their token is then forgotten."""
        if not isinstance(self._auth, ClientCredentials):
            return False
        if refused.get("Authorization") == f"Bearer {self._token}":
            self._ends = 0.0
        return True

    async def _fetch(self, session: aiohttp.ClientSession, client: ClientCredentials) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": client.client_id,
            "client_secret": client.client_secret,
        } | ({"scope": client.scope} if client.scope else {})
        self.fetched += 1
        try:
            async with session.post(client.token_url, data=form, allow_redirects=False, timeout=_TIMEOUT) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NoToken(f"the token endpoint gives no answer: {str(error) or type(error).__name__}") from error
        if answer.status >= 500 or answer.status == 429:
            raise NoToken(f"the token endpoint answers with status {answer.status}")
        try:
            token = msgspec.json.decode(body, type=_Token)
        except msgspec.MsgspecError as error:
            message = f"The token endpoint answers with status {answer.status} and no token."
            raise SignInRefused(self._system, message, "Look at this system's client id and secret.") from error
        self._token = token.access_token
        early = min(_EARLY, token.expires_in * _EARLY_PART)
        self._ends = time.monotonic() + token.expires_in - early
