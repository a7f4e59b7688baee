"""``subscriptions``: the entity set beside the companies where a client says what it wants to be told, and where.

Followed from ``Working with webhooks`` and the pages of the resource in the product's documentation.
"""

# Names of columns come from the description below, never from a request; values are always parameters.
# ruff: noqa: S608

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote
from uuid import uuid4

import msgspec
from msgspec import Struct, structs

from syncline.connectors.businesscentral.metadata import ZERO_GUID, entity_sets
from syncline.sandbox.businesscentral import values
from syncline.sandbox.businesscentral.company import Database, Row
from syncline.sandbox.businesscentral.errors import ApiError, bad_request, no_such_record
from syncline.sandbox.businesscentral.odata.query import Query, parse
from syncline.sandbox.businesscentral.service import Answer, Call
from syncline.sandbox.businesscentral.versions import meant
from syncline.sandbox.businesscentral.webhooks.changes import Changes
from syncline.sandbox.businesscentral.webhooks.metadata import SUBSCRIPTIONS, SUPPORTED
from syncline.sandbox.businesscentral.webhooks.receivers import Receivers

LIFE = timedelta(days=3)

_OWN = ("companyId", "entitySet")
_TABLE = f"""
CREATE TABLE IF NOT EXISTS webhookSubscriptions (
    _row INTEGER PRIMARY KEY, _etag TEXT NOT NULL,
    {", ".join(f'"{name}" NOT NULL' for name in (*SUBSCRIPTIONS.properties, *_OWN))}, UNIQUE (subscriptionId)
)"""
_INDEX = """
CREATE INDEX IF NOT EXISTS "webhookSubscriptions watched" ON webhookSubscriptions (companyId, entitySet)"""

_PATH = re.compile(r"subscriptions(?:\((?P<key>.*)\)|(?P<count>/\$count))?/?")
_RESOURCE = re.compile(r"(?:(?:.*/)?api/v2\.0/|/)?companies\((?P<company>[^()]*)\)/(?P<set>[A-Za-z]+)/?")


