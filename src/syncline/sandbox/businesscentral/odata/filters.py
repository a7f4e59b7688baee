"""``$filter``: read by a grammar, checked against the entity's properties, and turned into SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeAlias

from lark import Lark, Token, Tree
from lark.exceptions import LarkError
from msgspec import Struct

from syncline.connectors.businesscentral.metadata import EdmType, EntitySet, Property
from syncline.sandbox.businesscentral.errors import ApiError, bad_request
from syncline.sandbox.businesscentral.odata.naming import enum_name, qualified
from syncline.sandbox.businesscentral.values import folded, moment, parsed_decimal, store

Node: TypeAlias = "Tree[Token] | Token"

_GRAMMAR = r"""
    ?start: either
    ?either: both ("or" both)*
    ?both: one ("and" one)*
    ?one: "(" either ")"
        | operand COMPARE operand      -> comparison
        | TEST "(" operand "," operand ")"  -> test
        | operand "in" "(" _literal ("," _literal)* ")" -> membership
    ?operand: NAME | _literal
        | FOLD "(" operand ")"         -> fold
        | "substring" "(" operand "," INTEGER ("," INTEGER)? ")" -> substring
    _literal: MEMBER | STRING | MOMENT | DATE | GUID | INTEGER | NUMBER | TRUTH | NULL

    COMPARE.2: /(eq|ne|gt|ge|lt|le)\b/
    TEST.2: "startswith" | "endswith" | "contains"
    FOLD.2: "tolower" | "toupper"
    TRUTH.2: /(true|false)\b/
    NULL.2: /null\b/
    GUID.4: /[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}/
    MOMENT.4: /\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)/
    DATE.3: /\d{4}-\d\d-\d\d/
    NUMBER.2: /-?\d+\.\d+/
    INTEGER.1: /-?\d+/
    MEMBER.5: /[A-Za-z_][\w.]*\.[A-Za-z_]\w*'[^']*'/
    STRING: /'([^']|'')*'/
    NAME: /[A-Za-z_][A-Za-z0-9_]*(\/[A-Za-z_][A-Za-z0-9_]*)?/
    %ignore /\s+/
