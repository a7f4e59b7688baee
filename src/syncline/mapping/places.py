"""Lenses that know the world: countries (ISO 3166) and telephone numbers (E.164)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import phonenumbers
import pycountry
from msgspec import Struct
from phonenumbers import NumberParseException, PhoneNumberFormat

from syncline.mapping.lenses import Scalar
from syncline.mapping.model import Lens, LensError
from syncline.records import Value

_DIGITS = re.compile(r"[+\d\s()./\-–]+")
CountryForm: TypeAlias = Literal["alpha2", "alpha3", "numeric", "name"]
_FORMS = {"alpha2": "alpha-2 code", "alpha3": "alpha-3 code", "numeric": "number", "name": "name"}


class Country(Scalar, frozen=True):
    """A country: ISO 3166 alpha-2 in the shared shape, and on its side in the form that side uses.

    Alpha-2 is not checked, because systems keep codes of their own (``XK``, ``EL``): who does not know one says so.
    """

    form: CountryForm = "alpha2"

    def read(self, raw: Any) -> Value:
        if raw is None:
            return None
        if self.form == "alpha2":
            return str(raw).strip().upper() or None
        return _alpha2(str(raw).strip(), self.form)

    def write(self, value: Value) -> Any:
        if value is None:
            return None
        code = str(value).strip().upper()
        return code if self.form == "alpha2" else _spelled(code, self.form)

    @property
    def words(self) -> str | None:
        return f"country by its ISO 3166 {_FORMS[self.form]}"


@lru_cache(maxsize=1024)
def _alpha2(spelled: str, form: CountryForm) -> str:
    try:
        match form:
            case "alpha3":
                found = pycountry.countries.get(alpha_3=spelled.upper())
            case "numeric":
                found = pycountry.countries.get(numeric=spelled.zfill(3))
            case _:
                found = pycountry.countries.lookup(spelled)
    except LookupError:
        found = None
    if found is None:
        raise LensError(f"{spelled} is no country of ISO 3166")
    return str(found.alpha_2)


@lru_cache(maxsize=1024)
def _spelled(alpha2: str, form: CountryForm) -> str:
    found = pycountry.countries.get(alpha_2=alpha2)
    if found is None:
        raise LensError(f"{alpha2} is no country of ISO 3166")
    match form:
        case "alpha3":
            return str(found.alpha_3)
        case "numeric":
            return str(found.numeric)
        case _:
            return str(getattr(found, "common_name", found.name))


class Phone(Struct, frozen=True):
    """A telephone number: E.164 where it can be one in the record's country, else as it is.

    A number with words (an extension, a name) stays as it is, since E.164 would lose them. ``country`` reads the
    record's country from the paths after the first; without it only international numbers are understood.
    """

    number: Scalar
    country: Lens | None = None

    def get(self, raw: tuple[Any, ...]) -> Value:
        number = self.number.read(raw[0])
        return e164(number, self._region(raw[1:])) if isinstance(number, str) else None

    def put(self, value: Value) -> tuple[Any, ...]:
        return (self.number.write(value),)

    def _region(self, raw: tuple[Any, ...]) -> str | None:
        if self.country is None or not raw:
            return None
        try:
            region = self.country.get(raw)
        except LensError:
            return None
        return str(region) if region is not None else None

    @property
    def words(self) -> str | None:
        return "E.164 where it can be a number of the record's country" if self.country else "E.164 where it can be one"

    @property
    def lossy(self) -> str | None:
        return "the way a number is written is lost"


@lru_cache(maxsize=16384)
def e164(number: str, region: str | None) -> str:
    """The number in E.164 where its length can be one in that region (ISO 3166 alpha-2), else as it is.

    It stays as it is, too, where it has words beside its digits, which would be lost, and where E.164 would be
    understood otherwise when it is read again.
    """
    if not _DIGITS.fullmatch(number):
        return number
    try:
        parsed = phonenumbers.parse(number, region)
    except NumberParseException:
        return number
    if not phonenumbers.is_possible_number(parsed):
        return number
    spelled = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    return spelled if spelled == number or e164(spelled, None) == spelled else number
