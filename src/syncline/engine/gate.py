"""Who may look before something is done: nobody, in a pass; a recorder, for a plan; a reader of a reviewed plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from syncline.engine.case import Case
from syncline.records import Link


class Gate(Protocol):
    """Asked for every link and every case, before it is done."""

    @property
    def dry(self) -> bool:
        """Nothing is to be sent to any system."""

    def link(self, flow: str, link: Link, versions: dict[str, str | None], key: str, name: str) -> bool:
        """Whether these records may be linked."""

    def write(self, case: Case) -> bool:
        """Whether what was decided of a case may be delivered."""

    def delete(self, case: Case, sides: Sequence[str]) -> bool:
        """Whether these sides' records of a case may be deleted."""

    def parked(self, case: Case, message: str) -> None:
        """It is not delivered, but parked."""


class Open:
    """Everything may pass."""

    dry = False

    def link(self, flow: str, link: Link, versions: dict[str, str | None], key: str, name: str) -> bool:
        return True

    def write(self, case: Case) -> bool:
        return True

    def delete(self, case: Case, sides: Sequence[str]) -> bool:
        return True

    def parked(self, case: Case, message: str) -> None:
        pass
