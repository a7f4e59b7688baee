"""Whatever is asked, the sandbox answers in the contract's shape, never with an error of its own, and never by halves.

``SYNCLINE_RANDOM_REQUESTS`` multiplies the number of examples.
"""

from __future__ import annotations

import http.client
import json
import os
import re
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from sandbox_businesscentral.central import Central, running
from sandbox_businesscentral.random_requests import Asked, Requests
from sandbox_businesscentral.schema import Schema

_TIMES = int(os.environ.get("SYNCLINE_RANDOM_REQUESTS", "1"))
_CODES = frozenset(
    """
    BadRequest BadRequest_NotFound BadRequest_ResourceNotFound BadRequest_InvalidRequestUrl BadRequest_InvalidOperation
    BadRequest_InvalidToken BadRequest_RequiredParamNotProvided BadRequest_MethodNotAllowed Internal_CompanyNotFound
    BadRequest_MethodNotImplemented Request_EntityChanged Internal_RecordNotFound Internal_EntityWithSameKeyExists
    Internal_InvalidTableRelation Internal_DataNotFoundFilter Application_DialogException Application_EvaluateException
    Application_StringExceededLength Application_InvalidGUID Application_FieldValidationException
    Application_FilterErrorException Application_CallbackNotAllowed
    """.split()
)
"""The contract's codes, but for those that only a fault on demand brings."""
_SKIPPED = "FailedDependency"
_STATUSES = {
    "BadRequest_MethodNotAllowed": {405},
    "BadRequest_MethodNotImplemented": {501},
    "BadRequest_ResourceNotFound": {404},
    "Internal_RecordNotFound": {404},
    "Request_EntityChanged": {409},
}
_RECORD = re.compile(r"^/(companies\([0-9a-f-]{36}\)/[A-Za-z]+\([0-9a-f-]{36}\))")
_GOOD = {200, 201, 204, 304}


class Server:
    """A sandbox with invented records, one connection to it, and what its data looks like from outside."""

    def __init__(self, central: Central) -> None:
        self.company = central.company
        with urlopen(f"{central.root}/$metadata") as document:
            self.schema = Schema(document.read())
        address = urlsplit(central.root)
        self._root = address.path
        self._connection = http.client.HTTPConnection(str(address.hostname), address.port)
        sets = sorted(self.schema.ways("company"))
        listed = {name: central.get(f"{name}?$top=5") for name in sets}
        self.ids = {
            name: [
                str(next(value for key, value in record.items() if key in ("id", "contactId")))
                for record in reply.value
            ]
            for name, reply in listed.items()
            if reply.status == 200
        }
        lines = [central.get(f"salesOrders({order})/salesOrderLines").value for order in self.ids["salesOrders"]]
        self.ids["salesOrderLines"] = [str(line["id"]) for some in lines for line in some][:5]
        self.requests = Requests(self.schema, self.company, self.ids)
        self._looked_at = [name for name, reply in listed.items() if reply.status == 200]

    def ask(self, asked: Asked) -> tuple[int, bytes]:
        self._connection.request(asked.method, self._root + asked.path, asked.body, dict(asked.headers))
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        self._connection.close()

    def seen(self, asked: Asked) -> bytes:
        """How many records there are of everything, the record that is asked for, what changed last, and all orders."""
        below = f"companies({self.company})"
        urls = [f"{below}/{name}/$count" for name in self._looked_at]
        urls += [
            f"{below}/{name}?$orderby=lastModifiedDateTime desc&$top=2" for name in ("customers", "items", "contacts")
        ]
        urls += [f"{below}/salesOrders?$expand=salesOrderLines,dimensionSetLines"]
        urls += _RECORD.findall(asked.path)
        requests = [{"id": str(index), "method": "GET", "url": url} for index, url in enumerate(urls)]
        headers = {"Content-Type": "application/json", "Prefer": "odata.continue-on-error"}
        status, body = self.ask(Asked("POST", "/$batch", headers, json.dumps({"requests": requests}).encode()))
        assert status == 200
        return re.sub(rb"CorrelationId:  [0-9a-f-]+", b"", body)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("random"), "--open") as central:
        server = Server(central)
        yield server
        server.close()


def examples(count: int) -> settings:
    return settings(
        max_examples=count * _TIMES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )


def check(asked: Asked, status: int, body: bytes) -> None:
    """The answer is one that the contract knows."""
    event(f"{asked.method} {status}")
    if status in _GOOD:
        return
    assert status in {400, 404, 405, 409, 415, 501}, (status, asked, body)
    if asked.method == "HEAD":
        assert body == b""
        return
    check_refusal(status, json.loads(body))


def check_refusal(status: int, told: object) -> None:
    assert isinstance(told, dict)
    assert set(told) == {"error"}
    assert set(told["error"]) == {"code", "message"}
    code = told["error"]["code"]
    assert code in _CODES
    assert status in _STATUSES.get(code, {status})
    assert re.search(r"CorrelationId:  [0-9a-f-]{36}\.$", told["error"]["message"])


@examples(250)
@given(data=st.data())
def test_whatever_is_read(server: Server, data: st.DataObject) -> None:
    asked = data.draw(server.requests.reads())
    status, body = server.ask(asked)
    check(asked, status, body)
    if status == 200 and asked.method == "GET" and not re.search(r"\$(count|value)(\?|$)", asked.path):
        json.loads(body)


def done_or_refused_whole(server: Server, asked: Asked) -> None:
    before = server.seen(asked)
    status, body = server.ask(asked)
    check(asked, status, body)
    if status not in _GOOD:
        assert server.seen(asked) == before, (asked, body)


@examples(250)
@given(data=st.data())
def test_whatever_is_written_is_done_or_refused_whole(server: Server, data: st.DataObject) -> None:
    done_or_refused_whole(server, data.draw(server.requests.writes()))


@examples(150)
@given(data=st.data())
def test_what_is_no_request_is_refused(server: Server, data: st.DataObject) -> None:
    done_or_refused_whole(server, data.draw(server.requests.garbage()))


@examples(50)
@given(data=st.data())
def test_whatever_is_batched_is_answered_one_by_one(server: Server, data: st.DataObject) -> None:
    asked = data.draw(server.requests.batches())
    before = server.seen(asked)
    status, body = server.ask(asked)
    check(asked, status, body)
    if status != 200:
        assert server.seen(asked) == before
        return
    answers = json.loads(body)["responses"]
    for each in answers:
        if each["status"] == 424:
            assert each["body"]["error"]["code"] == _SKIPPED
        elif each["status"] not in _GOOD and "body" in each:
            check_refusal(each["status"], each["body"])
    if "Isolation" in asked.headers and any(each["status"] not in _GOOD for each in answers):
        assert server.seen(asked) == before, (asked, answers)
