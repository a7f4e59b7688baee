"""JSON Schema as far as the sandbox's document uses it; a keyword that is not known here fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float, Decimal),
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
_SAYS_NOTHING = {"description", "readOnly", "default", "x-refers-to"}


class Schemas:
    """The schemas of a document. ``wrong`` tells what a value breaks, nothing where it is valid."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.schemas = document["components"]["schemas"]

    def wrong(self, value: Any, schema: dict[str, Any], at: str = "$") -> list[str]:
        return [
            f"{at}: {keyword}: {problem}"
            for keyword, said in schema.items()
            if keyword not in _SAYS_NOTHING
            for problem in getattr(self, f"_{keyword.replace('$', '')}")(value, said, schema, at)
        ]

    def _ref(self, value: Any, said: str, _: Any, at: str) -> list[str]:
        return self.wrong(value, self.schemas[said.removeprefix("#/components/schemas/")], at)

    def _type(self, value: Any, said: str | list[str], _: Any, __: str) -> Iterator[str]:
        names = [said] if isinstance(said, str) else said
        if not any(_is(value, name) for name in names):
            yield f"{value!r} is not {names}"

    def _enum(self, value: Any, said: list[Any], _: Any, __: str) -> Iterator[str]:
        if value not in said:
            yield f"{value!r} is not in {said}"

    def _maxLength(self, value: Any, said: int, _: Any, __: str) -> Iterator[str]:  # noqa: N802
        if isinstance(value, str) and len(value) > said:
            yield f"{len(value)} is more than {said}"

    def _minimum(self, value: Any, said: int, _: Any, __: str) -> Iterator[str]:
        if _is(value, "number") and value < said:
            yield f"{value} is below {said}"

    def _exclusiveMinimum(self, value: Any, said: int, _: Any, __: str) -> Iterator[str]:  # noqa: N802
        if _is(value, "number") and value <= said:
            yield f"{value} is not above {said}"

    def _exclusiveMaximum(self, value: Any, said: int, _: Any, __: str) -> Iterator[str]:  # noqa: N802
        if _is(value, "number") and value >= said:
            yield f"{value} is not below {said}"

    def _format(self, value: Any, said: str, _: Any, __: str) -> Iterator[str]:
        if not isinstance(value, str):
            return
        try:
            if said == "date" and date.fromisoformat(value).isoformat() != value:
                yield f"{value} is no date"
            if said == "date-time" and datetime.fromisoformat(value).tzinfo is None:
                yield f"{value} has no zone"
        except ValueError:
            yield f"{value} is no {said}"

    def _properties(self, value: Any, said: dict[str, Any], _: Any, at: str) -> Iterator[str]:
        for name in (name for name in said if isinstance(value, dict) and name in value):
            yield from self.wrong(value[name], said[name], f"{at}.{name}")

    def _required(self, value: Any, said: list[str], _: Any, __: str) -> Iterator[str]:
        if isinstance(value, dict) and (missing := set(said) - value.keys()):
            yield f"{sorted(missing)} missing"

    def _additionalProperties(self, value: Any, said: bool, schema: Any, _: str) -> Iterator[str]:  # noqa: N802
        assert said is False
        if isinstance(value, dict) and (more := value.keys() - schema["properties"].keys()):
            yield f"{sorted(more)} not known"

    def _items(self, value: Any, said: dict[str, Any], _: Any, at: str) -> Iterator[str]:
        for place, item in enumerate(value if isinstance(value, list) else ()):
            yield from self.wrong(item, said, f"{at}[{place}]")

    def _anyOf(self, value: Any, said: list[dict[str, Any]], _: Any, at: str) -> Iterator[str]:  # noqa: N802
        if all(self.wrong(value, each, at) for each in said):
            yield "none fits"


def _is(value: Any, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and not (isinstance(value, bool) and name in {"number", "integer"})
