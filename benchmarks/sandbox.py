"""How fast the Business Central sandbox is: a million customers made, opened, listed, changed and searched. Of
Customerp's it is how long a page of a thousand takes.

Each figure is told with its bound (exit code 1 where one does not hold) and as a ratio to a bare loop over SQLite that
does the same in the same run: no HTTP, no metadata, no rules. The server is a process of its own, the client speaks
plain HTTP over one connection and decodes nothing while it is timed.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from rich.table import Table

from shown import options, show

_CENTRAL = "from syncline.sandbox.businesscentral.command import businesscentral_command as run; run()"
_ERP = "from syncline.sandbox.customerp.command import customerp_command as run; run()"
_COMPANY = "Generated Company"
_ROOT = "/v2.0/local/sandbox/api/v2.0"
_JSON = {"Content-Type": "application/json"}
_A_PAGE = 1_000
_A_BATCH = 100
_CHANGES = 100
_COPIED = 50_000
_AGAIN = 20
_NEXT = b'"@odata.nextLink":"'

_BOUNDS = {
    "generated records a second": (20_000, "at least"),
    "memory while generating, MB": (400, "at most"),
    "listed records a second": (40_000, "at least"),
    "patched records a second": (3_000, "at least"),
    "milliseconds to find 100 changes": (50, "at most"),
    "seconds for a snapshot and a restore": (1, "at most"),
    "milliseconds for a page of Customerp": (50, "at most"),
}


class Figure(NamedTuple):
    """``bare`` is what the bare loop reaches in the same unit, ``processor`` what a second of processor time does.

    On a machine that others use as well, the latter tells how much of a figure is theirs.
    """

    what: str
    measured: float
    bare: float | None = None
    processor: float | None = None

    @property
    def held(self) -> bool:
        bound, which = _BOUNDS.get(self.what, (self.measured, "at most"))
        return self.measured >= bound if which == "at least" else self.measured <= bound

    @property
    def slower(self) -> float | None:
        """How many times as long as the bare loop it takes."""
        if not self.bare:
            return None
        return self.bare / self.measured if "a second" in self.what else self.measured / self.bare


class Client:
    """One connection to one sandbox."""

    def __init__(self, address: str, process: int) -> None:
        self.process = process
        self._address = address
        self._connection = http.client.HTTPConnection(address.removeprefix("http://"))

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = _JSON) -> bytes:
        self._connection.request(method, path.removeprefix(self._address), body, dict(headers))
        answer = self._connection.getresponse()
        said = answer.read()
        assert answer.status < 300, said[:500]
        return said

    def company(self) -> str:
        listed = json.loads(self.ask("GET", f"{_ROOT}/companies"))["value"]
        return f"{_ROOT}/companies({listed[0]['id']})"

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _server(folder: Path, *options: str, command: str = _CENTRAL) -> Iterator[Client]:
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    asked = [sys.executable, "-c", command, "--open", "--port", "0", "--ready-file", str(ready), *options]
    with subprocess.Popen(asked, stdout=subprocess.DEVNULL) as process:
        try:
            while not ready.exists():
                assert process.poll() is None, "the sandbox did not start"
                time.sleep(0.002)
            with closing(Client(ready.read_text().strip(), process.pid)) as client:
                yield client
        finally:
            process.terminate()


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def _timed(client: Client, do: Callable[[], int]) -> tuple[float, float | None]:
    """How much it does in a second, and in a second of the server's processor time where the system tells that."""
    before = _processor(client.process)
    began = time.perf_counter()
    count = do()
    seconds, spent = time.perf_counter() - began, _processor(client.process) - before
    return count / seconds, count / spent if spent else None


def _processor(process: int) -> float:
    """Seconds of processor time that it has had, where the system tells."""
    try:
        said = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return 0.0
    user, system = said.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _sqlite(data: Path) -> sqlite3.Connection:
    """As the sandbox opens its file."""
    connection = sqlite3.connect(data, isolation_level=None)
    for said in ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -65536"):
        connection.execute(f"PRAGMA {said}")
    return connection


