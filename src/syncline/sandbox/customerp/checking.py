"""Bodies: what was sent, checked against the declarations and made complete. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from syncline.sandbox.customerp.model import STAMPS, Entity, Kind, Property
from syncline.sandbox.customerp.problems import Mistake, invalid

LARGEST = 10**15
DECIMALS = 10
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_WORDS = {dict: "an object", list: "an array", str: "a text", bool: "true or false", int: "a number"}


def merged(old: Any, patch: Any) -> Any:
    """``old`` with the merge patch (RFC 7396) in it; what is taken out stays as ``None``, which is empty here."""
    if not isinstance(patch, dict):
        return patch
    kept = old if isinstance(old, dict) else {}
    return {**kept, **{name: merged(kept.get(name), value) for name, value in patch.items()}}


def complete(entity: Entity, body: Any, lines: Collection[str] = ()) -> dict[str, Any]:
    """Every property of the entity, as the body has it, empty where it has none.

    ``lines`` are the ids of the lines there are; a new line has ``None``. Raises `Problem` with all that is wrong.
    """
    record, mistakes = checked(entity.properties, body, STAMPS, lines)
    if mistakes:
        raise invalid(mistakes)
    return record


def checked(
    properties: tuple[Property, ...], body: Any, stamps: tuple[str, ...], lines: Collection[str] = ()
) -> tuple[dict[str, Any], list[Mistake]]:
    """The properties as the body has them, and what is wrong with it; ``stamps`` are those that nobody may write.

    Raises `Problem` where it is no object at all.
    """
    if not isinstance(body, dict):
        raise invalid([Mistake("", f"Send an object, not {_word(body)}.")])
    checking = _Checking(frozenset(lines))
    return checking.object(properties, body, "", stamps), checking.mistakes


class _Checking:
    """One body, and what is wrong with it so far."""

    def __init__(self, lines: frozenset[str]) -> None:
        self.mistakes: list[Mistake] = []
        self._lines = lines
        self._seen: set[str] = set()

    def object(
        self, properties: tuple[Property, ...], sent: Mapping[str, Any], at: str, stamps: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        known = {said.name for said in properties}
        for name in sent.keys() - known:
            self._mistaken(f"{at}{name}", _no_such(name, known, stamps))
        record = {said.name: self._value(said, sent.get(said.name), f"{at}{said.name}") for said in properties}
        for said in properties:
            if record[said.name] is None:
                record[said.name] = said.default(record) if callable(said.default) else said.default
        return record

    def _value(self, said: Property, sent: Any, at: str) -> Any:
        match said.kind:
            case Kind.OBJECT:
                return self.object(said.properties, self._of(dict, {}, sent, at), f"{at}.")
            case Kind.LINES:
                return [self._line(said, line, f"{at}[{i}]") for i, line in enumerate(self._of(list, [], sent, at))]
            case Kind.TEXTS:
                one = self._member if said.members else self._text
                texts = enumerate(self._of(list, [], sent, at))
                return [one(said, text, f"{at}[{i}]") or "" for i, text in texts]
        if sent is None or (sent == "" and said.kind is Kind.TEXT):
            return None
        match said.kind:
            case Kind.DECIMAL:
                return self._decimal(said, sent, at)
            case Kind.BOOLEAN:
                return self._of(bool, None, sent, at)
            case Kind.DATE:
                return self._date(sent, at)
            case Kind.ENUM:
                return self._member(said, sent, at)
            case _:
                return self._text(said, sent, at)

    def _line(self, said: Property, sent: Any, at: str) -> dict[str, Any]:
        if not isinstance(sent, dict):
            self._mistaken(at, f"Send an object, not {_word(sent)}.")
            return {}
        rest = dict(sent)
        name = rest.pop("id", None)
        if name is not None and not (isinstance(name, str) and name in self._lines):
            self._mistaken(f"{at}.id", "There is no such line: leave the id out to add one.")
        elif name in self._seen:
            self._mistaken(f"{at}.id", "Another line of this body has this id already.")
        elif name is not None:
            self._seen.add(name)
        return {"id": name, **self.object(said.properties, rest, f"{at}.")}

    def _text(self, said: Property, sent: Any, at: str) -> str | None:
        text: str | None = self._of(str, None, sent, at)
        if text is not None and said.max_length is not None and len(text) > said.max_length:
            self._mistaken(at, f"At most {said.max_length} characters, and these are {len(text)}.")
        return text

    def _member(self, said: Property, sent: Any, at: str) -> Any:
        if sent not in said.members:
            self._mistaken(at, f"Choose one of {', '.join(said.members)}.")
        return sent

    def _decimal(self, said: Property, sent: Any, at: str) -> Decimal | int | None:
        if isinstance(sent, bool) or not isinstance(sent, int | Decimal):
            self._mistaken(at, f"Send a number, not {_word(sent)}.")
            return None
        number = Decimal(sent)
        if number.copy_abs() >= LARGEST or _decimals(number) > DECIMALS:
            self._mistaken(at, f"A number is below {LARGEST:,} and has at most {DECIMALS} decimals.")
            return None
        if said.minimum is not None and number < said.minimum:
            self._mistaken(at, f"Not below {said.minimum}.")
        return sent if isinstance(sent, int) else Decimal(format(number, "f"))

    def _date(self, sent: Any, at: str) -> str | None:
        with suppress(ValueError):
            if isinstance(sent, str) and _DATE.fullmatch(sent):
                return date.fromisoformat(sent).isoformat()
        self._mistaken(at, "Send a date as YYYY-MM-DD.")
        return None

    def _of(self, wanted: type, empty: Any, sent: Any, at: str) -> Any:
        if isinstance(sent, wanted):
            return sent
        if sent is not None or wanted is str:
            self._mistaken(at, f"Send {_WORDS[wanted]}, not {_word(sent)}.")
        return empty

    def _mistaken(self, at: str, message: str) -> None:
        self.mistakes.append(Mistake(at, message))


def references(entity: Entity, record: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each reference of a complete record: where it stands, the entity it refers to, the id."""
    for said in entity.properties:
        if said.kind is Kind.REFERENCE and said.refers and record[said.name] is not None:
            yield said.name, said.refers, record[said.name]
        for inner in said.properties if said.kind is Kind.LINES else ():
            for place, line in enumerate(record[said.name]):
                if inner.refers and line[inner.name] is not None:
                    yield f"{said.name}[{place}].{inner.name}", inner.refers, line[inner.name]


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _no_such(name: str, known: Collection[str], stamps: tuple[str, ...]) -> str:
    if name in stamps:
        return "Read only: leave it out."
    near = get_close_matches(name, known, 1)
    return "There is no such property" + (f": did you mean {near[0]}?" if near else ".")


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    return "nothing" if value is None else _WORDS.get(type(value), "a number")
