"""Both sandboxes in this process, as their own people use them: by plain requests, which no fault meets."""

from __future__ import annotations

import re
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
from msgspec import Struct
from starlette.applications import Starlette
from starlette.types import Message

from simulation.agreement import Cell
from simulation.clock import VirtualLoop
from simulation.desk import Denied, Derived
from simulation.wired.spelling import BC, ENTITIES, ERP, HEADERS, LINE, LINES, made, made_line, written
from syncline.records import LineAdd, LineChange, LineRemove, LineWrite
from syncline.sandbox import clock
from syncline.sandbox.businesscentral.app import create_app as create_central
from syncline.sandbox.businesscentral.contents.provide import Contents
from syncline.sandbox.businesscentral.signin import Credentials
from syncline.sandbox.customerp.app import create_app as create_erp

T = TypeVar("T")
CLIENT, SECRET, TOKEN = "syncline", "a secret", "a token"
ROOT = "/v2.0/local/sandbox/api/v2.0"
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{24}|[0-9a-f]{16}")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Clock(clock.Clock):
    """A sandbox's clock on the loop's time."""

    def __init__(self, loop: VirtualLoop, hours: float) -> None:
        super().__init__(hours * 3600)
        self._loop = loop

    def now(self) -> datetime:
        return self._loop.now() + timedelta(seconds=self.offset)

    def passed(self) -> float:
        return self._loop.time()


class Told(Struct, frozen=True):
    status: int
    body: Any


