"""A ``$batch`` as ``multipart/mixed``: requests as they would go over the wire, some in change sets of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from email.message import Message
from email.parser import BytesParser, HeaderParser
from http import HTTPStatus
from typing import TypeAlias
from uuid import uuid4

from syncline.sandbox.businesscentral.batches.running import CONTENT_TYPE, Operation, Outcome, Unit, learn
from syncline.sandbox.businesscentral.errors import bad_request
from syncline.sandbox.businesscentral.service import Answer

_Part: TypeAlias = "Message[str, str]"
_MIXED = "multipart/mixed"
_LINE_END = b"\r\n"


def read(body: bytes, content_type: str) -> list[Unit]:
    """Raises `ApiError` where the parts cannot be told apart or are no requests."""
    try:
        whole = BytesParser().parsebytes(b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body)
    except RecursionError:
        raise bad_request("The parts of the batch are nested too deep.") from None
    return [_unit(part) for part in _parts(whole)]


def write(outcomes: Sequence[Outcome]) -> Answer:
    """A change set that failed is answered by what failed it; what was not begun is not answered."""
    boundary = f"batchresponse_{uuid4()}"
    parts = [_outcome(outcome) for outcome in outcomes if outcome.answers]
    return Answer(status=200, body=_joined(parts, boundary), headers={"content-type": f"{_MIXED}; boundary={boundary}"})


def _parts(whole: _Part) -> list[_Part]:
    parts = whole.get_payload()
    if not whole.is_multipart() or not isinstance(parts, list) or whole.defects:
        raise bad_request("The parts of the batch cannot be told apart: its boundary is missing, or its end.")
    return [part for part in parts if isinstance(part, Message)]


def _unit(part: _Part) -> Unit:
    if part.get_content_type() != _MIXED:
        return Unit((_operation(part),))
    operations = tuple(_operation(each) for each in _parts(part))
    if any(operation.method.upper() == "GET" for operation in operations):
        raise bad_request("A change set holds only requests that change something.")
    known: set[str] = set()
    for operation in operations:
        learn(known, operation.id)
    return Unit(operations, together=True)


def _operation(part: _Part) -> Operation:
    content = part.get_payload(decode=True)
    if part.get_content_type() != "application/http" or not isinstance(content, bytes):
        raise bad_request("A part of a batch is a request (application/http) or, at the top, a change set.")
    line, _, rest = content.lstrip().replace(b"\r\n", b"\n").partition(b"\n")
    method, _, target = line.decode("latin-1").strip().partition(" ")
    url, _, version = target.strip().rpartition(" ")
    if not (method and url and version.startswith("HTTP/")):
        raise bad_request(f"A part of the batch begins with no request line: '{line.decode('latin-1')[:100]}'.")
    head, body = _divided(rest)
    given = HeaderParser().parsestr(head.decode("latin-1"))
    headers = {name.lower(): str(value) for name, value in given.items()}
    named = " ".join(str(part.get("Content-ID") or headers.get("content-id", "")).split())
    return Operation(method=method, url=url.strip(), id=named or None, headers=headers, body=body)


def _divided(rest: bytes) -> tuple[bytes, bytes]:
    """Headers and body; there may be none of either."""
    if rest.startswith(b"\n"):
        return b"", rest[1:]
    head, _, body = rest.partition(b"\n\n")
    return head, body


def _outcome(outcome: Outcome) -> bytes:
    operations, answers = outcome.unit.operations, outcome.answers
    if outcome.failed or not outcome.unit.together:
        return _response(operations[len(answers) - 1], answers[-1])
    boundary = f"changesetresponse_{uuid4()}"
    parts = [_response(operation, answer) for operation, answer in zip(operations, answers, strict=True)]
    kind = f"Content-Type: {_MIXED}; boundary={boundary}\r\n\r\n".encode()
    return kind + _joined(parts, boundary)


def _response(operation: Operation, answer: Answer) -> bytes:
    return _LINE_END.join(line.encode("latin-1", "replace") for line in _head(operation, answer)) + answer.body


def _head(operation: Operation, answer: Answer) -> Iterator[str]:
    yield "Content-Type: application/http"
    yield "Content-Transfer-Encoding: binary"
    if operation.id:
        yield f"Content-ID: {operation.id}"
    yield ""
    yield f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"
    headers = {"odata-version": "4.0", **({"content-type": CONTENT_TYPE} if answer.body else {}), **answer.headers}
    yield from (f"{name.title().replace('Odata', 'OData')}: {value}" for name, value in headers.items())
    yield ""
    yield ""


def _joined(parts: Iterable[bytes], boundary: str) -> bytes:
    line = b"--" + boundary.encode()
    return b"".join(line + _LINE_END + part + _LINE_END for part in parts) + line + b"--" + _LINE_END
