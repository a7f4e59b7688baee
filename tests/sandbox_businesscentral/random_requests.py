"""Requests made at random from ``$metadata``: right ones, wrong ones, and what is no request at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote
from xml.etree.ElementTree import Element

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from sandbox_businesscentral.schema import EDM, Schema

NOWHERE = "11111111-1111-1111-1111-111111111111"
_COMPUTED = f"{EDM}Annotation[@Term='Org.OData.Core.V1.Computed']"
_OPERATORS = ["eq", "ne", "gt", "ge", "lt", "le", "has", "add"]
_TESTS = ["startswith", "endswith", "contains", "tolower", "substring", "length", "indexof"]
_NASTY = [
    "",
    "\x00",
    "'",
    "''",
    "\\",
    '"',
    "%",
    "%00",
    "\ud800",
    "\U0001f600",
    "a" * 5000,
    "ΣΊΣΥΦΟΣ",
    "﷽",
    "null",
    "\u202e",
    "\r\n",
]
_MOMENTS = ["2026-02-30", "0000-01-01", "0001-01-01", "9999-12-31", "99999-01-01", "2024-02-29", "2026-01-01T25:00:00Z"]
_NUMBERS = [0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 10**400, 0.1, 1e-9, 1e308, -0.0, 999999999999999.99]
_WORDS = [
    "$filter",
    "$select",
    "$expand",
    "$orderby",
    "$top",
    "$skip",
    "$count",
    "$skiptoken",
    "$schemaversion",
    "$apply",
]
_METHODS = ["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "MERGE"]
_ACTIONS = ["Microsoft.NAV.shipAndInvoice", "Microsoft.NAV.post", "Microsoft.NAV."]
_USUAL = ["customers", "contacts", "items", "salesOrders", "salesOrderLines", "itemCategories", "paymentTerms"]
_KINDS = [
    "application/json",
    "application/json;charset=utf-8",
    "text/plain",
    "multipart/mixed",
    "multipart/mixed; boundary=x",
    "",
]


class Asked(NamedTuple):
    """``path`` is below the API's root and as it goes over the wire."""

    method: str
    path: str
    headers: Mapping[str, str] = {}
    body: bytes | None = None