class Record(Struct, frozen=True):
    """As people see it: by the names of the agreement's cells. ``version`` is its etag."""

    fields: dict[str, Any]
    lines: list[dict[str, Any]]
    version: str


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """What waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError("it waits for something")


class Sandbox:
    """One of the two, as a `Desk`. ``derived`` is told nothing: what people edit here, no sandbox derives."""

    derived: Derived

    def __init__(self, side: str, loop: VirtualLoop, *, signed: bool, hours: float) -> None:
        self.side = side
        self.app = _app(side, Clock(loop, hours), signed=signed)
        self._headers = {"authorization": f"Bearer {TOKEN}"} if side == ERP else {}
        if side == BC and signed:
            self._headers = {"authorization": "Basic cGVvcGxlOmEgcGFzc3dvcmQ="}
        self._root = "/api/"
        if side == BC:
            (company,) = self.ask("GET", f"{ROOT}/companies").body["value"]
            self._root = f"{ROOT}/companies({company['id']})/"
        self._seen: dict[str, dict[str, Record]] = {}
        self._traces: dict[tuple[str, str], str] = {}
        self._pointed: dict[tuple[str, str, Any], str] = {}

    # --- looking

    @property
    def held(self) -> Mapping[str, Mapping[str, Record]]:
        return {entity: self._all(entity) for entity in ENTITIES}

    def records(self, entity: str) -> Iterator[tuple[str, Mapping[str, Any], Sequence[Mapping[str, Any]]]]:
        for id_, record in self._all(entity).items():
            yield id_, record.fields, record.lines

    def named(self, entity: str, trace: str) -> list[str]:
        return [id_ for id_, record in self._all(entity).items() if record.fields["trace"] == trace]

    def trace_of(self, entity: str, id_: str) -> str | None:
        return self._traces.get((entity, id_))

    def meant(self, cell: Cell, value: object) -> str | None:
        assert cell.refers
        by = cell.by.get(self.side)
        return self._pointed.get((cell.refers, by, value)) if by else self._traces.get((cell.refers, str(value)))

    def readable(self, text: str) -> str:
        """With traces in place of ids."""
        names = {id_: trace for (_, id_), trace in self._traces.items()}
        return _ID.sub(lambda id_: names.get(id_[0], f"{id_[0][:8]}…"), text)

    def touched(self) -> None:
        """Somebody has written: what was seen may be otherwise."""
        self._seen.clear()

    def look(self) -> None:
        """So that whoever is there now is remembered."""
        for entity in ENTITIES:
            self._all(entity)

    def _all(self, entity: str) -> Mapping[str, Record]:
        if entity not in self._seen:
            found = {str(raw["id"]): self._record(entity, raw) for raw in self._listed(entity)}
            self._seen[entity] = found
            for id_, record in found.items():
                trace = str(record.fields["trace"])
                self._traces.setdefault((entity, id_), trace)
                if entity == "customers" and self.side == BC:
                    self._pointed.setdefault((entity, "companyContact", record.fields["companyContact"]), trace)
        return self._seen[entity]

    def _listed(self, entity: str) -> list[dict[str, Any]]:
        address = ENTITIES[entity][self.side]
        if self.side == ERP:
            found: list[dict[str, Any]] = self._good("GET", f"{address}?limit=500").body["items"]
            return found
        query = {
            "customers": "?$expand=contactsInformation",
            "contacts": "?$filter=type%20eq%20'Person'",
            "orders": "?$expand=salesOrderLines",
        }
        listed: list[dict[str, Any]] = self._good("GET", address + query.get(entity, "")).body["value"]
        return listed

    def _record(self, entity: str, raw: Mapping[str, Any]) -> Record:
        fields = {name: spelt.read(self.side, raw) for name, spelt in HEADERS[entity].items()}
        if entity == "customers" and self.side == BC:
            fields["companyContact"] = next((each["contactNumber"] for each in raw["contactsInformation"]), None)
        lines = raw[LINES[self.side]] if entity == "orders" else []
        return Record(
            fields=fields,
            lines=[self._line(line) for line in sorted(lines, key=lambda line: line.get("sequence", 0))],
            version=raw["etag"] if self.side == ERP else raw["@odata.etag"],
        )

    def _line(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        return {"id": raw["id"], **{name: spelt.read(self.side, raw) for name, spelt in LINE.items()}, "raw": raw}

    # --- what people do

    def create(self, entity: str, fields: Mapping[str, Any], *, hidden: float) -> Record:
        body = made(self.side, entity, fields)
        id_ = str(self._write("POST", ENTITIES[entity][self.side], body, hidden=hidden).body["id"])
        return self._all(entity)[id_]

    def update(
        self, entity: str, id_: str, fields: Mapping[str, Any], lines: Sequence[LineWrite] = (), *, hidden: float = 0
    ) -> None:
        record = self._all(entity)[id_]
        if fields:
            body = written(self.side, HEADERS[entity], fields)
            self._write("PATCH", self._address(entity, id_), body, record.version, hidden=hidden)
        for edit in lines:
            if self.side == ERP:
                self._edit_line(id_, edit)
            else:
                self._edit_central_line(id_, edit, hidden)

    def delete(self, entity: str, id_: str, *, hidden: float) -> None:
        self._write("DELETE", self._address(entity, id_), None, self._all(entity)[id_].version)

    def swap_lines(self, entity: str, id_: str, first: int) -> None:
        if self.side == BC:
            raise Denied("a line keeps its sequence")
        raw = [dict(line["raw"]) for line in self._all(entity)[id_].lines]
        raw[first], raw[first + 1] = raw[first + 1], raw[first]
        self._put_lines(id_, raw)

    def _edit_line(self, id_: str, edit: LineWrite) -> None:
        raw = [dict(line["raw"]) for line in self._all("orders")[id_].lines]
        match edit:
            case LineAdd(fields=fields):
                raw.append(made_line(self.side, fields))
            case LineChange(id=line, fields=fields):
                raw = [{**each, **written(self.side, LINE, fields)} if each["id"] == line else each for each in raw]
            case LineRemove(id=line):
                raw = [each for each in raw if each["id"] != line]
        self._put_lines(id_, raw)

    def _put_lines(self, id_: str, raw: Sequence[Mapping[str, Any]]) -> None:
        version = self._all("orders")[id_].version
        self._write("PATCH", self._address("orders", id_), {"lines": raw}, version)

    def _edit_central_line(self, id_: str, edit: LineWrite, hidden: float) -> None:
        match edit:
            case LineAdd(fields=fields):
                address = f"{self._address('orders', id_)}/salesOrderLines"
                self._write("POST", address, made_line(self.side, fields), hidden=hidden)
            case LineChange(id=line, fields=fields):
                body = written(self.side, LINE, fields)
                self._write("PATCH", f"salesOrderLines({line})", body, "*", hidden=hidden)
            case LineRemove(id=line):
                self._write("DELETE", f"salesOrderLines({line})", None, "*", hidden=hidden)

    def _address(self, entity: str, id_: str) -> str:
        told = ENTITIES[entity][self.side]
        return f"{told}/{id_}" if self.side == ERP else f"{told}({id_})"

    def _write(self, method: str, address: str, body: Any, version: str | None = None, hidden: float = 0) -> Told:
        """Raises `Denied`."""
        if hidden and self.side == BC:
            self.order({"kind": "late-commit", "seconds": hidden})
        headers = {} if version is None else {"if-match": version}
        try:
            told = self._good(method, address, body, headers)
        finally:
            self.order()
        self.touched()
        return told

    def _good(self, method: str, address: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Told:
        told = self.ask(method, self._root + address, body, headers)
        if told.status >= 500:
            raise AssertionError(f"{self.side} failed: {method} {address}: {told.body}")
        if told.status >= 300:
            raise Denied(str(told.body))
        return told

    # --- requests

    def order(self, *faults: Mapping[str, Any]) -> None:
        """What is to meet the next requests."""
        self.ask("POST", "/sandbox/faults", {"next": faults})

    def ask(self, method: str, address: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Told:
        return at_once(self._ask(method, address, body, headers or {}))

    async def _ask(self, method: str, address: str, body: Any, headers: Mapping[str, str]) -> Told:
        path, _, query = address.partition("?")
        sent = b"" if body is None else _ENCODER.encode(body)
        told: list[Message] = []
        kind = {"content-type": "application/merge-patch+json" if method == "PATCH" and self.side == ERP else _JSON}
        all_headers = {"host": self.side, **kind, **self._headers, **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in all_headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": sent, "more_body": False}

        async def send(message: Message) -> None:
            told.append(message)

        await self.app(scope, receive, send)
        content = b"".join(message.get("body", b"") for message in told)
        return Told(told[0]["status"], _DECODER.decode(content) if content else None)


_JSON = "application/json"


def _app(side: str, time: Clock, *, signed: bool) -> Starlette:
    if side == ERP:
        return create_erp(":memory:", token=TOKEN if signed else None, empty=True, clock=time)
    credentials = Credentials(clients={CLIENT: SECRET}, users={"people": "a password"}) if signed else None
    contents = Contents(empty=True)
    return create_central(":memory:", open=not signed, contents=contents, credentials=credentials, clock=time)
