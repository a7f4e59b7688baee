"""``syncline.yaml`` as people write it: its shape, and every mistake against that shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

from msgspec import Struct, field, structs

from syncline.yamlfile import Document, FileError, KeyPath, convert

FILE = "syncline.yaml"
SCHEMA_FILE = Path(__file__).with_name("syncline.schema.json")


class Said(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Strict: a key that is not known here is a mistake."""


class Secrets(Said, frozen=True, kw_only=True):
    """Names of environment variables that hold the secrets; the secrets themselves never stand in a file.

    ``token``; ``user`` and ``password``; ``clientId`` and ``clientSecret``; or the ``key`` of a system that takes one.
    """

    token: str | None = None
    user: str | None = None
    password: str | None = None
    key: str | None = None
    client_id: str | None = None
    client_secret: str | None = None

    @property
    def names(self) -> dict[str, str]:
        """The environment variable of each secret that is named."""
        spelt = {field.name: field.encode_name for field in structs.fields(self)}
        return {spelt[name]: value for name, value in structs.asdict(self).items() if value is not None}


class LimitsSaid(Said, frozen=True, kw_only=True):
    """What is asked of the system at most; what is not said stays as the connector has it."""

    requests_per_second: float | None = None
    concurrency: int | None = None


class BusinessCentralSaid(Said, frozen=True, kw_only=True, tag_field="connector", tag="businesscentral"):
    """One company of a Business Central.

    ``url`` is the API's root, which ends in ``/api/v2.0/``. ``company`` is a name or an id, and may be left out where
    there is only one. ``tokenUrl`` is where tokens come from, where that is not the tenant's endpoint at Microsoft.
    ``title`` is what people call the system.
    """

    url: str
    title: str = "Business Central"
    company: str | None = None
    secrets: Secrets = Secrets()
    token_url: str | None = None
    limits: LimitsSaid = LimitsSaid()


class RestSaid(Said, frozen=True, kw_only=True, tag_field="connector", tag="rest"):
    """A JSON API, reached as the file ``declaration`` says. The paths in it lie below ``url``.

    ``title`` is what people call the system; left out, its name with a capital.
    """

    url: str
    title: str = ""
    declaration: str
    secrets: Secrets = Secrets()
    limits: LimitsSaid = LimitsSaid()


SystemSaid: TypeAlias = BusinessCentralSaid | RestSaid


class DocumentSaid(Said, frozen=True, kw_only=True):
    """How the dataflow document begins. The introduction's paragraphs are parted by an empty line."""

    title: str = ""
    introduction: str = ""


class AcceptSaid(Said, frozen=True, kw_only=True):
    """Where ``syncline accept`` may make, change and delete records, and with which values.

    ``companies`` names the test company of each system, as the system itself calls it. ``values`` are values to try, by
    flow and property (``orders``, ``lines.taxCode``), where those that are made up or seen in records do not do.
    """

    companies: dict[str, str] = {}
    values: dict[str, dict[str, list[bool | int | float | str]]] = {}


class WebhooksSaid(Said, frozen=True, kw_only=True):
    """How the systems call ``syncline run`` when something has changed.

    ``url`` is where they reach it, perhaps through a proxy that passes calls on to ``listen`` (``host:port``).
    ``secret`` names the environment variable that holds the secret by which their calls are known.
    """

    url: str
    secret: str
    listen: str = "127.0.0.1:8471"


class HealthSaid(Said, frozen=True, kw_only=True):
    """Where ``syncline run`` tells how it does, to whoever watches it.

    ``listen`` is ``host:port``. ``failingAfter`` is for how long no pass may have gone well (``90s``, ``15m``, ``2h``)
    before it tells that it fails.
    """

    listen: str = "127.0.0.1:8472"
    failing_after: str = "15m"


class EmailSaid(Said, frozen=True, kw_only=True):
    """By which server mail is sent, from whom to whom; ``user`` and ``password`` name environment variables."""

    to: str | list[str]
    sender: str = field(name="from")
    server: str
    port: int = 587
    start_tls: bool = True
    user: str | None = None
    password: str | None = None


class AlertsSaid(Said, frozen=True, kw_only=True):
    """What people are told of while ``syncline run`` runs, and how.

    The levels: ``lag``, for how long the longest due record of a flow may be due (``10m``); ``parked``, how many
    records may be parked for a person; ``failures``, how many passes in a row are too many failed ones. A level that is
    passed ``for`` so long is told, and told again once it has not been passed for as long. ``webhook`` names the
    environment variable that holds the address that is posted to.
    """

    lag: str | None = None
    parked: int | None = None
    failures: int | None = None
    lasting: str = field(name="for", default="1m")
    webhook: str | None = None
    email: EmailSaid | None = None


class ProjectSaid(Said, frozen=True, kw_only=True):
    """Which systems are brought in step, by which agreement, and where what is remembered is kept.

    ``flows`` is a folder of flow files, or a list of them. Paths are relative to this file.
    """

    store: str = "sqlite:///syncline.db"
    systems: dict[str, SystemSaid]
    flows: str | list[str] = "flows"
    webhooks: WebhooksSaid | None = None
    health: HealthSaid | None = None
    alerts: AlertsSaid | None = None
    document: DocumentSaid = DocumentSaid()
    accept: AcceptSaid = AcceptSaid()


def read_shape(document: Document) -> tuple[ProjectSaid | None, list[FileError]]:
    """What the file says less what is wrong in it, and all that is wrong. ``None`` where too little is left."""
    mistakes: list[FileError] = []
    data = document.data
    while True:
        try:
            return convert(Document(document.file, data, document.lines), ProjectSaid), mistakes
        except FileError as error:
            if error.path or not mistakes:
                mistakes.append(error)
            if not error.path:
                return None, mistakes
            data = _without(data, error.path)


def _without(data: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    """Less the system, or else the key, in which something is wrong."""
    head = str(path[0])
    if head == "systems" and len(path) > 1:
        return data | {head: {name: said for name, said in data[head].items() if name != path[1]}}
    return {key: value for key, value in data.items() if key != head}