class Requests:
    """The strategies, over one schema and the ids of records that are there."""

    def __init__(self, schema: Schema, company: str, ids: Mapping[str, list[str]]) -> None:
        self._schema = schema
        self._company = company
        self._ids = ids
        self.sets = sorted(schema.ways("company"))

    @cache  # noqa: B019 - there is one of these a test run
    def reads(self) -> SearchStrategy[Asked]:
        @st.composite
        def read(draw: st.DrawFn) -> Asked:
            name, path = draw(self._paths())
            options = draw(self._options(name, 2))
            headers = draw(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "Prefer": st.sampled_from(
                            ["odata.maxpagesize=1", "odata.maxpagesize=x", "odata.maxpagesize=0", ","]
                        ),
                        "If-None-Match": st.sampled_from(["*", 'W/"x"', ","]),
                        "Accept": st.sampled_from(["application/json", "application/xml", "x"]),
                    },
                )
            )
            method = draw(st.sampled_from(["GET"] * 9 + ["HEAD"]))
            return Asked(method, path + _query(options), headers)

        return read()

    @cache  # noqa: B019 - there is one of these a test run
    def writes(self) -> SearchStrategy[Asked]:
        known = [name for name in self.sets if self._ids.get(name)]
        usual = [name for name in _USUAL if name in known]

        @st.composite
        def write(draw: st.DrawFn) -> Asked:
            method = draw(_mostly(st.sampled_from(["PATCH", "POST"]), st.sampled_from(["DELETE", "PUT"])))
            name = draw(_mostly(st.sampled_from(usual), st.one_of(st.sampled_from(known), st.sampled_from(self.sets))))
            path = self._below(name)
            if method != "POST" or draw(st.integers(0, 19)) == 0:
                path += f"({draw(self._keys(name))})"
            if draw(st.integers(0, 15)) == 0:
                path += "/" + draw(st.sampled_from([*self._ways(name), *_ACTIONS, "$value", "$count", "x"]))
            headers = {"Content-Type": "application/json"}
            if draw(st.integers(0, 9)):
                headers["If-Match"] = draw(_mostly(st.just("*"), st.sampled_from(['W/"x"', ""])))
            options = draw(self._options(name, 2)) if draw(st.integers(0, 5)) == 0 else []
            return Asked(method, path + _query(options), headers, draw(self._body(name)))

        return write()

    @cache  # noqa: B019 - there is one of these a test run
    def garbage(self) -> SearchStrategy[Asked]:
        @st.composite
        def junk(draw: st.DrawFn) -> Asked:
            name = draw(st.sampled_from([*self.sets, "companies", "$metadata", "$batch"]))
            path = draw(
                st.one_of(
                    st.just(self._below(name)),
                    st.just(f"/{name}"),
                    st.text(max_size=30).map(lambda text: "/" + _wire(text)),
                    st.text(max_size=20).map(lambda text: self._below(name) + "(" + _wire(text)),
                    st.text("()$/'=,.;:@%&?ab0", max_size=20).map(lambda text: self._below(name) + text),
                    st.sampled_from(
                        ["/%", "/%zz", "/%ff%fe", "/%00", "//", "/.", "/..", "/companies(", "/companies()/items"]
                    ),
                )
            )
            query = draw(
                st.one_of(
                    st.just(""),
                    st.text("$=&%()'; abfilteropxy0", max_size=40).map(lambda text: "?" + _wire(text, "&=$%")),
                )
            )
            headers = {"Content-Type": draw(st.sampled_from(_KINDS))}
            body = draw(st.one_of(st.none(), st.binary(max_size=60), self._body(self.sets[0])))
            if draw(st.booleans()):
                headers["If-Match"] = "*"
            return Asked(draw(st.sampled_from(_METHODS)), path + query, headers, body)

        return junk()

    @cache  # noqa: B019 - there is one of these a test run
    def batches(self) -> SearchStrategy[Asked]:
        @st.composite
        def batch(draw: st.DrawFn) -> Asked:
            several = draw(st.lists(st.one_of(self.reads(), self.writes(), self.writes()), max_size=6))
            requests = [
                {
                    "id": draw(st.sampled_from(["1", "2", "x"])) if draw(st.integers(0, 19)) == 0 else f"o{index}",
                    "method": each.method,
                    "url": each.path.removeprefix("/") if draw(st.booleans()) else each.path,
                    "headers": dict(each.headers),
                    **({"body": _loose(each.body)} if each.body else {}),
                    **(
                        {"dependsOn": [draw(st.sampled_from(["o0", "nothing"]))]}
                        if draw(st.integers(0, 5)) == 0
                        else {}
                    ),
                }
                for index, each in enumerate(several)
            ]
            headers = {"Content-Type": "application/json"}
            if draw(st.booleans()):
                headers["Isolation"] = "snapshot"
            if draw(st.booleans()):
                headers["Prefer"] = "odata.continue-on-error"
            return Asked("POST", "/$batch", headers, json.dumps({"requests": requests}).encode())

        return batch()

    @cache  # noqa: B019 - there is one of these a test run
    def _paths(self) -> SearchStrategy[tuple[str, str]]:
        @st.composite
        def path(draw: st.DrawFn) -> tuple[str, str]:
            name = draw(st.sampled_from([*self.sets, "companies"]))
            text = "/companies" if name == "companies" else self._below(name)
            if draw(st.booleans()):
                text += f"({draw(self._keys(name))})"
                if draw(st.booleans()):
                    properties = sorted(self._properties(name))
                    text += "/" + draw(st.sampled_from([*self._ways(name), *properties, "$count", "x"]))
            if draw(st.integers(0, 5)) == 0:
                text += draw(st.sampled_from(["/$count", "/$value", "/$ref", "/"]))
            return name, text

        return path()

    @cache  # noqa: B019 - there is one of these a test run
    def _options(self, name: str, depth: int) -> SearchStrategy[list[tuple[str, str]]]:
        properties = self._properties(name)
        names = st.sampled_from([*sorted(properties), "nothing"])
        listed = st.lists(names, min_size=1, max_size=3).map(",".join)
        direction = st.sampled_from(["", " asc", " desc", " up"])
        known: dict[str, SearchStrategy[str]] = {
            "$filter": self._filters(name),
            "$select": listed,
            "$orderby": st.tuples(names, direction).map("".join),
            "$top": st.sampled_from(["0", "1", "3", "-1", "x", "9" * 30]),
            "$skip": st.sampled_from(["0", "1", "9999999999", "-1"]),
            "$count": st.sampled_from(["true", "false", "x"]),
        }
        if depth:
            known["$expand"] = self._expands(name, depth)
        pairs = [st.tuples(st.just(option), value) for option, value in known.items()]
        outer = [
            st.tuples(st.just("$schemaversion"), st.sampled_from(["2.0", "2.1", "3"])),
            st.tuples(st.just("$skiptoken"), st.text(max_size=20)),
            st.tuples(st.sampled_from(_WORDS), st.text(max_size=20)),
            st.tuples(st.just("company"), st.text(max_size=5)),
        ]
        return st.lists(
            st.one_of(*pairs, *pairs, *(outer if depth == 2 else [])), max_size=3, unique_by=lambda pair: pair[0]
        )

    @cache  # noqa: B019 - there is one of these a test run
    def _expands(self, name: str, depth: int) -> SearchStrategy[str]:
        ways = self._ways(name)
        if not ways:
            return st.sampled_from(["nothing", "*", "id"])

        @st.composite
        def expand(draw: st.DrawFn) -> str:
            way = draw(st.sampled_from([*ways, "nothing"]))
            target = ways.get(way)
            inside = draw(self._options(target, depth - 1)) if target and draw(st.booleans()) else []
            said = ";".join(f"{key}={value}" for key, value in inside)
            return f"{way}({said})" if said else way

        return st.lists(expand(), min_size=1, max_size=2).map(",".join)

    @cache  # noqa: B019 - there is one of these a test run
    def _filters(self, name: str) -> SearchStrategy[str]:
        properties = self._properties(name)
        names = sorted(properties)

        @st.composite
        def condition(draw: st.DrawFn) -> str:
            name = draw(st.sampled_from(names))
            kind = properties[name].attrib["Type"]
            literal = draw(st.one_of(self._literals(kind), self._literals(kind), self._literals("any")))
            operand = name
            if draw(st.integers(0, 3)) == 0:
                function = draw(st.sampled_from(_TESTS))
                rest = {"substring": f",{draw(st.integers(-2, 10**20))}", "indexof": f",{literal}"}.get(function, "")
                if function in ("startswith", "endswith", "contains"):
                    return f"{function}({operand},{literal})"
                operand = f"{function}({operand}{rest})"
            if draw(st.integers(0, 7)) == 0:
                return f"{operand} in ({literal},{literal})"
            return f"{operand} {draw(st.sampled_from(_OPERATORS))} {literal}"

        return st.recursive(
            condition(),
            lambda inner: st.one_of(
                st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map("".join),
                inner.map(lambda text: f"({text})"),
                inner.map(lambda text: f"not {text}"),
                inner.map(lambda text: text[:-1]),
            ),
            max_leaves=4,
        )

    @cache  # noqa: B019 - there is one of these a test run
    def _literals(self, kind: str) -> SearchStrategy[str]:
        quoted = st.one_of(st.text(max_size=8), st.sampled_from(_NASTY)).map(
            lambda text: "'" + text.replace("'", "''") + "'"
        )
        numbers = st.one_of(st.integers().map(str), st.decimals(allow_nan=False, allow_infinity=False).map(str))
        by_kind: dict[str, SearchStrategy[str]] = {
            "Edm.String": quoted,
            "Edm.Guid": st.one_of(st.uuids().map(str), st.just("0" * 8)),
            "Edm.Decimal": numbers,
            "Edm.Int32": numbers,
            "Edm.Int64": numbers,
            "Edm.Boolean": st.sampled_from(["true", "false", "TRUE"]),
            "Edm.Date": st.one_of(st.dates().map(str), st.sampled_from(_MOMENTS)),
            "Edm.DateTimeOffset": st.one_of(
                st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
                st.sampled_from(["9999-12-31T23:59:59.9999999Z", "0001-01-01T00:00:00+14:00", *_MOMENTS]),
            ),
        }
        if kind in by_kind:
            return by_kind[kind]
        if kind == "any":
            return st.one_of(*by_kind.values(), st.just("null"), st.just("INF"))
        members = [each.attrib["Name"] for each in self._schema.enums.get(kind.rpartition(".")[2], ())]
        if not members:
            return quoted
        member = st.sampled_from(members).map(lambda text: f"'{text}'")
        return st.one_of(member, member.map(lambda text: kind + text))

    @cache  # noqa: B019 - there is one of these a test run
    def _body(self, name: str) -> SearchStrategy[bytes]:
        anything = st.recursive(
            st.one_of(
                st.none(), st.booleans(), st.sampled_from(_NUMBERS), st.text(max_size=5), st.sampled_from(_NASTY)
            ),
            lambda inner: st.one_of(
                st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)
            ),
            max_leaves=3,
        )

        @st.composite
        def record(draw: st.DrawFn, depth: int, of: str) -> dict[str, Any]:
            properties = self._properties(of)
            open_ = [each for each, said in properties.items() if said.find(_COMPUTED) is None]
            chosen = draw(st.lists(st.sampled_from(open_), max_size=3)) if open_ else []
            if draw(st.integers(0, 3)) == 0:
                chosen += draw(st.lists(st.sampled_from([*sorted(properties), "nothing", "@odata.x"]), max_size=2))
            made: dict[str, Any] = draw(self._start(of)) if draw(st.integers(0, 7)) else {}
            for each in chosen:
                right = anything
                if (said := properties.get(each)) is not None:
                    right = self._values(said.attrib["Type"], int(said.attrib.get("MaxLength", "250")))
                made[each] = draw(_mostly(right, anything))
            ways = self._ways(of)
            if depth and ways and draw(st.integers(0, 4)) == 0:
                way = draw(st.sampled_from(sorted(ways)))
                made[way] = draw(st.one_of(st.lists(record(depth - 1, ways[way]), max_size=2), anything))
            return made

        @st.composite
        def encoded(draw: st.DrawFn) -> bytes:
            value = draw(_mostly(record(1, name), anything))
            text = json.dumps(value, ensure_ascii=draw(st.booleans()))
            raw = text.encode("utf-8", "surrogatepass")
            return raw if draw(st.integers(0, 15)) else raw[: draw(st.integers(0, len(raw)))]

        return encoded()

    def _start(self, name: str) -> SearchStrategy[dict[str, Any]]:
        """What a record of this set cannot do without."""
        needed: dict[str, SearchStrategy[Any]] = {
            "code": st.text("ABCDEFGH0123", min_size=3, max_size=8),
            "displayName": st.text("abc ", min_size=2, max_size=9),
            "customerId": st.sampled_from(self._ids["customers"]),
            "documentId": st.sampled_from(self._ids["salesOrders"]),
            "itemId": st.sampled_from(self._ids["items"]),
        }
        return st.fixed_dictionaries({each: needed[each] for each in needed if each in self._properties(name)})

    @cache  # noqa: B019 - there is one of these a test run
    def _values(self, kind: str, longest: int) -> SearchStrategy[Any]:
        text: SearchStrategy[Any] = st.one_of(
            st.text(max_size=8),
            st.sampled_from(_NASTY),
            st.sampled_from([longest - 1, longest, longest + 1]).map(lambda length: "x" * length),
            st.sampled_from(["USD", "PCS", "NL", "30D", "C00010", "1896-S", "Item", "Customer"]),
        )
        ids = [NOWHERE, "x", *(each for some in self._ids.values() for each in some[:2])]
        by_kind: dict[str, SearchStrategy[Any]] = {
            "Edm.String": text,
            "Edm.Guid": st.sampled_from(ids),
            "Edm.Decimal": st.one_of(st.sampled_from(_NUMBERS), st.integers(-1000, 1000)),
            "Edm.Int32": st.one_of(st.sampled_from(_NUMBERS), st.integers(-1000, 1000)),
            "Edm.Boolean": st.booleans(),
            "Edm.Date": st.one_of(st.dates().map(str), st.sampled_from(_MOMENTS)),
            "Edm.DateTimeOffset": st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
            "Edm.Stream": st.just("AAAA"),
        }
        members = [each.attrib["Name"] for each in self._schema.enums.get(kind.rpartition(".")[2], ())]
        return by_kind[kind] if kind in by_kind else st.sampled_from([*members, "nothing"])

    @cache  # noqa: B019 - there is one of these a test run
    def _keys(self, name: str) -> SearchStrategy[str]:
        known = self._ids.get(name) or [NOWHERE]
        text = st.text(max_size=6).map(lambda key: _wire(key, ""))
        return _mostly(st.sampled_from(known), st.one_of(st.just(NOWHERE), text))

    @cache  # noqa: B019 - there is one of these a test run
    def _properties(self, name: str) -> Mapping[str, Element]:
        return self._schema.properties(self._entity(name))

    @cache  # noqa: B019 - there is one of these a test run
    def _ways(self, name: str) -> dict[str, str]:
        """The sets that the ways of a set lead to, by the names of the ways."""
        targets = {self._entity(each): each for each in self._schema.sets}
        ways = self._schema.ways(self._entity(name)) if name != "companies" else {}
        return {way: targets[self._schema.local(said.attrib["Type"])] for way, said in ways.items()}

    def _entity(self, name: str) -> str:
        return self._schema.local(self._schema.sets[name].attrib["EntityType"])

    def _below(self, name: str) -> str:
        return f"/companies({self._company})/{name}"


def _mostly(usual: SearchStrategy[Any], rare: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Seven times the one, then the other."""
    return st.integers(0, 7).flatmap(lambda number: usual if number else rare)


def _query(options: list[tuple[str, str]]) -> str:
    return "?" + "&".join(f"{name}={_wire(value)}" for name, value in options) if options else ""


def _wire(text: str, safe: str = "$/(),;'=:*") -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe=safe)


def _loose(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("latin-1")
