"""``$batch``: up to a hundred operations in one request, each alone, some together as a change set, or all as one.

The two formats, `jsonform` and `multipart`, read a request into units and write what became of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

from msgspec import Struct

from syncline.sandbox.businesscentral.company import Database
from syncline.sandbox.businesscentral.errors import ApiError, bad_request
from syncline.sandbox.businesscentral.service import Answer, Call
from syncline.sandbox.businesscentral.values import decode

CONTENT_TYPE = "application/json; odata.metadata=minimal"
_FAILED = 400
_CREATED = 201
Do: TypeAlias = Callable[[Call], Answer]


class Operation(Struct, frozen=True, kw_only=True):
    """``url`` as it was sent, names of headers in lower case, ``body`` as JSON not yet looked at.

    ``id`` is what later operations name it by: ``$id`` at the beginning of their address is the record that it made or
    addressed, and who ``needs`` it is not done where it failed.
    """

    method: str
    url: str
    id: str | None = None
    headers: Mapping[str, str] = {}
    body: bytes = b""
    needs: tuple[str, ...] = ()


class Unit(Struct, frozen=True):
    """One operation, or a change set: several that are kept whole or not at all."""

    operations: tuple[Operation, ...]
    together: bool = False
    name: str | None = None


class Outcome(Struct, frozen=True):
    """The answers up to the one that failed; none where the unit was not begun."""

    unit: Unit
    answers: tuple[Answer, ...] = ()

    @property
    def failed(self) -> bool:
        return bool(self.answers) and self.answers[-1].status >= _FAILED


class _Undone(Exception):
    """One operation of a transaction failed: nothing of it may stay."""


def check(units: Sequence[Unit], most: int) -> None:
    """Raises `ApiError` where there are too many operations, those of change sets counted."""
    count = sum(len(unit.operations) for unit in units)
    if count > most:
        raise bad_request(f"A batch has at most {most} operations: this one has {count}.")


def learn(known: set[str], name: str | None) -> None:
    """Remember a name, which is to be given once. Raises `ApiError`."""
    if name in known:
        raise bad_request(f"The operations of a batch must have different ids: '{name}' is there twice.")
    if name:
        known.add(name)


def run(
    database: Database, do: Do, units: Sequence[Unit], *, root: str, snapshot: bool, keep_on: bool
) -> list[Outcome]:
    """Do every unit in order. ``keep_on`` goes on after one that failed, ``snapshot`` keeps all or nothing."""
    running = _Running(database, do, root)
    if not snapshot:
        with database.transaction():  # kept once, before anything is answered: within it each still stands alone
            return [running.unit(unit, keep_on=keep_on) for unit in units]
    outcomes: list[Outcome] = []
    with suppress(_Undone), database.transaction():
        outcomes = [running.unit(unit, keep_on=False) for unit in units]
        if any(outcome.failed for outcome in outcomes):
            raise _Undone
    return outcomes


def not_done(why: str) -> Answer:
    return Answer(status=424, body=ApiError(424, "FailedDependency", f"The operation was not done: {why}.").body())


def root_relative(url: str, root: str) -> str:
    """An operation's address below the API's root, however it was written."""
    for prefix in (root, root[root.index("/", root.index("//") + 2) :]):
        url = url.removeprefix(prefix)
    return url.lstrip("/")


class _Running:
    """What the operations so far led to."""

    def __init__(self, database: Database, do: Do, root: str) -> None:
        self._database = database
        self._do = do
        self._root = root
        self._paths: dict[str, str] = {}
        self._failed: set[str] = set()
        self._stopped = False

    def unit(self, unit: Unit, *, keep_on: bool) -> Outcome:
        if self._stopped:
            return Outcome(unit)
        answers: list[Answer] = []
        if unit.together:
            with suppress(_Undone), self._database.transaction():
                self._each(unit.operations, answers)
        else:
            with suppress(_Undone):
                self._each(unit.operations, answers)
        outcome = Outcome(unit, tuple(answers))
        names = {name for name in (unit.name, *(operation.id for operation in unit.operations)) if name}
        self._failed = self._failed | names if outcome.failed else self._failed - names
        self._stopped = outcome.failed and not keep_on
        return outcome

    def _each(self, operations: Sequence[Operation], answers: list[Answer]) -> None:
        for operation in operations:
            answers.append(self._one(operation))
            if answers[-1].status >= _FAILED:
                raise _Undone

    def _one(self, operation: Operation) -> Answer:
        url = root_relative(operation.url, self._root)
        path, _, query = url.partition("?")
        first, slash, rest = path.partition("/")
        named = first.removeprefix("$")
        if self._failed.intersection((*operation.needs, *([named] if first.startswith("$") else ()))):
            return not_done("an operation that it depends on failed")
        if first.startswith("$") and named in self._paths:
            path = self._paths[named] + slash + rest
        try:
            body = decode(operation.body) if operation.body.strip() else None
        except ApiError as error:
            return Answer(status=error.status, body=error.body())
        call = Call(method=operation.method.upper(), path=path, query=query, headers=operation.headers, body=body)
        answer = self._do(call)
        if operation.id and answer.status < _FAILED:
            made = answer.headers.get("location") if answer.status == _CREATED else None
            self._paths[operation.id] = root_relative(made, self._root) if made else path
        return answer
