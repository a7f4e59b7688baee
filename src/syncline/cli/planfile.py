"""A plan as a file: what was reviewed is what is applied, so values come back exactly as they were."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from syncline.cli.failing import Exit, Failure
from syncline.engine.report import Change, Plan, PlanRow


class _Change(Change, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values unchecked: for a union that has both, JSON cannot tell a number with a fraction from text."""

    old: Any
    new: Any


class _Row(PlanRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    changes: tuple[_Change, ...] = ()


class _Plan(Plan, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rows: tuple[_Row, ...]


_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(_Plan, float_hook=Decimal)


def write(plan: Plan, path: Path) -> None:
    """Raises `Failure`."""
    try:
        path.write_bytes(msgspec.json.format(_ENCODER.encode(plan), indent=2) + b"\n")
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}.", Exit.MISTAKE) from error


def read(path: Path) -> Plan:
    """Raises `Failure`."""
    try:
        stored = _DECODER.decode(path.read_bytes())
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}.", Exit.MISTAKE) from error
    except msgspec.MsgspecError as error:
        message = f"{path} is no plan of this Syncline: {error}. Make one with: syncline plan --out FILE"
        raise Failure(message, Exit.MISTAKE) from error
    return Plan(made=stored.made, systems=stored.systems, rows=tuple(_row(row) for row in stored.rows))


def _row(stored: _Row) -> PlanRow:
    fields = {name: getattr(stored, name) for name in PlanRow.__struct_fields__}
    return PlanRow(**fields | {"changes": tuple(Change(**structs.asdict(change)) for change in stored.changes)})
