"""One operation on the API: its address, what it may do there, its answer. Plain HTTP and ``$batch`` both end here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import msgspec
from msgspec import Struct, structs

from syncline.connectors.businesscentral.metadata import EdmType, EntitySet, entity_sets
from syncline.sandbox.businesscentral import pictures, schema, writing
from syncline.sandbox.businesscentral.companies import COMPANIES, Companies, all_sets
from syncline.sandbox.businesscentral.company import Company, Database
from syncline.sandbox.businesscentral.conditions.replica import reads_replica
from syncline.sandbox.businesscentral.errors import ApiError, no_such_record
from syncline.sandbox.businesscentral.odata import csdl, reading
from syncline.sandbox.businesscentral.odata.naming import NAMESPACE
from syncline.sandbox.businesscentral.odata.query import Query, parse, preferences
from syncline.sandbox.businesscentral.writing import Options

_ACTION = f"{NAMESPACE}."
_METADATA = [("$metadata", None)]
_COUNT_OF_COMPANIES = [("companies", None), ("$count", None)]
_ETAG = "@odata.etag"
_JSON = "application/json"
_BYTES = "application/octet-stream"
_PART = re.compile(r"(?P<name>[A-Za-z$.][A-Za-z0-9.$]*)(?:\((?P<key>[^()]*)\))?")


class Call(Struct, frozen=True, kw_only=True):
    """An operation: the path below the API's root, the text behind the question mark, headers in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = {}
    body: Any = None


