"""One operation on the API: its address, what it may do there, its answer. Plain HTTP and ``$batch`` both end here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import msgspec
from msgspec import Struct, structs

from syncline.connectors.businesscentral.metadata import EdmType, EntitySet, entity_sets
from syncline.sandbox.businesscentral import pictures, reading, schema, writing
from syncline.sandbox.businesscentral.company import Company, Database
from syncline.sandbox.businesscentral.errors import ApiError, bad_request
from syncline.sandbox.businesscentral.query import parse, preferences
from syncline.sandbox.businesscentral.writing import Options

_ACTION = "Microsoft.NAV."
_PART = re.compile(r"(?P<name>[A-Za-z$.][A-Za-z0-9.$]*)(?:\((?P<key>[^()]*)\))?")


class Call(Struct, frozen=True, kw_only=True):
    """An operation: the path below the API's root, the text behind the question mark, headers in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = {}
    body: Any = None


class Answer(Struct, frozen=True, kw_only=True):
    """``body`` is JSON, or empty, or else of the ``media_type``."""

    status: int
    body: bytes = b""
    media_type: str = ""
    headers: Mapping[str, str] = {}


class _Target(Struct, frozen=True):
    """What an address names: a set with what its records must hold, one record of it, or an action on that."""

    company: Company
    entity_set: EntitySet
    key: str | None = None
    fixed: Mapping[str, str] = {}
    action: str | None = None
    counted: bool = False
    single: bool = False
    stream: str | None = None

    @property
    def record(self) -> str | None:
        """The key of the one record that is meant, also where only a way leads to it."""
        return self.key or (self.fixed.get(schema.key_of(self.entity_set)) if self.single else None)


class Service:
    """The API over one database. ``root`` is its address, as answers are to tell it."""

    def __init__(self, database: Database, root: str, options: Options) -> None:
        self._database = database
        self._root = root
        self._options = options

    def answer(self, call: Call) -> Answer:
        """Never raises for what is the caller's fault: that is the answer."""
        try:
            return self._answer(call)
        except ApiError as error:
            return Answer(status=error.status, body=error.body())

    def _answer(self, call: Call) -> Answer:
        parts = _parts(call.path)
        if call.path == "$metadata":
            raise ApiError(501, "BadRequest_MethodNotImplemented", "$metadata is not served by this sandbox yet.")
        if not parts:
            return self._sets(call)
        if parts[0][0] == "companies" and len(parts) == 1:
            return self._companies(call, parts[0][1])
        target = self._target(call, parts)
        match call.method:
            case "GET":
                return self._read(call, target)
            case "POST":
                return self._post(call, target)
            case "PATCH" if target.record:
                return self._modify(call, target, target.record)
            case "DELETE" if target.record and not target.stream:
                with self._database.transaction():
                    version = call.headers.get("if-match")
                    writing.remove(target.company, target.entity_set, target.record, version, target.fixed)
                return Answer(status=204)
        raise ApiError(405, "BadRequest_MethodNotAllowed", f"The method {call.method} is not allowed at this address.")

    def _read(self, call: Call, target: _Target) -> Answer:
        if target.action:
            raise ApiError(405, "BadRequest_MethodNotAllowed", "An action is called with POST.")
        if target.stream and target.record:
            content = pictures.content(target.company, target.record)
            return Answer(status=200 if content else 204, body=content, media_type="application/octet-stream")
        query = parse(call.query, target.entity_set, preferences(call.headers.get("prefer", "")))
        context = f"{self._root}/$metadata#companies({target.company.id})/{target.entity_set.name}"
        if target.counted:
            return _json(200, reading.count(target.company, target.entity_set, query, target.fixed))
        if target.key:
            found = reading.one(target.company, target.entity_set, target.key, query, target.fixed)
            return _json(200, {"@odata.context": f"{context}/$entity", **found})
        page = reading.page(target.company, target.entity_set, query, target.fixed)
        if target.single:
            if not page.records:
                return Answer(status=204)
            found = page.records[0] | self._media_links(call, target)
            return _json(200, {"@odata.context": f"{context}/$entity", **found})
        answer: dict[str, Any] = {"@odata.context": context}
        if page.total is not None:
            answer["@odata.count"] = page.total
        answer["value"] = page.records
        if page.token:
            answer["@odata.nextLink"] = self._next_link(call, page.token)
        return _json(200, answer)

    def _post(self, call: Call, target: _Target) -> Answer:
        company, entity_set = target.company, target.entity_set
        if target.action and target.key:
            with self._database.transaction():
                led_to = writing.act(company, entity_set, target.key, target.action)
            return Answer(status=204, headers={"location": f"{self._root}/companies({company.id})/{led_to}"})
        if target.key or target.counted:
            raise ApiError(
                405, "BadRequest_MethodNotAllowed", "A record is changed with PATCH, and created in its set."
            )
        with self._database.transaction():
            key = writing.create(company, entity_set, call.body, target.fixed, self._options)
        path = f"companies({company.id})/{entity_set.name}({key})"
        return self._record(call, target, key, 201, {"location": f"{self._root}/{path}"})

    def _modify(self, call: Call, target: _Target, key: str) -> Answer:
        company, entity_set, version = target.company, target.entity_set, call.headers.get("if-match")
        with self._database.transaction():
            if target.stream:
                writing.put_content(company, entity_set, key, call.body, version, target.fixed)
                return Answer(status=204)
            writing.modify(company, entity_set, key, call.body, version, target.fixed)
        return self._record(call, target, key, 200, {})

    def _record(self, call: Call, target: _Target, key: str, status: int, headers: Mapping[str, str]) -> Answer:
        """The record as a write left it."""
        query = parse(call.query, target.entity_set, {})
        found = reading.one(target.company, target.entity_set, key, query, target.fixed)
        context = f"{self._root}/$metadata#companies({target.company.id})/{target.entity_set.name}/$entity"
        return structs.replace(_json(status, {"@odata.context": context, **found}), headers=headers)

    def _media_links(self, call: Call, target: _Target) -> dict[str, str]:
        """Where a picture's content is read and written."""
        streams = [name for name, said in target.entity_set.properties.items() if said.type is EdmType.STREAM]
        at = f"{self._root}/{call.path.strip('/')}"
        return {f"{name}@odata.media{link}Link": f"{at}/{name}" for name in streams for link in ("Edit", "Read")}

    def _target(self, call: Call, parts: list[tuple[str, str | None]]) -> _Target:
        company = self._chosen(call) if parts[0][0] != "companies" else self._database.company(parts[0][1] or "")
        rest = parts[1:] if parts[0][0] == "companies" else parts
        name, key = rest[0]
        entity_set = entity_sets().get(name)
        if entity_set is None:
            raise ApiError(404, "BadRequest_NotFound", f"Resource not found for the segment '{name}'.")
        target = _Target(company, entity_set, _id(key))
        for name, key in rest[1:]:
            target = _step(target, name, key)
        if target.key and target.fixed:
            writing.existing(target.company, target.entity_set, target.key, target.fixed)
        return target

    def _chosen(self, call: Call) -> Company:
        """The company that a query or a header names, where the address does not."""
        asked = parse_qs(call.query).get("company", [None])[0] or call.headers.get("company")
        if asked:
            return self._database.company(unquote(asked))
        raise ApiError(404, "BadRequest_ResourceNotFound", "Name the company: companies(ID)/..., ?company= or Company.")

    def _companies(self, call: Call, key: str | None) -> Answer:
        if call.method != "GET":
            raise ApiError(405, "BadRequest_MethodNotAllowed", "Companies are only read here.")
        context = f"{self._root}/$metadata#companies"
        if key is not None:
            return _json(
                200, {"@odata.context": f"{context}/$entity", **_company(self._database.company(_id(key) or ""))}
            )
        return _json(200, {"@odata.context": context, "value": [_company(each) for each in self._database.companies]})

    def _sets(self, call: Call) -> Answer:
        if call.method != "GET":
            raise ApiError(405, "BadRequest_MethodNotAllowed", "The root is only read.")
        names = ["companies", *entity_sets()]
        value = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
        return _json(200, {"@odata.context": f"{self._root}/$metadata", "value": value})

    def _next_link(self, call: Call, token: str) -> str:
        kept = [part for part in call.query.split("&") if part and not _is_option(part, "$skiptoken", "$skip", "$top")]
        return f"{self._root}/{call.path.strip('/')}?{'&'.join([*kept, f'$skiptoken={quote(token)}'])}"