def _dicts(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    names = [said[0] for said in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


# --- making


def _generate(data: Path, customers: int) -> dict[str, float]:
    """In a process of its own, so that its memory can be told."""
    from syncline.sandbox.businesscentral.company import Database
    from syncline.sandbox.businesscentral.contents.generate import Size
    from syncline.sandbox.businesscentral.contents.provide import Contents, provide

    database = Database(data)
    began = time.process_time()
    seconds = _seconds(lambda: provide(database, Contents(customers=customers)))
    processor = time.process_time() - began
    database.close()
    return {
        "seconds": seconds,
        "processor": processor,
        "records": Size(customers).records,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _making(data: Path, customers: int) -> list[Figure]:
    asked = [sys.executable, __file__, "--only-generate", str(data), str(customers)]
    made = json.loads(subprocess.run(asked, stdout=subprocess.PIPE, check=True).stdout)
    return [
        Figure("generated records", made["records"]),
        Figure(
            "generated records a second",
            made["records"] / made["seconds"],
            _copied(data),
            made["records"] / made["processor"],
        ),
        Figure("memory while generating, MB", made["megabytes"]),
    ]


def _copied(data: Path) -> float:
    """Records a second: rows that are there already into new tables, then their indexes."""
    count, spent = 0, 0.0
    with closing(_sqlite(data)) as source, closing(_sqlite(data.with_name("copy.db"))) as target:
        target.execute("PRAGMA journal_mode = DELETE")
        for name in ("items", "customers", "contacts", "salesOrders", "salesOrderLines"):
            said = source.execute("SELECT type, sql FROM sqlite_master WHERE tbl_name = ?", (f"1${name}",)).fetchall()
            rows = source.execute(f'SELECT * FROM "1${name}" LIMIT {_COPIED}').fetchall()
            places = ", ".join("?" * len(rows[0]))
            began = time.perf_counter()
            target.execute("BEGIN")
            for kind in ("table", "index"):
                for which, statement in said:
                    if which == kind and statement:
                        target.execute(statement)
                if kind == "table":
                    target.executemany(f'INSERT INTO "1${name}" VALUES ({places})', rows)
            target.execute("COMMIT")
            spent += time.perf_counter() - began
            count += len(rows)
    return count / spent


# --- opening


def _opening(data: Path, folder: Path) -> tuple[Figure, Figure]:
    def start(file: Path) -> tuple[float, float]:
        began = time.perf_counter()
        with _server(folder, "--empty", "--data", str(file)) as client:
            return time.perf_counter() - began, _megabytes(client.process)

    small = folder / "small.db"
    start(small)
    (seconds, megabytes), (least, smallest) = start(data), start(small)
    return Figure("seconds to open", seconds, least), Figure("memory when opened, MB", megabytes, smallest)


def _megabytes(process: int) -> float:
    """Of memory that it occupies, where the system tells."""
    try:
        said = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    return int(next(line for line in said.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


# --- listing


def _list_pages(client: Client, pages: int) -> int:
    """How many records came."""
    path, count = f"{client.company()}/customers", 0
    for _ in range(pages):
        said = client.ask("GET", path, headers={"Prefer": f"odata.maxpagesize={_A_PAGE}"})
        count += said.count(b'"@odata.etag"')
        at = said.rfind(_NEXT)
        if at < 0:
            break
        path = said[at + len(_NEXT) : said.rindex(b'"')].decode()
    return count


def _bare_pages(data: Path, pages: int) -> float:
    with closing(_sqlite(data)) as connection:

        def read() -> int:
            count = last = 0
            for _ in range(pages):
                asked = 'SELECT * FROM "1$customers" WHERE _row > ? ORDER BY _row LIMIT ?'
                rows = _dicts(connection.execute(asked, (last, _A_PAGE)))
                if not rows:
                    break
                msgspec.json.encode({"value": rows})
                count, last = count + len(rows), rows[-1]["_row"]
            return count

        return read() / _seconds(read)


# --- changing


def _batches(company: str, ids: list[str], value: str) -> list[bytes]:
    def operation(index: int, key: str) -> dict[str, Any]:
        return {
            "id": str(index),
            "method": "PATCH",
            "url": f"{company.removeprefix(_ROOT + '/')}/customers({key})",
            "headers": {"If-Match": "*", **_JSON},
            "body": {"phoneNumber": value},
        }

    return [
        json.dumps({"requests": [operation(index, key) for index, key in enumerate(ids[at : at + _A_BATCH])]}).encode()
        for at in range(0, len(ids), _A_BATCH)
    ]


def _patch(client: Client, batches: list[bytes]) -> int:
    """How many records were changed: all of them."""
    count = 0
    for batch in batches:
        changed = client.ask("POST", f"{_ROOT}/$batch", batch).count(b'"status":200')
        assert changed == batch.count(b'"PATCH"')
        count += changed
    return count


def _bare_patches(data: Path, ids: list[str]) -> float:
    """A transaction each: the customer read, changed together with its contact, and read again."""

    def patch(connection: sqlite3.Connection, key: str, value: str) -> bytes:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute('SELECT * FROM "1$customers" WHERE id = ?', (key,)).fetchone()
        connection.execute('UPDATE "1$customers" SET phoneNumber = ?, _etag = ? WHERE id = ?', (value, value, key))
        asked = """SELECT contactId FROM "1$businessRelations" WHERE relatedId = ? AND relatedType = 'Customer'"""
        (contact,) = connection.execute(asked, (key,)).fetchone()
        connection.execute('UPDATE "1$contacts" SET phoneNumber = ?, _etag = ? WHERE id = ?', (value, value, contact))
        connection.execute("COMMIT")
        return msgspec.json.encode(_dicts(connection.execute('SELECT * FROM "1$customers" WHERE id = ?', (key,)))[0])

    with closing(_sqlite(data)) as connection:
        return len(ids) / _seconds(lambda: [patch(connection, key, f"+49 {at}") for at, key in enumerate(ids)])


# --- searching


def _search(client: Client, company: str, since: str) -> bytes:
    return client.ask("GET", f"{company}/customers?$filter={quote(f'lastModifiedDateTime gt {since}')}")


def _bare_search(data: Path, since: str) -> float:
    with closing(_sqlite(data)) as connection:

        def search() -> bytes:
            asked = 'SELECT * FROM "1$customers" WHERE lastModifiedDateTime > ? ORDER BY lastModifiedDateTime, _row'
            return msgspec.json.encode(_dicts(connection.execute(asked, (since,))))

        assert len(json.loads(search())) == _CHANGES
        return statistics.median(_seconds(search) for _ in range(_AGAIN)) * 1_000


# --- what is measured


def _using(data: Path, folder: Path, pages: int, patches: int) -> list[Figure]:
    with closing(_sqlite(data)) as connection:
        all_ids = [key for (key,) in connection.execute('SELECT id FROM "1$customers"')]
    ids = random.Random(1).sample(all_ids, min(patches, len(all_ids)))
    bare_list, bare_patch = _bare_pages(data, pages), _bare_patches(data, ids)
    with _server(folder, "--data", str(data)) as client:
        company = client.company()
        _list_pages(client, 1)
        listed, list_processor = _timed(client, lambda: _list_pages(client, pages))
        _patch(client, _batches(company, all_ids[:_A_BATCH], "+49 0"))
        batches = _batches(company, ids, "+49 1")
        patched, patch_processor = _timed(client, lambda: _patch(client, batches))

        newest = f"{company}/customers?$top=1&$orderby={quote('lastModifiedDateTime desc')}"
        since = json.loads(client.ask("GET", newest))["value"][0]["lastModifiedDateTime"]
        time.sleep(0.002)  # the changes to be found are later than that millisecond
        _patch(client, _batches(company, random.Random(2).sample(all_ids, _CHANGES), "+49 2"))
        assert len(json.loads(_search(client, company, since))["value"]) == _CHANGES
        found = statistics.median(_seconds(lambda: _search(client, company, since)) for _ in range(_AGAIN)) * 1_000
    return [
        Figure("listed records a second", listed, bare_list, list_processor),
        Figure("patched records a second", patched, bare_patch, patch_processor),
        Figure("milliseconds to find 100 changes", found, _bare_search(data, since)),
    ]


def _snapshots(folder: Path) -> Figure:
    """Of the demo company in a file, once and back."""
    data = folder / "demo.db"
    with _server(folder, "--data", str(data)) as client:

        def there_and_back() -> None:
            client.ask("POST", "/sandbox/snapshots", b'{"name": "before"}')
            client.ask("POST", "/sandbox/snapshots/before/restore")

        seconds = statistics.median(_seconds(there_and_back) for _ in range(_AGAIN))

    with closing(_sqlite(data)) as source:

        def bare() -> None:
            with closing(sqlite3.connect(folder / "bare.db")) as copy:
                source.backup(copy)
                copy.backup(source)

        least = statistics.median(_seconds(bare) for _ in range(_AGAIN))
    return Figure("seconds for a snapshot and a restore", seconds, least)


def _page_of_customerp(folder: Path) -> Figure:
    data = folder / "customerp.db"
    with _server(folder, "--empty", "--data", str(data), command=_ERP) as client:
        for at in range(_A_PAGE):
            client.ask("POST", "/api/contacts", json.dumps({"lastName": f"Contact {at}"}).encode())
        page = f"/api/contacts?limit={_A_PAGE}"
        assert len(json.loads(client.ask("GET", page))["items"]) == _A_PAGE
        took = statistics.median(_seconds(lambda: client.ask("GET", page)) for _ in range(_AGAIN))

    with closing(_sqlite(data)) as connection:

        def bare() -> bytes:
            asked = "SELECT document FROM record WHERE entity = 'contacts' ORDER BY updated_at, id LIMIT ?"
            return b",".join(document for (document,) in connection.execute(asked, (_A_PAGE,)))

        least = statistics.median(_seconds(bare) for _ in range(_AGAIN))
    return Figure("milliseconds for a page of Customerp", took * 1_000, least * 1_000)


def _measured(asked: argparse.Namespace) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as name:
        folder = Path(name)
        data = folder / "large.db"
        return [
            *_making(data, asked.customers),
            *_opening(data, folder),
            *_using(data, folder, asked.pages, asked.patches),
            _snapshots(folder),
            _page_of_customerp(folder),
        ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000, help="the company's size: 3.6 records a customer")
    parser.add_argument("--pages", type=int, default=100, help=f"listed, of {_A_PAGE} customers each")
    parser.add_argument("--patches", type=int, default=5_000, help=f"sent, {_A_BATCH} a batch")
    options(parser)
    parser.add_argument("--only-generate", nargs=2, metavar=("FILE", "N"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only_generate:
        file, customers = asked.only_generate
        print(json.dumps(_generate(Path(file), int(customers))))
        return 0
    figures = _measured(asked)
    held = all(figure.held for figure in figures)
    if asked.json:
        told = [{**figure._asdict(), "timesTheBareLoop": figure.slower} for figure in figures]
        print(json.dumps({"figures": told, "held": held}, indent=2))
        return 0 if held else 1
    columns = ("what", "measured", "bound", "by processor time", "bare loop", "takes x the bare loop")
    table = Table(*columns, title=f"The sandbox, {asked.customers:,} customers")
    for figure in figures:
        bound = " ".join(map(_told, reversed(_BOUNDS[figure.what]))) if figure.what in _BOUNDS else ""
        rest = (figure.processor, figure.bare, figure.slower)
        table.add_row(
            figure.what, _told(figure.measured), bound, *("" if each is None else _told(each) for each in rest)
        )
    show("The sandbox", [table], asked.picture)
    return 0 if held else 1


def _told(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
