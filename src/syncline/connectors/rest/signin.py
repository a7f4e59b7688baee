"""How a declared system is signed in to: by the kind that the declaration says, and its secrets."""

from __future__ import annotations

from collections.abc import Mapping

from yarl import URL

from syncline.connectors import signin
from syncline.connectors.base import ConnectorError
from syncline.connectors.rest.declaration import Basic, Bearer, KeyHeader, NoSignIn, OAuth, SignIn


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


def auth_from(system: str, base: URL, sign_in: SignIn, secrets: Mapping[str, str]) -> signin.Auth:
    """What to show. Without any secrets that is nothing: a system that is open to this machine.

    Raises `ConnectorError` for a secret that is missing.
    """
    if not secrets:
        return signin.Anonymous()
    if absent := [name for name in secrets_needed(sign_in) if name not in secrets]:
        raise ConnectorError(system, f"{' and '.join(absent)} missing for the sign-in.", "Name it in syncline.yaml.")
    match sign_in:
        case Bearer():
            return signin.Bearer(secrets["token"])
        case Basic():
            return signin.Basic(secrets["user"], secrets["password"])
        case KeyHeader(name=name):
            return signin.Key(name, secrets["key"])
        case OAuth():
            return signin.ClientCredentials(
                token_url=str(base.join(URL(sign_in.token_url))),
                client_id=secrets["clientId"],
                client_secret=secrets["clientSecret"],
                scope=sign_in.scope,
            )
        case NoSignIn():
            return signin.Anonymous()
