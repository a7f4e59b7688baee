"""What an entity may do of its own when it is written. Every method has a plain answer: rules say what differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias

from syncline.connectors.businesscentral.metadata import EntitySet
from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import ApiError, dialog
from syncline.sandbox.businesscentral.relations import RELATIONS, follow
from syncline.sandbox.businesscentral.rules.renaming import carry
from syncline.sandbox.businesscentral.values import Stored

_NAMES = frozenset({"number", "code", "displayName"})
"""What records are named by in others."""


Action: TypeAlias = Callable[[Company, Row], str]
"""Does something with a record; what it led to, as a path below the company."""


class Draft:
    """A record under way: what it holds so far, what it held before, and what this request said of it."""

    def __init__(self, company: Company, entity_set: EntitySet, values: Row, before: Row | None) -> None:
        self.company = company
        self.entity_set = entity_set
        self.values = values
        self.before = before
        self.sent: set[str] = set()
        self.named: dict[str, str] = {}
        """The ids of the records that this request named, by the property that did."""
        self.part = False
        """It is inserted together with the record that it hangs on."""

    @property
    def new(self) -> bool:
        return self.before is None

    def changed(self, *names: str) -> bool:
        return self.before is None or any(self.before[name] != self.values[name] for name in names)


class Rules:
    """The plain record: relations must exist, codes and numbers come from a series or from the request."""

    series: ClassVar[str | None] = None
    """The number series that gives ``number`` where none is sent."""
    mandatory: ClassVar[tuple[str, ...]] = ("code",)
    """Of these, what the entity has may not be blank."""
    used_by: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Sets and the properties by which their records keep one of these from being deleted."""
    renames: ClassVar[Mapping[str, tuple[tuple[str, str], ...]]] = {}
    """Sets whose records carry its number where no relation says so: the property with its id, and the number's."""
    kept_in: ClassVar[str | None] = None
    """The set whose records these are, seen otherwise: what is written here is written there."""
    actions: ClassVar[Mapping[str, Action]] = {}

    def start(self, draft: Draft) -> None:
        """Set what a new record holds before anything is sent for it."""

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        """Set one property, and whatever follows from it at once."""
        if name == "number" and self.series:
            self._check_manual(draft, str(value))
        if name in RELATIONS:
            follow(draft, name, value)
        else:
            draft.values[name] = value

    def complete(self, draft: Draft) -> None:
        """Check and fill in the record before it is kept."""
        for name in self.mandatory:
            if name in draft.values and not draft.values[name] and draft.changed(name):
                raise dialog(
                    f'The blank "{name}" is not allowed.' if name in draft.sent else f'A "{name}" must be provided.'
                )
        if "number" in draft.values and not draft.values["number"] and self.series:
            draft.values["number"] = self._free_number(draft)

    def saved(self, draft: Draft) -> None:
        """Do what follows for other records."""
        if draft.before is None or not draft.changed(*_NAMES & draft.values.keys()):
            return
        carry(draft.company, draft.entity_set.name, draft.before, draft.values)
        if not self.renames or not draft.changed("number"):
            return
        record, number = draft.values["id"], draft.values["number"]
        for entity_set, names in self.renames.items():
            for by_id, by_number in names:
                for row in draft.company.all(entity_set, **{by_id: record}):
                    draft.company.derive(entity_set, row, {by_number: number})

    def translated(self, company: Company, row: Row, sent: Mapping[str, Any]) -> dict[str, Any]:
        """What is sent for a record that is kept in another set, as it is sent for that one."""
        raise NotImplementedError

    def parts_added(self, company: Company, key: str) -> None:
        """Do what follows once everything that was posted with a new record is there."""

    def check_change(self, company: Company, row: Row) -> None:
        """Refuse a change or deletion that the record's state does not allow."""

    def check_delete(self, company: Company, row: Row) -> None:
        for entity_set, names in self.used_by.items():
            for name in names:
                if company.exists(entity_set, **{name: row["id"]}):
                    called = row.get("number") or row.get("code") or row["id"]
                    raise dialog(f"You cannot delete {called} because there are {entity_set} for it.")

    def deleted(self, company: Company, row: Row) -> None:
        """Do what follows for other records."""

    def _free_number(self, draft: Draft) -> str:
        assert self.series is not None
        return free_number(draft.company, self.series, draft.entity_set.name)

    def _check_manual(self, draft: Draft, number: str) -> None:
        """A number that differs from the present one is entered by hand, which its series may forbid."""
        assert self.series is not None
        if number != draft.values["number"] and not draft.company.allows_manual_numbers(self.series):
            raise dialog(
                "You may not enter numbers manually. If you want to enter numbers manually, please activate Manual "
                f"Nos. in No. Series {self.series.upper()}."
            )


def free_number(company: Company, series: str, entity_set: str) -> str:
    """The next number of a series that no record of the set has."""
    number = company.next_number(series)
    while company.exists(entity_set, number=number):
        number = company.next_number(series)
    return number


def refuse_change(name: str, message: str | None = None) -> ApiError:
    return dialog(message or f'The value for "{name}" cannot be modified.')
