"""How a Business Central is signed in to: by which secrets there are, and where it is."""

from __future__ import annotations

from collections.abc import Mapping

from yarl import URL

from syncline.connectors.base import ConnectorError
from syncline.connectors.signin import Anonymous, Auth, Basic, Bearer, ClientCredentials

SCOPE = "https://api.businesscentral.dynamics.com/.default"
ONLINE = "api.businesscentral.dynamics.com"
_AUTHORITY = "https://login.microsoftonline.com"
_KINDS = (("token",), ("user", "password"), ("clientId", "clientSecret"))


def auth_from(system: str, url: str, secrets: Mapping[str, str], token_url: str | None = None) -> Auth:
    """What to show, by the names of the secrets: ``token``; ``user`` and ``password`` (a web-service key);
    ``clientId`` and ``clientSecret``; none for a sandbox that is open.

    Tokens come from the tenant's endpoint at Microsoft; of another host, such as a sandbox, from the same place there.
    Raises `ConnectorError` for secrets that do not make up a sign-in.
    """
    if not secrets:
        return Anonymous()
    if set(secrets) == {"token"}:
        return Bearer(secrets["token"])
    if set(secrets) == {"user", "password"}:
        return Basic(secrets["user"], secrets["password"])
    if set(secrets) == {"clientId", "clientSecret"}:
        return ClientCredentials(
            token_url=token_url or _token_url(system, URL(url)),
            client_id=secrets["clientId"],
            client_secret=secrets["clientSecret"],
            scope=SCOPE,
        )
    choices = "; ".join(" and ".join(names) for names in _KINDS)
    raise ConnectorError(system, f"{', '.join(sorted(secrets))} is no sign-in.", f"Give one of: {choices}.")


def _token_url(system: str, url: URL) -> str:
    """``https://HOST/v2.0/TENANT/ENVIRONMENT/api/v2.0/`` names the tenant."""
    parts = url.parts
    if len(parts) < 3 or parts[1] != "v2.0":
        raise ConnectorError(system, f"{url} names no tenant.", "Give the address of the token endpoint.")
    authority = _AUTHORITY if url.host == ONLINE else str(url.origin())
    return f"{authority}/{parts[2]}/oauth2/v2.0/token"
