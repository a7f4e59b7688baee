"""How long the server takes for each page of the console, whatever the number of links: python benchmarks/console.py

The store is made without any system: links with what both sides hold, their keys, their words, and a journal of several
entries each; some records parked, some due. What is measured is the time from the request to the whole answer, in one
process, over a real socket; and of that the processor's, which is the same on a busy machine, and is held against the
budget: exit code 1 if a page takes more.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
from rich.table import Table

from remembered import ERP, fill, values_of
from shown import bar, show, verdicts
from syncline.console.passwords import hashed
from syncline.console.serving import served
from syncline.listening import Place
from syncline.project import load
from syncline.project.scaffold import scaffold
from syncline.store import User

BUDGET = 0.100
"""Seconds, for any page."""
_PASSWORD = "correct horse battery"


def _pages(count: int) -> Iterator[tuple[str, str]]:
    last, name = count - 1, str(values_of(count - 1)["name"]).replace(" ", "+")
    yield "overview", "/"
    yield "records, the first", "/records"
    yield "search: a name", f"/records?text={name}"
    yield "search: a number", f"/records?text=C{last:07}"
    yield "search: an e-mail", f"/records?text=post@{name.replace('+', '').lower()}.example"
    yield "search: what every tenth has", "/records?text=trading"
    yield "search: what a word begins with", "/records?text=alder+tra"
    yield "search: three letters of all", "/records?text=har"
    yield "search: nothing has it", "/records?text=zebra+quagga"
    yield "a record", f"/records/{ERP}/customers/c{last}"
    yield "parked", "/parked"
    yield "parked, one cause", "/parked?cause=refused"
    yield "matches", "/matches"
    yield "a flow", "/flows/customers"
    yield "history", "/history"
    yield "history of a record", f"/history?text={name}"
    yield "history, filtered", "/history?action=deleted&since=1h"
    yield "undo of a change", f"/undo?change={count * 4}"


async def _measure(folder: Path, count: int, repeat: int, picture: Path | None) -> bool:
    project = load(folder)
    good = True
    with project.open_store() as store:
        if store.user("bench") is None:
            store.add_user(User(name="bench", role="see", password=hashed(_PASSWORD), since=datetime.now(UTC)))
        async with (
            served(project, store, Place(port=0), "bench") as at,
            httpx.AsyncClient(base_url=at.address) as client,
        ):
            form = (await client.get("/sign-in")).text.split('name="token" value="')[1].split('"')[0]
            told = {"token": form, "name": "bench", "password": _PASSWORD, "next": "/"}
            assert (await client.post("/sign-in", data=told)).status_code == 303
            title = f"{count:,} links: milliseconds for each page, of {repeat} after the first"
            table = Table("page", "processor", "", "median", "longest", title=title)
            for name, path in _pages(count):
                times, used = [], []
                for _ in range(repeat + 1):
                    before, before_used = time.perf_counter(), time.process_time()
                    answer = await client.get(path)
                    times.append(time.perf_counter() - before)
                    used.append(time.process_time() - before_used)
                    assert answer.status_code == 200, (path, answer.status_code)
                usual, longest, processor = statistics.median(times[1:]), max(times[1:]), statistics.median(used[1:])
                is_good = processor <= BUDGET
                good = good and is_good
                took = [f"{seconds * 1_000:.1f}" for seconds in (processor, usual, longest)]
                table.add_row(name, took[0], bar(processor, BUDGET), *took[1:])
    verdict = verdicts({f"no page takes the processor more than {BUDGET * 1_000:.0f} ms": good})
    show("The console", [table, *verdict], picture)
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--links", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--picture", type=Path, metavar="FILE", help="Write what is shown as an SVG, too.")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="Make the store here, or use the one that is there.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="syncline-console-") as place:
        folder = asked.keep or Path(place)
        if not (folder / "syncline.yaml").is_file():
            scaffold(folder, businesscentral="http://127.0.0.1:1", customerp="http://127.0.0.1:2", company=None)
            load(folder).open_store().close()
            print(f"{asked.links:,} links made in {fill(folder / 'syncline.db', asked.links):.0f} s")
        sys.exit(not asyncio.run(_measure(folder, asked.links, asked.repeat, asked.picture)))


if __name__ == "__main__":
    main()