def _step(target: _Target, name: str, key: str | None) -> _Target:
    """One segment further behind a record or a set."""
    if name == "$count" and target.key is None:
        return structs.replace(target, counted=True)
    if target.record is None:
        raise ApiError(404, "BadRequest_NotFound", f"Resource not found for the segment '{name}'.")
    if name.startswith(_ACTION):
        return structs.replace(target, action=name.removeprefix(_ACTION))
    said = target.entity_set.properties.get(name)
    if said and said.type is EdmType.STREAM:
        writing.existing(target.company, target.entity_set, str(target.record), target.fixed)
        return structs.replace(target, stream=name)
    way = target.entity_set.navigation(name)
    if way is None:
        raise ApiError(404, "BadRequest_NotFound", f"Resource not found for the segment '{name}'.")
    entity_set = entity_sets().get(way.entity_set)
    if entity_set is None:
        raise ApiError(501, "BadRequest_MethodNotImplemented", f"{way.entity_set} is not served by this sandbox.")
    row = writing.existing(target.company, target.entity_set, target.record, target.fixed)
    return _Target(target.company, entity_set, _id(key), writing.owner(way, row), single=not way.many)


def _parts(path: str) -> list[tuple[str, str | None]]:
    """``companies(ID)/items`` as its segments, each a name with what stands in its brackets."""
    parts = []
    for text in unquote(path).strip("/").split("/"):
        found = _PART.fullmatch(text)
        if found is None and text:
            raise ApiError(400, "BadRequest_InvalidRequestUrl", f"The address holds '{text}', which names nothing.")
        if found:
            parts.append((found["name"], found["key"]))
    return parts


def _id(key: str | None) -> str | None:
    if key is None:
        return None
    plain = key.removeprefix("id=").strip("'").lower()
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", plain):
        raise bad_request(f"The key '{key}' is no GUID.")
    return plain


def _company(company: Company) -> dict[str, Any]:
    return {
        "id": company.id,
        "systemVersion": "26.0.0.0",
        "timestamp": company.number,
        "name": company.name,
        "displayName": company.display_name,
        "businessProfileId": "",
        "systemCreatedAt": company.created_at,
        "systemModifiedAt": company.created_at,
    }


def _is_option(part: str, *names: str) -> bool:
    return unquote(part.partition("=")[0]) in names


def _json(status: int, value: Any) -> Answer:
    return Answer(status=status, body=msgspec.json.encode(value))
