"""Property values: as JSON sends them, as a row stores them, and as JSON shows them again.

Stored, every value is exact and ready to be shown: decimals as the text of a JSON number, truth values as ``true``
and ``false``, ids in lower case, moments in UTC with milliseconds, enum members escaped; nothing is ever null.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from syncline.connectors.businesscentral.metadata import (
    BLANK_MEMBER,
    ZERO_DATE,
    ZERO_DATETIME,
    ZERO_GUID,
    EdmType,
    Property,
)
from syncline.sandbox.businesscentral.errors import ApiError, bad_request

Stored: TypeAlias = str | int

LARGEST = Decimal("999999999999999.99")
MOST_DECIMALS = 5
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_BLANKS: dict[EdmType, Stored] = {
    EdmType.STRING: "",
    EdmType.GUID: ZERO_GUID,
    EdmType.DECIMAL: "0",
    EdmType.INT32: 0,
    EdmType.BOOLEAN: "false",
    EdmType.DATE: ZERO_DATE,
    EdmType.DATETIME: ZERO_DATETIME,
}
RAW_TYPES = frozenset({EdmType.DECIMAL, EdmType.BOOLEAN})
"""Stored as the very text that JSON shows."""

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def decode(body: bytes) -> Any:
    """JSON with its fractions exact. Raises `ApiError`."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(f"The request body is not JSON: {error}.") from None
    except RecursionError:
        raise bad_request("The request body is nested too deeply.") from None


def blank(said: Property) -> Stored:
    """What a property holds that was never set."""
    if said.type is EdmType.ENUM:
        return BLANK_MEMBER if BLANK_MEMBER in said.members else said.members[0]
    return _BLANKS[said.type]


def shown(said: Property, stored: Stored) -> Any:
    """What `msgspec` is to encode for a stored value."""
    return msgspec.Raw(str(stored).encode()) if said.type in RAW_TYPES else stored


def number(value: Decimal) -> str:
    """A decimal as JSON writes it: no exponent, no zeros behind the last digit."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def folded(text: str) -> str:
    """As ``tolower`` and ``toupper`` compare: they make letter case not count, in any alphabet."""
    return text.casefold()


def truth(value: object) -> str:
    return "true" if value else "false"


def moment(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def store(name: str, said: Property, value: Any) -> Stored:
    """The stored form of what a request sends. Raises `ApiError` with the code that the contract gives for it."""
    if value is None:
        return blank(said)
    return _STORES[said.type](name, said, value)


def _text(name: str, said: Property, value: Any) -> str:
    if not isinstance(value, str):
        raise _not_of_type(name, value, "Edm.String")
    text = value.strip().upper() if said.upper_case else value
    if said.max_length is not None and len(text) > said.max_length:
        raise ApiError(
            400,
            "Application_StringExceededLength",
            f"The length of the string is {len(text)}, but it must be less than or equal to {said.max_length} "
            f"characters. Property: {name}. Value: {text}",
        )
    return text


def _guid(name: str, _: Property, value: Any) -> str:
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError):
        raise ApiError(400, "Application_InvalidGUID", f"The value '{value}' of '{name}' is no GUID.") from None


def _decimal(name: str, said: Property, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _not_of_type(name, value, "Edm.Decimal")
    exact = Decimal(value)
    if abs(exact) > LARGEST:
        raise ApiError(400, "Application_EvaluateException", f"The value {value} of '{name}' is too large.")
    if said.min_value is not None and exact < said.min_value:
        raise ApiError(
            400,
            "Application_FieldValidationException",
            f"The value {value} of '{name}' must be greater than or equal to {said.min_value}.",
        )
    places = MOST_DECIMALS if said.decimals is None else said.decimals
    return number(rounded(exact, places))


def rounded(value: Decimal, places: int) -> Decimal:
    """Half away from zero, as money is rounded."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _integer(name: str, _: Property, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise _not_of_type(name, value, "Edm.Int32")
    return value


def _boolean(name: str, _: Property, value: Any) -> str:
    if not isinstance(value, bool):
        raise _not_of_type(name, value, "Edm.Boolean")
    return truth(value)


def _date(name: str, _: Property, value: Any) -> str:
    try:
        if _ISO_DATE.fullmatch(value):
            return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        pass
    raise _not_of_type(name, value, "Edm.Date")


def _datetime(name: str, _: Property, value: Any) -> str:
    try:
        return moment(datetime.fromisoformat(value))
    except (TypeError, ValueError, OverflowError):
        raise _not_of_type(name, value, "Edm.DateTimeOffset") from None


def _member(name: str, said: Property, value: Any) -> str:
    if value not in said.members:
        raise bad_request(f"The value '{value}' of '{name}' is none of its members: {', '.join(said.members)}.")
    return str(value)


def _stream(name: str, _: Property, __: Any) -> str:
    raise bad_request(f"The content of '{name}' is not written with the record's other properties.")


def _not_of_type(name: str, value: Any, expected: str) -> ApiError:
    return bad_request(f"Cannot convert the literal '{value}' of '{name}' to the expected type '{expected}'.")


def parsed_decimal(text: str) -> Decimal:
    """Of a literal in a filter. Raises `ApiError`."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise bad_request(f"'{text}' is no number.") from None


_STORES: dict[EdmType, Callable[[str, Property, Any], Stored]] = {
    EdmType.STRING: _text,
    EdmType.GUID: _guid,
    EdmType.DECIMAL: _decimal,
    EdmType.INT32: _integer,
    EdmType.BOOLEAN: _boolean,
    EdmType.DATE: _date,
    EdmType.DATETIME: _datetime,
    EdmType.ENUM: _member,
    EdmType.STREAM: _stream,
}
