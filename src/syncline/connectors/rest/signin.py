"""Signing in: from the declared kind and the secrets to the headers that every request carries."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Mapping

import aiohttp
import msgspec
from msgspec import Struct
from yarl import URL

from syncline.connectors.base import ConnectorError, SignInRefused
from syncline.connectors.rest.declaration import Basic, Bearer, KeyHeader, NoSignIn, OAuth, SignIn

_EARLY = 60.0
"""Seconds before its end at which a token is no longer used."""


class _Token(Struct):
    access_token: str
    expires_in: float = 3600.0


def secrets_needed(sign_in: SignIn) -> tuple[str, ...]:
    """The names of the secrets that a kind of sign-in takes."""
    match sign_in:
        case Bearer():
            return ("token",)
        case Basic():
            return ("user", "password")
        case KeyHeader():
            return ("key",)
        case OAuth():
            return ("clientId", "clientSecret")
        case NoSignIn():
            return ()


class Credentials:
    """What a system is shown. Without any secrets nothing is shown: a system that is open to this machine."""

    def __init__(self, system: str, base: URL, sign_in: SignIn, secrets: Mapping[str, str]) -> None:
        """Raises `ConnectorError` for a secret that is missing."""
        if secrets and (absent := [name for name in secrets_needed(sign_in) if name not in secrets]):
            raise ConnectorError(
                system, f"{' and '.join(absent)} missing for the sign-in.", "Name it in syncline.yaml."
            )
        self._system = system
        self._base = base
        self._sign_in = sign_in if secrets else NoSignIn()
        self._secrets = secrets
        self._token = ""
        self._token_ends = 0.0
        self._fetching = asyncio.Lock()

    @property
    def renewable(self) -> bool:
        """A refusal may mean that a token has ended."""
        return isinstance(self._sign_in, OAuth)

    def renew(self) -> None:
        """Forget the token: the next request fetches another."""
        self._token_ends = 0.0

    async def headers(self, session: aiohttp.ClientSession) -> dict[str, str]:
        """Raises `SignInRefused`, and what aiohttp raises, where a token cannot be had."""
        match self._sign_in:
            case Bearer():
                return {"Authorization": f"Bearer {self._secrets['token']}"}
            case Basic():
                pair = f"{self._secrets['user']}:{self._secrets['password']}".encode()
                return {"Authorization": f"Basic {b64encode(pair).decode()}"}
            case KeyHeader(name=name):
                return {name: self._secrets["key"]}
            case OAuth() as oauth:
                async with self._fetching:
                    if time.monotonic() >= self._token_ends:
                        await self._fetch(session, oauth)
                return {"Authorization": f"Bearer {self._token}"}
            case NoSignIn():
                return {}

    async def _fetch(self, session: aiohttp.ClientSession, oauth: OAuth) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._secrets["clientId"],
            "client_secret": self._secrets["clientSecret"],
        } | ({"scope": oauth.scope} if oauth.scope else {})
        async with session.post(self._base.join(URL(oauth.token_url)), data=form) as answer:
            body = await answer.read()
        if answer.status >= 500 or answer.status == 429:
            raise aiohttp.ClientConnectionError(f"the token endpoint answers with status {answer.status}")
        try:
            token = msgspec.json.decode(body, type=_Token)
        except msgspec.MsgspecError as error:
            message = f"the token endpoint answers with status {answer.status} and no token."
            raise SignInRefused(self._system, message, "Look at this system's sign-in.") from error
        self._token = token.access_token
        self._token_ends = time.monotonic() + max(0.0, token.expires_in - _EARLY)
