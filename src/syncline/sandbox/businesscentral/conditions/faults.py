"""Faults in Business Central's words: which requests its own kinds meet, and what a refusal says."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.types import Scope

from syncline.sandbox.businesscentral.conditions.replica import reads_replica
from syncline.sandbox.businesscentral.errors import refused
from syncline.sandbox.businesscentral.service import Answer
from syncline.sandbox.faults import Applies, Fault, Order
from syncline.sandbox.requests import Asked, Requests, looking

_ROOT = re.compile(r"/v2\.0/[^/]+/[^/]+/api/v2\.0")


def _follows_link(asked: Asked) -> bool:
    return "skiptoken=" in asked.query


def _asks_replica(asked: Asked) -> bool:
    return asked.method == "GET" and reads_replica(asked.method, asked.headers)


def _writes(asked: Asked) -> bool:
    return asked.method != "GET"


SPECIAL: Mapping[str, Applies] = {"dead-link": _follows_link, "lag": _asks_replica, "late-commit": _writes}
"""``dead-link`` refuses a next link that was given out, ``lag`` shows the reader of a replica the state as it was
``seconds`` ago, ``late-commit`` stamps a write as though it had taken ``seconds`` to become visible."""


def longest_lag(order: Order) -> float:
    return max((fault.seconds for fault in order.faults() if fault.kind == "lag"), default=0.0)


def refusal(fault: Fault) -> Answer:
    """The answer that a fault with a status gives."""
    status = fault.answers()
    assert status
    said = "The next link is no longer valid." if fault.kind == "dead-link" else "The sandbox was told to refuse this."
    error = refused(status, said)
    headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    return Answer(status=status, body=error.body(), headers=headers)


class Counts(Requests):
    """A batch is one request; its operations and sign-ins are counted apart."""

    def reset(self) -> None:
        super().reset()
        self._operations = Requests()
        self._sign_ins = 0

    def count_sign_in(self) -> None:
        self._sign_ins += 1

    def count_operation(self, asked: Asked) -> None:
        self._operations.count(asked)

    def told(self) -> dict[str, object]:
        return {**super().told(), "operations": self._operations.told()["requests"], "signIns": self._sign_ins}


def look(scope: Scope) -> Asked | None:
    """A request below the API's root, wherever its tenant and environment are."""
    root = _ROOT.match(scope["path"]) if scope["type"] == "http" else None
    if root is None:
        return None
    path = scope["path"][root.end() :].lstrip("/")
    return looking(scope, path, kind(path))


def kind(path: str) -> str:
    """A path below the root without its ids: ``companies(1f…)/customers(9c…)`` is ``customers()``."""
    parts = [part.partition("(") for part in path.strip("/").split("/")]
    plain = [name + ("()" if bracket else "") for name, bracket, _ in parts]
    return "/".join(plain[1:] if len(plain) > 1 and plain[0] == "companies()" else plain)
