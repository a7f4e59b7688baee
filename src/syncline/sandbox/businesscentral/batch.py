"""JSON ``$batch``: up to a hundred operations in one request, each alone or all as one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from syncline.sandbox.businesscentral.company import Database
from syncline.sandbox.businesscentral.errors import ApiError, bad_request
from syncline.sandbox.businesscentral.service import Answer, Call

MOST_OPERATIONS = 100
_FAILED = 400
Do: TypeAlias = Callable[[Call], Answer]


class _Operation(Struct, frozen=True, kw_only=True):
    id: str
    method: str
    url: str
    headers: dict[str, str] = {}
    body: Any = None
    dependsOn: tuple[str, ...] = ()  # noqa: N815 - the name of the protocol


class _Undone(Exception):
    """One operation of a transaction failed: nothing of it may stay."""


def run(database: Database, do: Do, body: Any, headers: Mapping[str, str], *, keep_on: bool) -> Answer:
    """Answer every operation in order. ``keep_on`` goes on after one that failed. Raises `ApiError`."""
    operations = _operations(body)
    if headers.get("isolation", "").lower() != "snapshot":
        return _answer(operations, _each(operations, do, keep_on=keep_on))
    answers: list[Answer] = []
    try:
        with database.transaction():
            answers = _each(operations, do, keep_on=False)
            if any(answer.status >= _FAILED for answer in answers):
                raise _Undone
    except _Undone:
        answers = [
            answer if answer.status >= _FAILED else _skipped("it was reverted with the rest") for answer in answers
        ]
    return _answer(operations, answers)


def root_relative(url: str, root: str) -> str:
    """An operation's address below the API's root, however it was written."""
    for prefix in (root, root[root.index("/", root.index("//") + 2) :]):
        url = url.removeprefix(prefix)
    return url.lstrip("/")


def _each(operations: Sequence[_Operation], do: Do, *, keep_on: bool) -> list[Answer]:
    answers: list[Answer] = []
    failed: set[str] = set()
    for operation in operations:
        if failed and (not keep_on or failed.intersection(operation.dependsOn)):
            answer = _skipped("an operation before it failed")
        else:
            path, _, query = operation.url.partition("?")
            headers = {name.lower(): value for name, value in operation.headers.items()}
            answer = do(
                Call(method=operation.method.upper(), path=path, query=query, headers=headers, body=operation.body)
            )
        if answer.status >= _FAILED:
            failed.add(operation.id)
        answers.append(answer)
    return answers


def _operations(body: Any) -> list[_Operation]:
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list):
        raise bad_request('A batch is {"requests": [...]}.')
    if len(requests) > MOST_OPERATIONS:
        raise bad_request(f"A batch has at most {MOST_OPERATIONS} operations: this one has {len(requests)}.")
    try:
        operations = msgspec.convert(requests, list[_Operation])
    except msgspec.ValidationError as error:
        raise bad_request(f"An operation of the batch is malformed: {error}.") from None
    if len({operation.id for operation in operations}) != len(operations):
        raise bad_request("The operations of a batch must have different ids.")
    return operations


def _skipped(why: str) -> Answer:
    return Answer(status=424, body=ApiError(424, "FailedDependency", f"The operation was not done: {why}.").body())


def _answer(operations: Sequence[_Operation], answers: Sequence[Answer]) -> Answer:
    responses = [
        {
            "id": operation.id,
            "status": answer.status,
            "headers": {**({"content-type": _JSON} if answer.body else {}), **answer.headers},
            **({"body": _body(answer)} if answer.body else {}),
        }
        for operation, answer in zip(operations, answers, strict=True)
    ]
    return Answer(status=200, body=msgspec.json.encode({"responses": responses}))


def _body(answer: Answer) -> msgspec.Raw | str:
    """What is not JSON is text inside it."""
    return answer.body.decode() if "content-type" in answer.headers else msgspec.Raw(answer.body)


_JSON = "application/json; odata.metadata=minimal; odata.streaming=true"