class Subscription(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is needed of one to tell its subscriber."""

    subscription_id: str
    notification_url: str
    client_state: str
    expiration_date_time: str
    company_id: str
    entity_set: str

    @property
    def address(self) -> str:
        """The entity set as notifications name it."""
        return f"api/v2.0/companies({self.company_id})/{self.entity_set}"


class Subscriptions:
    """The entity set. ``changes`` is kept watching exactly what somebody subscribed to."""

    def __init__(self, database: Database, changes: Changes, receivers: Receivers, most: Callable[[], int]) -> None:
        self._most = most
        self._database = database
        self._changes = changes
        self._receivers = receivers
        self.open()

    def open(self) -> None:
        """Begin with what the data holds now: at the start, and whenever the data was replaced by other data."""
        self._changes.open()
        self._database.execute(_TABLE)
        self._database.execute(_INDEX)
        self.drop_expired()
        self._watch()

    @staticmethod
    def named(path: str) -> bool:
        """Whether an address below the API's root is one of theirs."""
        return _PATH.fullmatch(unquote(path).strip("/")) is not None

    def all(self) -> list[Subscription]:
        """Those that live, in the order of their ids."""
        names = [field.encode_name for field in structs.fields(Subscription)]
        rows = self._database.execute(
            f"SELECT {', '.join(names)} FROM webhookSubscriptions WHERE expirationDateTime > ? ORDER BY subscriptionId",
            (self._database.now(),),
        )
        return [msgspec.convert(dict(zip(names, row, strict=True)), Subscription) for row in rows.fetchall()]

    def drop(self, ids: list[str]) -> None:
        """End subscriptions, with all that their subscribers were not told yet."""
        if not ids:
            return
        self._database.executemany("DELETE FROM webhookSubscriptions WHERE subscriptionId = ?", [(i,) for i in ids])
        self._changes.forget(ids)
        self._watch()

    def drop_expired(self) -> None:
        """End what was not renewed in time, and what is about a company that is no more."""
        companies = {company.id for company in self._database.companies}
        rows = self._database.execute("SELECT subscriptionId, companyId, expirationDateTime FROM webhookSubscriptions")
        now = self._database.now()
        ended = [key for key, company, expires in rows.fetchall() if expires <= now or company not in companies]
        if ended:
            with self._database.transaction():
                self.drop(ended)

    async def answer(self, call: Call, root: str) -> Answer:
        """Raises `ApiError`. Creating and renewing wait for the receiver's handshake."""
        key = _key(call.path)
        if call.method == "POST" and key is None:
            return await self._create(call, root)
        if call.method == "PATCH" and key is not None:
            return await self._renew(call, key, root)
        return self._answer_at_once(call, root)

    def answer_in_batch(self, call: Call, root: str) -> Answer:
        """Never raises for what is the caller's fault. A batch cannot wait for a handshake."""
        try:
            if call.method == ("POST" if _key(call.path) is None else "PATCH"):
                message = "A subscription is created and renewed by a request of its own, not inside a batch."
                raise ApiError(501, "BadRequest_MethodNotImplemented", message)
            return self._answer_at_once(call, root)
        except ApiError as error:
            return Answer(status=error.status, body=error.body())

    def _answer_at_once(self, call: Call, root: str) -> Answer:
        """What needs no handshake. Raises `ApiError`."""
        self.drop_expired()
        key = _key(call.path)
        if call.method == "GET":
            return self._read(call, key, root)
        if call.method == "DELETE" and key is not None:
            row = self._versioned(key, call)
            with self._database.transaction():
                self.drop([row["subscriptionId"]])
            return Answer(status=204)
        raise ApiError(405, "BadRequest_MethodNotAllowed", f"The method {call.method} is not allowed at this address.")

    async def _create(self, call: Call, root: str) -> Answer:
        self.drop_expired()
        sent = _sent(call.body)
        for name in ("notificationUrl", "resource"):
            if not sent.get(name):
                raise ApiError(400, "BadRequest_RequiredParamNotProvided", f"A subscription needs a '{name}'.")
        row = self._set({"clientState": "", **sent})
        row["subscriptionId"] = row.get("subscriptionId") or uuid4().hex
        self._check_room(row["subscriptionId"])
        await self._receivers.handshake(row["notificationUrl"])
        with self._database.transaction():
            self._check_room(row["subscriptionId"])
            row |= {"userId": ZERO_GUID, "systemCreatedBy": ZERO_GUID, "systemModifiedBy": ZERO_GUID}
            self._stamp(row)
            row["systemCreatedAt"] = row["systemModifiedAt"]
            columns = ", ".join(f'"{name}"' for name in row)
            asked = f"INSERT INTO webhookSubscriptions ({columns}) VALUES ({', '.join('?' * len(row))})"
            self._database.execute(asked, list(row.values()))
            self._watch()
        location = f"{root}/subscriptions('{quote(row['subscriptionId'])}')"
        return self._one(row["subscriptionId"], Query(), root, status=201, headers={"location": location})

    async def _renew(self, call: Call, key: str, root: str) -> Answer:
        self.drop_expired()
        sent = _sent({} if call.body is None else call.body)
        before = self._versioned(key, call)
        if sent.pop("subscriptionId", key) != key:
            raise ApiError(400, "BadRequest_InvalidOperation", "The property 'subscriptionId' cannot be changed.")
        kept = {name: before[name] for name in ("notificationUrl", "resource", "clientState")}
        changes = self._set(kept | sent)
        await self._receivers.handshake(changes["notificationUrl"])
        self._versioned(key, call)
        with self._database.transaction():
            self._stamp(changes)
            columns = ", ".join(f'"{name}" = ?' for name in changes)
            asked = f"UPDATE webhookSubscriptions SET {columns} WHERE subscriptionId = ?"
            self._database.execute(asked, [*changes.values(), key])
            if any(changes[name] != before[name] for name in _OWN):
                self._changes.forget([key])
            self._watch()
        return self._one(key, Query(), root)

    def _set(self, sent: Mapping[str, Any]) -> Row:
        """Checked, with what the resource names."""
        row: Row = {name: values.store(name, SUBSCRIPTIONS.properties[name], value) for name, value in sent.items()}
        row["companyId"], row["entitySet"] = self._watched(row["resource"])
        self._receivers.check(row["notificationUrl"])
        return row

    def _watched(self, resource: str) -> tuple[str, str]:
        """The company and the set that a resource names. Raises `ApiError`."""
        found = _RESOURCE.fullmatch(resource)
        if found is None:
            raise bad_request(
                f"The resource '{resource}' is no entity set: /api/v2.0/companies(ID)/NAME is to be subscribed to."
            )
        name, company = found["set"], found["company"].lower()
        if company not in {each.id for each in self._database.companies}:
            raise ApiError(400, "Internal_CompanyNotFound", f"Cannot find company '{found['company']}'.")
        if name not in SUPPORTED:
            raise bad_request(f"The resource '{name}' has no webhooks: nothing is told of its changes.")
        if name not in entity_sets():
            raise ApiError(501, "BadRequest_MethodNotImplemented", f"'{name}' is not served by this sandbox.")
        return company, name

    def _check_room(self, wanted: str) -> None:
        ids = {key for (key,) in self._database.execute("SELECT subscriptionId FROM webhookSubscriptions").fetchall()}
        if wanted in ids:
            message = f"The subscription already exists. Identification fields and values: subscriptionId='{wanted}'."
            raise ApiError(400, "Internal_EntityWithSameKeyExists", message)
        most = self._most()
        if len(ids) >= most:
            raise bad_request(f"There are {most} subscriptions, and there may not be more.")

    def _stamp(self, row: Row) -> None:
        """A new version, and three more days from now."""
        now = self._database.now()
        row["_etag"] = self._database.new_etag()
        row["lastModifiedDateTime"] = row["systemModifiedAt"] = now
        row["expirationDateTime"] = values.moment(datetime.fromisoformat(now) + LIFE)
        row["timestamp"] = self._database.execute(
            'SELECT coalesce(max("timestamp"), 0) + 1 FROM webhookSubscriptions'
        ).fetchone()[0]

    def _versioned(self, key: str, call: Call) -> Row:
        return meant(call.headers.get("if-match"), lambda: self._existing(key))

    def _existing(self, key: str) -> Row:
        cursor = self._database.execute("SELECT * FROM webhookSubscriptions WHERE subscriptionId = ?", (key,))
        found = cursor.fetchone()
        if found is None:
            raise no_such_record("subscription", key)
        return dict(zip((described[0] for described in cursor.description), found, strict=True))

    def _read(self, call: Call, key: str | None, root: str) -> Answer:
        query = parse(call.query, SUBSCRIPTIONS, {})
        if key is not None:
            return self._one(key, query, root)
        condition = query.where.sql if query.where else "1"
        parameters = query.where.parameters if query.where else ()
        asked = f"SELECT count(*) FROM webhookSubscriptions WHERE {condition}"
        total = self._database.execute(asked, parameters).fetchone()[0]
        if _path(call.path)["count"]:
            return _json(total)
        order = [f'"{each.name}"{" DESC" if each.descending else ""}' for each in query.order]
        page = f"ORDER BY {', '.join([*order, '_row'])} LIMIT ? OFFSET ?"
        bounds = (-1 if query.top is None else query.top, query.skip)
        found = self._shown(query, f"{condition} {page}", (*parameters, *bounds))
        counted = {"@odata.count": total} if query.count else {}
        return _json({"@odata.context": f"{root}/$metadata#subscriptions", **counted, "value": found})

    def _one(
        self, key: str, query: Query, root: str, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Answer:
        found = self._shown(query, "subscriptionId = ?", (key,))
        if not found:
            raise no_such_record("subscription", key)
        return _json({"@odata.context": f"{root}/$metadata#subscriptions/$entity", **found[0]}, status, headers)

    def _shown(self, query: Query, condition: str, parameters: tuple[Any, ...]) -> list[dict[str, Any]]:
        names = query.select or tuple(SUBSCRIPTIONS.properties)
        columns = ", ".join(["_etag", *(f'"{name}"' for name in names)])
        rows = self._database.execute(f"SELECT {columns} FROM webhookSubscriptions WHERE {condition}", parameters)
        return [dict(zip(("@odata.etag", *names), row, strict=True)) for row in rows.fetchall()]

    def _watch(self) -> None:
        rows = self._database.execute("SELECT DISTINCT companyId, entitySet FROM webhookSubscriptions").fetchall()
        self._changes.watch({(company, entity_set) for company, entity_set in rows})


def _sent(body: Any) -> dict[str, Any]:
    """What a request says. What is read-only may be sent, as the documentation does, and has no effect."""
    if not isinstance(body, dict):
        raise bad_request("The request body is to be a JSON object with the subscription's properties.")
    named = {name: value for name, value in body.items() if "@" not in name}
    for name in named:
        if name not in SUBSCRIPTIONS.properties:
            raise bad_request(f"The property '{name}' does not exist on type 'Microsoft.NAV.subscription'.")
    return {name: value for name, value in named.items() if not SUBSCRIPTIONS.properties[name].read_only}


def _path(path: str) -> re.Match[str]:
    found = _PATH.fullmatch(unquote(path).strip("/"))
    assert found is not None
    return found


def _key(path: str) -> str | None:
    """The id in the brackets: in quotes, where a quote is written twice, or bare."""
    key = _path(path)["key"]
    if key is None:
        return None
    plain = str(key).removeprefix("subscriptionId=")
    if len(plain) >= len("''") and plain[0] == plain[-1] == "'":
        return plain[1:-1].replace("''", "'")
    return plain


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status=status, body=msgspec.json.encode(value), headers=headers or {})
