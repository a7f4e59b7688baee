"""A new project folder: the configuration for two systems, and the shipped agreement and declarations to be edited."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from syncline.project.configfile import FILE, SCHEMA_FILE

_PACKAGE = Path(__file__).parents[1]
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_ONLINE = "api.businesscentral.dynamics.com"
_SANDBOX_PATH = "/v2.0/local/sandbox/api/v2.0/"
_API = "/api/v2.0"
_TOKEN = {"token": "SYNCLINE_CUSTOMERP_TOKEN"}

_CONFIG = """\
# yaml-language-server: $schema=syncline.schema.json
# Which systems are kept in step, by which agreement. Syncline's docs/configuration.md tells what each key says.
store: sqlite:///syncline.db

systems:
  customerp:
    connector: rest
    declaration: connectors/customerp.yaml
    url: {customerp}
{customerp_secrets}
  businesscentral:
    connector: businesscentral
    url: {central}
{company}
{central_secrets}

flows: flows
"""
_OPEN = """\
    # Nobody signs in at a local sandbox. Elsewhere, name the environment variables that hold the secrets:
    # secrets: {said}"""
_IGNORED = b"# What Syncline remembers.\nsyncline.db*\n.syncline-*\n"


class AddressError(ValueError):
    """An address that cannot be one of the system's. The text says why, and how one looks."""


class Scaffold(Struct, frozen=True, kw_only=True):
    """What was written, what was there already and left alone, and the environment variables that must be set."""

    folder: Path
    written: tuple[str, ...]
    kept: tuple[str, ...]
    variables: tuple[str, ...]


def central_root(address: str) -> str:
    """The root of Business Central's API. A local sandbox and an online environment may be named without the path.

    Raises `AddressError`.
    """
    url = _checked(address)
    path = url.path.rstrip("/")
    if not path and url.hostname in _LOOPBACK:
        path = _SANDBOX_PATH.rstrip("/")
    elif url.hostname == _ONLINE and path.count("/") == 3:
        path += _API
    if not path.endswith(_API):
        example = f"https://{_ONLINE}/v2.0/TENANT/ENVIRONMENT{_API}/"
        raise AddressError(f"{address} is not the root of Business Central's API, which looks like {example}")
    return f"{url.scheme}://{url.netloc}{path}/"


def customerp_root(address: str) -> str:
    """Customerp's address, below which the declaration's paths lie. Raises `AddressError`."""
    url = _checked(address)
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/').removesuffix('/api')}"


def scaffold(folder: Path, *, businesscentral: str, customerp: str, company: str | None) -> Scaffold:
    """Write the files that are not there yet. Raises `AddressError` before anything is written, and ``OSError``."""
    central, erp = central_root(businesscentral), customerp_root(customerp)
    central_secrets = _central_secrets(central)
    config = _CONFIG.format(
        customerp=erp,
        customerp_secrets=_secrets_said(erp, _TOKEN),
        central=central,
        company=_company(company) if company else "    # company: CRONUS   # where there is more than one",
        central_secrets=_secrets_said(central, central_secrets),
    )
    written: list[str] = []
    kept: list[str] = []
    for name, content in {FILE: config.encode(), **_copies()}.items():
        path = folder / name
        if path.exists():
            kept.append(name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(name)
    needed = [*_needed(erp, _TOKEN), *_needed(central, central_secrets)] if FILE in written else []
    return Scaffold(folder=folder, written=tuple(written), kept=tuple(kept), variables=tuple(needed))


def _copies() -> dict[str, bytes]:
    flows = sorted((_PACKAGE / "flows").glob("*.*"))
    declarations = sorted((_PACKAGE / "connectors" / "declarations").glob("*.*"))
    return (
        {SCHEMA_FILE.name: SCHEMA_FILE.read_bytes(), ".gitignore": _IGNORED}
        | {f"flows/{path.name}": path.read_bytes() for path in flows}
        | {f"connectors/{path.name}": path.read_bytes() for path in declarations}
    )


def _checked(address: str) -> SplitResult:
    url = urlsplit(address.strip())
    if url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc or url.query or url.fragment:
        raise AddressError(f"{address} is not an address: write http://host:port or https://host/path")
    return url


def _is_open(root: str) -> bool:
    url = urlsplit(root)
    return url.scheme == "http" and url.hostname in _LOOPBACK


def _central_secrets(root: str) -> dict[str, str]:
    """Online and at the sandbox, which stands for it, a client signs in; elsewhere a user with a web-service key."""
    if _is_open(root) or urlsplit(root).hostname == _ONLINE:
        return {"clientId": "BC_CLIENT_ID", "clientSecret": "BC_CLIENT_SECRET"}
    return {"user": "BC_USER", "password": "BC_PASSWORD"}


def _needed(root: str, secrets: dict[str, str]) -> list[str]:
    return [] if _is_open(root) else list(secrets.values())


def _secrets_said(root: str, secrets: dict[str, str]) -> str:
    said = "{" + ", ".join(f"{name}: {variable}" for name, variable in secrets.items()) + "}"
    return _OPEN.format(said=said) if _is_open(root) else f"    secrets: {said}"


def _company(name: str) -> str:
    """Quoted, so that YAML understands it whatever is in it."""
    quoted = name.replace("'", "''")
    return f"    company: '{quoted}'"
