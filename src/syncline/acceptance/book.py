"""What a run has made and found, kept in a file: one that was cut short goes on, and leaves nothing lying about."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct

from syncline.acceptance.report import Finding, Report
from syncline.records import Ref

FILE = ".syncline-accept.json"
LAST = ".syncline-acceptance.json"
"""The report of the last run that came to its end."""
Place: TypeAlias = tuple[int, int]


class Kept(Struct, kw_only=True):
    """What is not to be forgotten.

    ``handles`` are (flow, property, value) by which records that were made, or were about to be, are found on any side;
    ``records`` those known by their ids. ``done`` are the findings of each stage that came to its end; ``serial`` is
    the last number that a record was made with. ``agreement`` says what is tested: another one begins anew.
    """

    mark: str
    began: datetime
    agreement: str
    serial: int = 0
    handles: list[tuple[str, str, str]] = []
    records: list[tuple[str, str, str]] = []
    done: dict[str, list[Finding]] = {}
    left: list[str] = []


class Book:
    """Every change is on the disk before the next step is taken."""

    def __init__(self, path: Path, kept: Kept) -> None:
        self._path = path
        self.kept = kept

    @classmethod
    def open(cls, folder: Path, agreement: str) -> Book:
        """The book of the run that was cut short; a new one where there is none, or it tested something else, whose
        records are then still to be tidied up.
        """
        path = folder / FILE
        try:
            kept = msgspec.json.decode(path.read_bytes(), type=Kept)
        except (FileNotFoundError, msgspec.DecodeError):
            kept = Kept(mark=secrets.token_hex(2).upper(), began=datetime.now(UTC), agreement=agreement)
        if kept.agreement != agreement:
            kept.done, kept.agreement, kept.began = {}, agreement, datetime.now(UTC)
        return cls(path, kept)

    def serial(self) -> int:
        self.kept.serial += 1
        self.save()
        return self.kept.serial

    def expect(self, flow: str, name: str, value: str) -> None:
        """A record with this value is about to be."""
        self.kept.handles.append((flow, name, value))
        self.save()

    def made(self, ref: Ref) -> None:
        self.kept.records.append((ref.flow, ref.side, ref.id))
        self.save()

    @property
    def place(self) -> Place:
        """Up to where records were made."""
        return len(self.kept.handles), len(self.kept.records)

    def since(self, place: Place) -> tuple[list[tuple[str, str, str]], list[Ref]]:
        """The handles and the records that were written down after a place."""
        handles, records = place
        return self.kept.handles[handles:], [Ref(*each) for each in self.kept.records[records:]]

    def tidied(self, place: Place) -> None:
        """What was written down after a place is no more, or told as left."""
        handles, records = place
        del self.kept.handles[handles:], self.kept.records[records:]
        self.save()

    def finish(self, stage: str, findings: list[Finding]) -> None:
        self.kept.done[stage] = findings
        self.save()

    def save(self) -> None:
        told = self._path.with_suffix(".new")
        told.write_bytes(msgspec.json.encode(self.kept))
        told.replace(self._path)

    def close(self, report: Report) -> None:
        """The run came to its end."""
        self._path.with_name(LAST).write_bytes(msgspec.json.encode(report))
        self._path.unlink(missing_ok=True)


def last_report(folder: Path) -> Report | None:
    """What the last run in this project found; ``None`` where there was none, or none that can be read any more."""
    try:
        return msgspec.json.decode((folder / LAST).read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError):
        return None