class Answer(Struct, frozen=True, kw_only=True):
    """``body`` is JSON unless the headers (in lower case) say otherwise, or empty."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


class _Target(Struct, frozen=True):
    """What an address names: a set with what its records must hold, one record of it, or an action or property of it.

    ``single`` without a key is a way that leads to no record; ``raw`` is the bare value of the property.
    """

    company: Company
    entity_set: EntitySet
    key: str | None = None
    fixed: Mapping[str, str] = {}
    action: str | None = None
    counted: bool = False
    single: bool = False
    property: str | None = None
    raw: bool = False


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
        _check_headers(call)
        parts = _parts(call.path)
        if parts == _METADATA:
            return self._metadata(call)
        if not parts:
            return self._sets(call)
        if parts[0][0] == "companies" and (len(parts) == 1 or parts == _COUNT_OF_COMPANIES):
            return self._companies(call, parts[0][1], counted=len(parts) > 1)
        target = self._target(call, parts)
        record = None if target.property or target.action else target.key
        match call.method:
            case "GET":
                return self._read(call, target)
            case "POST" if not target.property:
                return self._post(call, target)
            case "PATCH" if target.key and _is_content(target):
                return self._put_content(call, target, target.key)
            case "PATCH" if record:
                return self._modify(call, target)
            case "DELETE" if record:
                with self._database.transaction():
                    version = call.headers.get("if-match")
                    writing.remove(target.company, target.entity_set, record, version, target.fixed)
                return Answer(status=204)
        raise _not_allowed(f"The method {call.method} is not allowed at this address.")

    def _read(self, call: Call, target: _Target) -> Answer:
        if target.action:
            raise _not_allowed("An action is called with POST.")
        if target.property and target.key:
            return self._value(target, target.key, target.property)
        query = parse(call.query, target.entity_set, preferences(call.headers.get("prefer", "")), self._options.page)
        context = self._context(target)
        if target.counted:
            return _text(reading.count(target.company, target.entity_set, query, target.fixed))
        if target.key:
            found = reading.one(target.company, target.entity_set, target.key, query, target.fixed)
            found |= self._media_links(call, target) if target.single else {}
            if _is_known(call.headers.get("if-none-match"), found[_ETAG]):
                return Answer(status=304, headers={"etag": found[_ETAG]})
            return _entity(200, f"{context}/$entity", found)
        if target.single:
            return Answer(status=204)
        page = reading.page(target.company, target.entity_set, query, target.fixed)
        return self._page(call, context, page)

    def _value(self, target: _Target, key: str, name: str) -> Answer:
        if _is_content(target):
            content = pictures.content(target.company, key)
            return Answer(status=200 if content else 204, body=content, headers={"content-type": _BYTES})
        value = reading.one(target.company, target.entity_set, key, Query(select=(name,)), target.fixed)[name]
        if target.raw:
            return _text(value)
        return _json(200, {"@odata.context": f"{self._context(target)}({key})/{name}", "value": value})

    def _context(self, target: _Target) -> str:
        """What the metadata calls the set that an answer is from."""
        return f"{self._root}/$metadata#companies({target.company.id})/{target.entity_set.name}"

    def _page(self, call: Call, context: str, page: reading.Page) -> Answer:
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
        if target.key or target.single or target.counted:
            raise _not_allowed("A record is changed with PATCH, and created in its set.")
        query = parse(call.query, entity_set, {})
        with self._database.transaction():
            key = writing.create(company, entity_set, call.body, target.fixed, self._options)
        path = f"companies({company.id})/{entity_set.name}({key})"
        return self._record(target, query, key, 201, {"location": f"{self._root}/{path}"})

    def _modify(self, call: Call, target: _Target) -> Answer:
        assert target.key
        if isinstance(call.body, bytes):
            raise _unsupported(_BYTES)
        query = parse(call.query, target.entity_set, {})
        company, entity_set, version = target.company, target.entity_set, call.headers.get("if-match")
        with self._database.transaction():
            writing.modify(company, entity_set, target.key, call.body, version, target.fixed)
        return self._record(target, query, target.key, 200, {})

    def _put_content(self, call: Call, target: _Target, key: str) -> Answer:
        version = call.headers.get("if-match")
        with self._database.transaction():
            writing.put_content(target.company, target.entity_set, key, call.body, version, target.fixed)
        return Answer(status=204)

    def _record(self, target: _Target, query: Query, key: str, status: int, headers: Mapping[str, str]) -> Answer:
        """The record as a write left it."""
        found = reading.one(target.company, target.entity_set, key, query, target.fixed)
        answer = _entity(status, f"{self._context(target)}/$entity", found)
        return structs.replace(answer, headers={**answer.headers, **headers})

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
            raise _no_segment(name)
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

    def _companies(self, call: Call, key: str | None, *, counted: bool) -> Answer:
        if call.method != "GET":
            raise _not_allowed("Companies are only read here.")
        query = parse(call.query, COMPANIES, preferences(call.headers.get("prefer", "")))
        context = f"{self._root}/$metadata#companies"
        if key is not None:
            found = self._database.company(_id(key) or "")
            record = reading.one(Companies(self._database), COMPANIES, found.id, query)
            return _json(200, {"@odata.context": f"{context}/$entity", **_plain(record)})
        if counted:
            return _text(reading.count(Companies(self._database), COMPANIES, query, {}))
        page = reading.page(Companies(self._database), COMPANIES, query, {})
        shown = structs.replace(page, records=[_plain(each) for each in page.records])
        return self._page(call, context, shown)

    def _metadata(self, call: Call) -> Answer:
        if call.method != "GET":
            raise _not_allowed("$metadata is only read.")
        return Answer(status=200, body=csdl.document(), headers={"content-type": "application/xml"})

    def _sets(self, call: Call) -> Answer:
        if call.method != "GET":
            raise _not_allowed("The root is only read.")
        value = [{"name": name, "kind": "EntitySet", "url": name} for name in all_sets()]
        return _json(200, {"@odata.context": f"{self._root}/$metadata", "value": value})

    def _next_link(self, call: Call, token: str) -> str:
        kept = [part for part in call.query.split("&") if part and not _is_option(part, "$skiptoken", "$skip", "$top")]
        path = quote(call.path.strip("/"), safe="/()$'=,%")
        return f"{self._root}/{path}?{'&'.join([*kept, f'$skiptoken={quote(token)}'])}"


def _is_content(target: _Target) -> bool:
    """Whether it is the content of a picture, which is bytes."""
    return target.property is not None and target.entity_set.properties[target.property].type is EdmType.STREAM


def _step(target: _Target, name: str, key: str | None) -> _Target:
    """One segment further behind a record or a set."""
    if name == "$value" and target.property and not target.raw:
        return structs.replace(target, raw=True)
    if target.action or target.property or target.counted:
        raise _no_segment(name)
    if name == "$count" and target.key is None and not target.single:
        return structs.replace(target, counted=True)
    if target.key is None:
        raise no_such_record(target.entity_set.entity, "") if target.single else _no_segment(name)
    if name in target.entity_set.properties and key is None:
        return structs.replace(target, property=name)
    if name.startswith(_ACTION):
        return structs.replace(target, action=name.removeprefix(_ACTION))
    way = target.entity_set.navigation(name)
    if way is None:
        raise _no_segment(name)
    entity_set = entity_sets().get(way.entity_set)
    if entity_set is None:
        raise ApiError(501, "BadRequest_MethodNotImplemented", f"{way.entity_set} is not served by this sandbox.")
    fixed = writing.owner(way, writing.existing(target.company, target.entity_set, target.key, target.fixed))
    if way.many or key is not None:
        return _Target(target.company, entity_set, _id(key), fixed)
    found = target.company.find(entity_set.name, **fixed)
    one = str(found[schema.key_of(entity_set)]) if found else None
    return _Target(target.company, entity_set, one, fixed, single=True)


def _parts(path: str) -> list[tuple[str, str | None]]:
    """``companies(ID)/items`` as its segments, each a name with what stands in its brackets."""
    parts = []
    for text in unquote(path).strip("/").split("/"):
        found = _PART.fullmatch(text)
        if found is None and text:
            raise _syntax(text)
        if found:
            parts.append((found["name"], found["key"]))
    return parts


def _id(key: str | None) -> str | None:
    if key is None:
        return None
    plain = key.removeprefix("id=").strip("'").lower()
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", plain):
        raise _syntax(key)
    return plain


def _plain(record: reading.Entity) -> reading.Entity:
    """A company as it is shown: without a version, for it has none."""
    return {name: value for name, value in record.items() if name != _ETAG}


def _is_option(part: str, *names: str) -> bool:
    return unquote(part.partition("=")[0]) in names


def _check_headers(call: Call) -> None:
    """What a request may say of itself. Raises `ApiError`."""
    reads_replica(call.method, call.headers)
    kind = call.headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    content = call.method == "PATCH" and isinstance(call.body, bytes)
    if call.body is not None and kind != _JSON and call.method in ("POST", "PATCH") and not content:
        raise _unsupported(kind)


def _unsupported(kind: str) -> ApiError:
    return ApiError(415, "BadRequest", f"The content type '{kind}' is not supported: {_JSON}.")


def _is_known(said: str | None, version: str) -> bool:
    """Whether ``If-None-Match`` names the version that is there."""
    return said is not None and any(each.strip() in ("*", version) for each in said.split(","))


def _not_allowed(message: str) -> ApiError:
    return ApiError(405, "BadRequest_MethodNotAllowed", message)


def _no_segment(name: str) -> ApiError:
    return ApiError(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{name}'.")


def _syntax(text: str) -> ApiError:
    return ApiError(404, "BadRequest_NotFound", f"Bad Request - Error in query syntax: '{text}'.")


def _entity(status: int, context: str, found: reading.Entity) -> Answer:
    answer = _json(status, {"@odata.context": context, **found})
    return structs.replace(answer, headers={"etag": found[_ETAG]})


def _text(value: Any) -> Answer:
    """A bare value: ``/$count`` and ``/$value``."""
    text = bytes(value) if isinstance(value, msgspec.Raw) else str(value).encode()
    return Answer(status=200, body=text, headers={"content-type": "text/plain; charset=utf-8"})


def _json(status: int, value: Any) -> Answer:
    return Answer(status=status, body=msgspec.json.encode(value))
