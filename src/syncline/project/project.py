"""From a folder to all that a turn works with. Nothing is sent to any system before everything here is found right."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from syncline.mapping.load import FlowError, load_flows
from syncline.mapping.model import Flow
from syncline.mapping.types import EntityType
from syncline.project.configfile import (
    FILE,
    AcceptSaid,
    BusinessCentralSaid,
    DocumentSaid,
    LimitsSaid,
    ProjectSaid,
    RestSaid,
    Secrets,
    SystemSaid,
    WebhooksSaid,
    read_shape,
)
from syncline.project.spelling import host_and_port, is_variable
from syncline.project.watched import Alerts, Health, read_alerts, read_health
from syncline.yamlfile import Document, FileError, KeyPath, read, with_value

if TYPE_CHECKING:  # imported late, so that what talks to no system starts quickly
    from syncline.connectors.base import Connector, Hook
    from syncline.connectors.rest.declaration import Declaration
    from syncline.connectors.wire import Paced
    from syncline.engine.setup import Setup
    from syncline.store import Store

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_ADDRESS = re.compile(r"https?://[^/\s@]+(/[^\s?#]*)?")
_SHORTEST_SECRET = 24
_FLOW_FILES = "*.yaml"
_NAME_FLOWS = "Name the folder, or the files, of the agreement."


class ProjectError(Exception):
    """Everything that is wrong with a project's files and environment, each with its place and mend."""

    def __init__(self, mistakes: Sequence[FileError]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class System(Struct, frozen=True, kw_only=True, eq=False):
    """A configured system, not yet reached. ``title`` is what people call it.

    ``entity_type`` is what it says of an entity (raises `KeyError`); ``secrets`` are the environment variables by what
    they hold; ``connect`` makes the connector from the secrets themselves, and what paces it, where that is shared.
    """

    name: str
    title: str
    url: str
    entity_type: Callable[[str], EntityType]
    secrets: Mapping[str, str]
    connect: Callable[[Mapping[str, str], Paced | None], Connector]

    def lacking(self, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The environment variables that are not set, by the secret that they hold."""
        return {secret: name for secret, name in self.secrets.items() if not environment.get(name)}


class Webhooks(Struct, frozen=True, kw_only=True):
    """Where the systems call, by the side's name below ``url``; what answers there listens on ``host`` and ``port``.

    ``secret`` is the environment variable.
    """

    url: str
    host: str
    port: int
    secret: str


class Project(Struct, frozen=True, kw_only=True, eq=False):
    """A folder that was found right. ``store`` is the address of the store; ``flows`` stand in their order.

    ``agreement`` are the flow files as they are written, by their names.
    """

    folder: Path
    store: str
    systems: Mapping[str, System]
    flows: Mapping[str, Flow]
    agreement: Mapping[str, str]
    webhooks: Webhooks | None
    health: Health | None
    alerts: Alerts | None
    introduced: DocumentSaid
    """How its dataflow document begins."""
    tested: AcceptSaid
    """Which companies may be tested in, and with what."""
    document: Document

    @property
    def sides(self) -> tuple[str, ...]:
        """The systems that some flow joins, in the order of the flows."""
        return tuple(dict.fromkeys(side for flow in self.flows.values() for side in flow.sides))

    def open_store(self) -> Store:
        """Raises `StoreError`."""
        from syncline.store import Store

        return Store.open(self.store)

    def keep_store_at(self, address: str) -> None:
        """Write so into the project's file, and leave all else in it as it is."""
        path = (self.folder / FILE).resolve()
        partial = path.with_name(path.name + ".partial")
        partial.write_text(with_value(path.read_text(encoding="utf-8"), "store", address), encoding="utf-8")
        shutil.copymode(path, partial)
        partial.replace(path)

    def connectors(
        self, environment: Mapping[str, str] = os.environ, shared: Callable[[str], Paced] | None = None
    ) -> dict[str, Connector]:
        """The systems that some flow joins, by side, not yet open. Raises `ProjectError` for variables that lack.

        ``shared`` gives what paces all those who sign in to a system as the same one, by a name for them.
        """
        used = [self.systems[side] for side in self.sides]
        if mistakes := [error for system in used for error in self._lacking(system, environment)]:
            raise ProjectError(mistakes)
        found: dict[str, Connector] = {}
        for system in used:
            secrets = {secret: environment[name] for secret, name in system.secrets.items()}
            paced = shared(_who_signs_in(system, secrets)) if shared is not None else None
            found[system.name] = system.connect(secrets, paced)
        return found

    def hooks(self, environment: Mapping[str, str] = os.environ) -> dict[str, Hook]:
        """Where each side calls, and the secret that it is told: its own, made from the one. None without webhooks.

        Raises `ProjectError` where the secret lacks or could be guessed.
        """
        from syncline.connectors.base import Hook

        if self.webhooks is None:
            return {}
        name, at = self.webhooks.secret, ("webhooks", "secret")
        secret = environment.get(name, "")
        if not secret:
            message = f"webhooks need the environment variable {name}, which is not set."
            raise ProjectError([self.document.error(at, message, "Set it.")])
        if len(secret) < _SHORTEST_SECRET:
            message = f"the environment variable {name} is shorter than {_SHORTEST_SECRET} characters."
            raise ProjectError([self.document.error(at, message, "Make up a longer one: openssl rand -base64 32")])
        return {
            side: Hook(
                url=f"{self.webhooks.url}/{side}",
                secret=hmac.new(secret.encode(), f"webhook of {side}".encode(), hashlib.sha256).digest(),
            )
            for side in self.sides
        }

    def alert_secrets(self, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
        """What alerts are sent with, by the environment variable's name. Raises `ProjectError` for those that lack."""
        variables = self.alerts.variables if self.alerts else {}
        if mistakes := [
            self.document.error(at, f"alerts need the environment variable {name}, which is not set.", "Set it.")
            for at, name in variables.items()
            if not environment.get(name)
        ]:
            raise ProjectError(mistakes)
        return {name: environment[name] for name in variables.values()}

    def check_secrets(self, environment: Mapping[str, str] = os.environ) -> None:
        """Whether the environment has all that a run needs. Raises `ProjectError`."""
        self.connectors(environment)
        self.hooks(environment)
        self.alert_secrets(environment)

    @asynccontextmanager
    async def open(self, owner: str | None = None) -> AsyncIterator[Setup]:
        """The store and the systems, ready to be worked with. ``owner`` locks the store in that command's name.

        Raises `ProjectError`, `StoreError` and `StoreLocked` before any system is reached.
        """
        from syncline.engine.clock import Clock
        from syncline.engine.setup import Setup

        async with AsyncExitStack() as stack:
            connectors = self.connectors()
            store = stack.enter_context(self.open_store())
            if owner is not None:
                stack.enter_context(store.lock(owner))
            systems = {side: await stack.enter_async_context(connector) for side, connector in connectors.items()}
            yield Setup(flows=self.flows, systems=systems, store=store, now=Clock(store.latest()).now)

    def _lacking(self, system: System, environment: Mapping[str, str]) -> Iterator[FileError]:
        for secret, name in system.lacking(environment).items():
            message = f"{system.name} needs the environment variable {name}, which is not set."
            yield self.document.error(("systems", system.name, "secrets", secret), message, "Set it.")


def load(folder: Path) -> Project:
    """Read and check ``syncline.yaml`` and every file it names. Raises `ProjectError`."""
    if not (folder / FILE).is_file():
        mend = "Name another folder with -C, or make one with: syncline init DIR"
        raise ProjectError([FileError(str(folder / FILE), 1, (), "is not there.", mend)])
    try:
        document = read(folder / FILE, FILE)
    except FileError as error:
        raise ProjectError([error]) from error
    said, mistakes = read_shape(document)
    if said is None:
        raise ProjectError(mistakes)
    reader = _Reader(folder, document, mistakes)
    store = reader.store(said.store)
    webhooks = None if said.webhooks is None else reader.webhooks(said.webhooks)
    health = None if said.health is None else read_health(said.health, reader.wrong)
    alerts = None if said.alerts is None else read_alerts(said.alerts, reader.wrong)
    systems = {name: system for name, each in said.systems.items() if (system := reader.system(name, each))}
    files = reader.flow_files(said)
    if len(systems) < len(said.systems) or mistakes:
        raise ProjectError(mistakes)  # the agreement can only be held against systems that are known
    try:
        flows = load_flows(files, {name: system.entity_type for name, system in systems.items()})
    except FlowError as error:
        raise ProjectError(error.mistakes) from error
    return Project(
        folder=folder,
        store=store,
        systems=systems,
        flows=flows,
        # A thousand companies have the same.
        agreement={file.name: sys.intern(file.read_text(encoding="utf-8")) for file in files},
        webhooks=webhooks,
        health=health,
        alerts=alerts,
        introduced=said.document,
        tested=said.accept,
        document=document,
    )


class _Reader:
    """Checks what the types alone do not catch, and gathers what is wrong."""

    def __init__(self, folder: Path, document: Document, mistakes: list[FileError]) -> None:
        self._folder = folder
        self._document = document
        self._mistakes = mistakes

    def wrong(self, at: KeyPath, message: str, mend: str = "") -> None:
        self._mistakes.append(self._document.error(at, message, mend))

    def store(self, said: str) -> str:
        """The store's address, with its file below the folder."""
        from syncline.store import StoreError
        from syncline.store.address import parse

        try:
            return str(parse(said, self._folder.absolute()))
        except StoreError as error:
            self.wrong(("store",), str(error))
            return said

    def webhooks(self, said: WebhooksSaid) -> Webhooks | None:
        before = len(self._mistakes)
        if not _ADDRESS.fullmatch(said.url):
            self.wrong(("webhooks", "url"), "is not an address.", "Write it as https://host/path, without a user.")
        listen = host_and_port(said.listen)
        if listen is None:
            self.wrong(("webhooks", "listen"), "is not a place to listen.", "Write it as 127.0.0.1:8471.")
        if not is_variable(said.secret):  # not told back: it may be the secret itself
            mend = "Put the secret into one, and write that variable's name here."
            self.wrong(("webhooks", "secret"), "is not the name of an environment variable.", mend)
        if len(self._mistakes) > before or listen is None:
            return None
        return Webhooks(url=said.url.rstrip("/"), host=listen[0], port=listen[1], secret=said.secret)

    def flow_files(self, said: ProjectSaid) -> list[Path]:
        if isinstance(said.flows, list):
            if not said.flows:
                self.wrong(("flows",), "names no flow.", _NAME_FLOWS)
            return [self._folder / name for name in said.flows]
        place = self._folder / said.flows
        if place.is_file():
            return [place]
        found = sorted(place.glob(_FLOW_FILES)) if place.is_dir() else []
        if not found:
            problem = f"has no flow files ({_FLOW_FILES})" if place.is_dir() else "is not there"
            self.wrong(
                ("flows",), f"the folder {said.flows} {problem}.", "Name the folder, or the files, of the agreement."
            )
        return found

    def system(self, name: str, said: SystemSaid) -> System | None:
        at: KeyPath = ("systems", name)
        before = len(self._mistakes)
        if not _NAME.fullmatch(name):
            self.wrong(at, "is no name of a system.", "Use letters, digits, - and _, with a letter first.")
        if not _ADDRESS.fullmatch(said.url):
            self.wrong((*at, "url"), "is not an address.", "Write it as https://host/path, without a user or a query.")
        self._check_secrets((*at, "secrets"), said.secrets)
        self._check_limits((*at, "limits"), said.limits)
        if len(self._mistakes) > before:
            return None
        return self._rest(name, said) if isinstance(said, RestSaid) else self._business_central(name, said)

    def _check_secrets(self, at: KeyPath, secrets: Secrets) -> None:
        for secret, variable in secrets.names.items():
            if not is_variable(variable):  # not told back: it may be the secret itself
                mend = "Put the secret into one, and write that variable's name here."
                self.wrong((*at, secret), "is not the name of an environment variable.", mend)

    def _check_limits(self, at: KeyPath, limits: LimitsSaid) -> None:
        if limits.requests_per_second is not None and limits.requests_per_second <= 0:
            self.wrong((*at, "requestsPerSecond"), "must be more than 0.")
        if limits.concurrency is not None and limits.concurrency < 1:
            self.wrong((*at, "concurrency"), "must be at least 1.")

    def _business_central(self, name: str, said: BusinessCentralSaid) -> System | None:
        from syncline.connectors.base import ConnectorError
        from syncline.connectors.businesscentral.schema import entity_type
        from syncline.connectors.businesscentral.signin import auth_from

        at: KeyPath = ("systems", name)
        if "/api/" not in said.url + "/":
            mend = "Write …/api/v2.0/ as the end of it; docs/configuration.md shows where it is."
            self.wrong((*at, "url"), "is not the root of Business Central's API.", mend)
            return None
        try:
            auth_from(name, said.url, said.secrets.names, said.token_url)
        except ConnectorError as error:
            self.wrong((*at, "secrets"), error.message, error.mend)
            return None
        return System(
            name=name,
            title=said.title,
            url=said.url,
            entity_type=entity_type,
            secrets=said.secrets.names,
            connect=partial(_connect_business_central, name, said),
        )

    def _rest(self, name: str, said: RestSaid) -> System | None:
        from syncline.connectors.rest.declaration import load as load_declaration
        from syncline.connectors.rest.signin import secrets_needed

        try:
            declaration = load_declaration(self._folder / said.declaration, said.declaration)
        except FileError as error:
            self._mistakes.append(error)
            return None
        given, needed = set(said.secrets.names), set(secrets_needed(declaration.sign_in))
        if given and given != needed:
            wanted = " and ".join(sorted(needed)) or "no secrets"
            message = f"{', '.join(sorted(given))} is no sign-in here: {said.declaration} asks for {wanted}."
            self.wrong(("systems", name, "secrets"), message, "Name those, or none where nobody signs in.")
            return None
        return System(
            name=name,
            title=said.title or name[:1].upper() + name[1:],
            url=said.url,
            entity_type=declaration.entity_type,
            secrets=said.secrets.names,
            connect=partial(_connect_rest, name, said, declaration),
        )


def _who_signs_in(system: System, secrets: Mapping[str, str]) -> str:
    """A name for them. A password could be guessed from it, so where there is a user it has no part in it."""
    user = secrets.get("user") or secrets.get("clientId") or "".join(secrets.values())
    return hashlib.sha256(f"{system.url}\n{user}".encode()).hexdigest()[:32]


def _connect_business_central(
    name: str, said: BusinessCentralSaid, secrets: Mapping[str, str], paced: Paced | None
) -> Connector:
    from syncline.connectors.businesscentral.connector import LIMITS, BusinessCentral
    from syncline.connectors.businesscentral.signin import auth_from

    limits, asked = LIMITS, said.limits
    if asked.requests_per_second is not None:
        limits = limits.paced(asked.requests_per_second)
    if asked.concurrency is not None:
        limits = msgspec.structs.replace(limits, concurrency=asked.concurrency)
    auth = auth_from(name, said.url, secrets, said.token_url)
    return BusinessCentral(name, said.url, said.company, auth, limits=limits, paced=paced)


def _connect_rest(
    name: str, said: RestSaid, declaration: Declaration, secrets: Mapping[str, str], paced: Paced | None
) -> Connector:
    from syncline.connectors.rest.connector import Rest

    told = {key: value for key, value in msgspec.structs.asdict(said.limits).items() if value is not None}
    limits = msgspec.structs.replace(declaration.limits, **told)
    return Rest(name, msgspec.structs.replace(declaration, limits=limits), said.url, secrets, paced=paced)
