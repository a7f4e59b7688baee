"""The store that the benchmarks measure is the one that the engine would have made."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from syncline.store import Store

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SINCE = datetime(2030, 1, 1, 12, 30, tzinfo=UTC)
COUNT = 12_000
"""Several pages."""


def _held(place: Path) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Everything there is, in any order of rows: also what the triggers count and the index of words finds."""
    with closing(sqlite3.connect(place)) as store:
        store.execute("INSERT INTO word_index (word_index, rank) VALUES ('integrity-check', 1)")
        yield "journal mode", store.execute("PRAGMA journal_mode").fetchall()
        yield "schema", sorted(store.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"), key=repr)
        for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if name.startswith("word_index_") and name != "word_index_terms":
                continue  # how the index keeps what it finds is its own; what it finds is in its terms
            yield name, sorted(store.execute(f"SELECT * FROM {name}"), key=repr)


def test_a_store_made_in_bulk_is_the_one_that_saves_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))  # only here: one of its modules has the name of a folder of tests
    from remembered import memories, save_in_bulk

    saved, bulk = tmp_path / "saved.db", tmp_path / "bulk.db"
    told = list(memories(COUNT, SINCE))
    with Store.open(f"sqlite:///{saved}") as store:
        for memory in told:
            store.save(memory)
    with Store.open(f"sqlite:///{bulk}") as store:
        store.save(told[0])
    save_in_bulk(bulk, told[1:])
    for (name, expected), (_, held) in zip(_held(saved), _held(bulk), strict=True):
        assert held == expected, name
    assert len(told) > 2