"""
_parser = Lark(_GRAMMAR, parser="lalr")

_OPERATORS = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_SQL_INTEGERS = 2**63
_MOST_CONDITIONS = 500
_MIRRORED = {"eq": "eq", "ne": "ne", "gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_TESTS = {
    "startswith": "substr({0}, 1, length({1})) = {1}",
    "endswith": "({1} = '' OR substr({0}, -length({1})) = {1})",
    "contains": "instr({0}, {1}) > 0",
}
_TEXTS = (EdmType.STRING, EdmType.ENUM)
_LAMBDA = re.compile(r"\w/(any|all)\s*\(")
_QUOTED = re.compile(r"'([^']|'')*'")
UNFILTERABLE: Mapping[str, frozenset[str]] = {"customers": frozenset({"blocked"})}
"""Properties that the product refuses in a filter, as integrators report."""


class Where(Struct, frozen=True):
    """A condition in SQL. ``fixed`` are the properties that it holds to one value, ``ranged`` to a range."""

    sql: str
    parameters: tuple[Any, ...] = ()
    fixed: frozenset[str] = frozenset()
    ranged: frozenset[str] = frozenset()


def where(text: str, entity_set: EntitySet, *, newer: bool) -> Where | None:
    """The condition that a filter states. ``newer`` is schema version 2.1. Raises `ApiError`.

    ``None`` where it has a lambda operator: the product ignores such a filter ("Known OData Limitations").
    """
    if _LAMBDA.search(_QUOTED.sub("''", text)):
        return None
    try:
        tree = _parsed(text)
        compiler = _Compiler(entity_set, newer)
        sql = compiler.condition(tree)
        fixed, ranged = compiler.bounds(tree)
    except RecursionError:
        raise bad_request("The filter is nested too deeply.") from None
    return Where(sql, tuple(compiler.parameters), fixed, ranged)


@lru_cache(maxsize=256)
def _parsed(text: str) -> Node:
    try:
        return _parser.parse(text)
    except LarkError as error:
        column = getattr(error, "column", "?")
        raise bad_request(f"Syntax error at position {column} in '{text}'.") from None


class _Compiler:
    """One filter over one entity: the conditions, with their parameters in order."""

    def __init__(self, entity_set: EntitySet, newer: bool) -> None:
        self._entity_set = entity_set
        self._newer = newer
        self.parameters: list[Any] = []

    def condition(self, node: Node) -> str:
        if isinstance(node, Token):
            raise bad_request(f"'{node}' is no condition.")
        many = node.data in ("both", "either") and len(node.children) > _MOST_CONDITIONS
        if many and not (node.data == "either" and self._equal_to(node)):
            raise bad_request(f"A filter has at most {_MOST_CONDITIONS} conditions side by side.")
        match node.data:
            case "both":
                return "(" + " AND ".join(self.condition(child) for child in node.children) + ")"
            case "either":
                self._check_one_field(node)
                if equal := self._equal_to(node):
                    return self._membership(*equal)
                return "(" + " OR ".join(self.condition(child) for child in node.children) + ")"
            case "comparison":
                return self._comparison(*node.children)
            case "test":
                return self._test(*node.children)
            case "membership" if not self._newer:
                raise _needs_newer("The operator 'in'")
            case "membership":
                return self._membership(*node.children)
        raise bad_request(f"'{node.data}' is no condition.")

    def bounds(self, node: Node) -> tuple[frozenset[str], frozenset[str]]:
        """The properties fixed to a value and bound to a range by conditions that all must hold."""
        fixed: set[str] = set()
        ranged: set[str] = set()
        conditions = node.children if isinstance(node, Tree) and node.data == "both" else [node]
        for each in conditions:
            if isinstance(each, Tree) and each.data in ("comparison", "membership"):
                name, operator = each.children[0], str(each.children[1])
                if isinstance(name, Token) and name.type == "NAME":
                    (fixed if each.data == "membership" or operator == "eq" else ranged).add(str(name))
            elif isinstance(each, Tree) and each.data == "either":
                names = {str(name) for name in _names(each)}
                equal = all(str(one.children[1]) == "eq" for one in each.find_data("comparison"))
                (fixed if equal else ranged).update(names)
        return frozenset(fixed), frozenset(ranged)

    def _equal_to(self, node: Tree[Token]) -> list[Node]:
        """A property and the values that it may have, where that is all that is said; hundreds of them are usual."""
        values: list[Node] = []
        for child in node.children:
            if not isinstance(child, Tree) or child.data != "comparison":
                return []
            left, operator, right = child.children
            if not isinstance(left, Token) or left.type != "NAME" or str(operator) != "eq" or _names(right):
                return []
            values.append(right)
        return [_names(node)[0], *values]

    def _check_one_field(self, node: Tree[Token]) -> None:
        names = sorted({str(name) for name in _names(node)})
        if len(names) > 1:
            message = f"The 'or' operator over different fields ({', '.join(names)}) is not supported."
            raise ApiError(400, "Application_FilterErrorException", message)

    def _comparison(self, left: Node, operator: Node, right: Node) -> str:
        compared = str(operator)
        if not _names(left):
            left, right, compared = right, left, _MIRRORED[compared]
        said = self._property(left)
        column = self._operand(left)
        if isinstance(right, Token) and right.type != "NAME":
            self.parameters.append(self._value(left, said, right, compared))
            return f"{column} {_OPERATORS[compared]} ?"
        raise bad_request("A condition compares a property with a value.")

    def _test(self, test: Node, left: Node, right: Node) -> str:
        said = self._property(left)
        if said.type not in _TEXTS:
            raise bad_request(f"The function '{test}' is for text: '{_names(left)[0]}' is {said.type}.")
        if isinstance(left, Tree) and not self._newer:
            raise _needs_newer(f"A function inside '{test}'")
        if not isinstance(right, Token) or right.type != "STRING":
            raise bad_request(f"The function '{test}' takes a property and a text.")
        column, text = self._operand(left), _unquoted(right)
        text = folded(text) if _folds(left) else text.upper() if said.upper_case else text
        template = _TESTS[str(test)]
        self.parameters += [text] * template.count("{1}")
        return template.format(column, "?")

    def _membership(self, left: Node, *members: Node) -> str:
        said = self._property(left)
        column = self._operand(left)
        values = [self._value(left, said, member, "eq") for member in members if isinstance(member, Token)]
        self.parameters += values
        return f"{column} IN ({', '.join('?' * len(members))})"

    def _operand(self, node: Node) -> str:
        if isinstance(node, Token):
            return _column(node, self._property(node))
        if (said := self._property(node)).type not in _TEXTS:
            raise bad_request(f"The functions of text are not for '{_names(node)[0]}', which is {said.type}.")
        inner = node.children[1] if node.data == "fold" else node.children[0]
        if isinstance(inner, Tree) and not self._newer:
            raise _needs_newer("A function inside a function")
        column = self._operand(inner)
        if node.data == "fold":
            return f"folded({column})"
        start, *length = whole = [int(str(child)) for child in node.children[1:]]
        if min(whole) < 0 or max(whole) >= _SQL_INTEGERS - 1:
            raise bad_request("The function 'substring' starts at 0 and takes whole numbers.")
        return f"substr({column}, {start + 1}{f', {length[0]}' if length else ''})"

    def _property(self, node: Node) -> Property:
        names = _names(node)
        if len(names) != 1:
            raise bad_request("A condition is about one property.")
        name = str(names[0])
        said = self._entity_set.properties.get(name)
        if said is None or said.type is EdmType.STREAM:
            raise bad_request(f"Could not find a property named '{name}' on type '{self._entity_set.entity}'.")
        if name in UNFILTERABLE.get(self._entity_set.name, ()):
            raise bad_request(f"The property '{name}' cannot be used in the query option $filter.")
        return said

    def _value(self, operand: Node, said: Property, token: Token, operator: str) -> Any:
        """What an operand is compared with: letter case does not count where it was folded."""
        if _folds(operand) and token.type == "STRING":
            return folded(_unquoted(token))
        return self._literal(said, token, operator)

    def _literal(self, said: Property, token: Token, operator: str) -> Any:
        wanted = _LITERALS.get(said.type, ("STRING",))
        if token.type not in wanted:
            raise bad_request(f"The value {token} is not of the type {said.type} that it is compared with.")
        match said.type:
            case EdmType.DECIMAL | EdmType.INT32 | EdmType.INT64:
                number = parsed_decimal(str(token))
                whole = number == number.to_integral_value() and abs(number) < _SQL_INTEGERS
                return int(number) if whole else float(number)
            case EdmType.DATETIME:
                return _moment_literal(str(token), operator)
            case EdmType.STRING:
                text = _unquoted(token)
                return text.strip().upper() if said.upper_case else text
            case EdmType.ENUM:
                kind, _, member = str(token).removesuffix("'").rpartition("'")
                if kind not in ("", qualified(enum_name(said))):
                    raise bad_request(f"The value {token} is not of the type {qualified(enum_name(said))}.")
                return store("value", said, member)
        return str(token).lower()


_LITERALS: Mapping[EdmType, tuple[str, ...]] = {
    EdmType.GUID: ("GUID",),
    EdmType.DECIMAL: ("NUMBER", "INTEGER"),
    EdmType.INT32: ("INTEGER",),
    EdmType.INT64: ("INTEGER",),
    EdmType.BOOLEAN: ("TRUTH",),
    EdmType.DATE: ("DATE",),
    EdmType.DATETIME: ("MOMENT",),
    EdmType.ENUM: ("STRING", "MEMBER"),
}


def _names(node: Node) -> list[Token]:
    if isinstance(node, Token):
        return [node] if node.type == "NAME" else []
    return [found for child in node.children for found in _names(child)]


def _folds(node: Node) -> bool:
    return isinstance(node, Tree) and next(node.find_data("fold"), None) is not None


def _column(name: Token, said: Property) -> str:
    return f'CAST("{name}" AS NUMERIC)' if said.type is EdmType.DECIMAL else f'"{name}"'


def _unquoted(token: Token) -> str:
    return str(token)[1:-1].replace("''", "'")


def _moment_literal(text: str, operator: str) -> str:
    """Stored moments are whole milliseconds: a finer bound moves to the next one that tells the same apart."""
    padded = re.sub(r"\.(\d+)", lambda found: "." + found[1][:6].ljust(6, "0"), text)
    try:
        when = datetime.fromisoformat(padded)
        if operator in ("ge", "lt") and when.microsecond % 1000:
            when += timedelta(milliseconds=1)
        return moment(when)
    except (ValueError, OverflowError):
        raise bad_request(f"'{text}' is no moment.") from None


def _needs_newer(what: str) -> ApiError:
    return bad_request(f"{what} is not supported by schema version 2.0: ask with $schemaversion=2.1.")
