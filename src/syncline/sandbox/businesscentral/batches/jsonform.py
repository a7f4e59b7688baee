"""A ``$batch`` as JSON: ``{"requests": [...]}``, answered by ``{"responses": [...]}``."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec
from msgspec import Raw, Struct

from syncline.sandbox.businesscentral.batches.running import CONTENT_TYPE, Operation, Outcome, Unit, learn, not_done
from syncline.sandbox.businesscentral.errors import bad_request
from syncline.sandbox.businesscentral.service import Answer


class _Request(Struct, frozen=True, kw_only=True, rename="camel"):
    method: str
    url: str
    id: str | None = None
    headers: dict[str, str] = {}
    body: Raw = Raw()
    depends_on: tuple[str, ...] = ()
    atomicity_group: str | None = None


class _Batch(Struct, frozen=True):
    requests: tuple[_Request, ...]


_decode = msgspec.json.Decoder(_Batch).decode


def read(body: bytes, content_type: str) -> list[Unit]:
    """Operations that stand side by side in one ``atomicityGroup`` are a change set. Raises `ApiError`."""
    try:
        requests = _decode(body)
    except msgspec.DecodeError as error:
        raise bad_request(f'A batch is {{"requests": [{{"method", "url", ...}}]}}: {error}.') from None
    grouped = groupby(enumerate(requests.requests), key=lambda each: each[1].atomicity_group or each[0])
    units = [_unit([request for _, request in group]) for _, group in grouped]
    _check_names(units)
    return units


def write(outcomes: Sequence[Outcome]) -> Answer:
    """Every operation is answered; what was not done, or reverted with its change set, is 424."""
    responses = [
        _response(operation, answer, outcome.unit.name)
        for outcome in outcomes
        for operation, answer in zip(outcome.unit.operations, _answers(outcome), strict=True)
    ]
    return Answer(status=200, body=msgspec.json.encode({"responses": responses}))


def _unit(requests: Sequence[_Request]) -> Unit:
    operations = tuple(
        Operation(
            method=request.method,
            url=request.url,
            id=request.id,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=bytes(request.body),
            needs=request.depends_on,
        )
        for request in requests
    )
    group = requests[0].atomicity_group or None
    return Unit(operations, group is not None, group)


def _check_names(units: Sequence[Unit]) -> None:
    known: set[str] = set()
    for unit in units:
        for operation in unit.operations:
            if unknown := sorted(set(operation.needs) - known):
                raise bad_request(f"An operation depends on '{unknown[0]}', which is none before it.")
            learn(known, operation.id)
        learn(known, unit.name)


def _answers(outcome: Outcome) -> Iterator[Answer]:
    reverted = outcome.unit.together and outcome.failed
    for answer in outcome.answers[:-1]:
        yield not_done("it was reverted with the rest of its group") if reverted else answer
    yield from outcome.answers[-1:]
    for _ in outcome.unit.operations[len(outcome.answers) :]:
        yield not_done("an operation before it failed")


def _response(operation: Operation, answer: Answer, group: str | None) -> dict[str, Any]:
    shown: Mapping[str, str] = {"content-type": CONTENT_TYPE, "odata-version": "4.0"} if answer.body else {}
    response: dict[str, Any] = {"id": operation.id, "status": answer.status, "headers": {**shown, **answer.headers}}
    if group is not None:
        response["atomicityGroup"] = group
    if answer.body:
        response["body"] = _body(answer.body, response["headers"]["content-type"])
    return response


def _body(body: bytes, content_type: str) -> Raw | str:
    """JSON as it is, a text as a string, anything else in base64url."""
    if content_type.startswith("application/json"):
        return Raw(body)
    if content_type.startswith(("text/", "application/xml")):
        return body.decode("utf-8", "replace")
    return base64.urlsafe_b64encode(body).decode()
