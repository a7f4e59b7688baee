"""Faults on request, for tests of clients: what is to go wrong with which of the next requests, and what was asked."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import msgspec
from msgspec import Struct, structs

from syncline.sandbox.businesscentral.errors import ApiError, bad_request
from syncline.sandbox.businesscentral.service import Answer

Kind = Literal["401", "408", "409", "429", "500", "502", "503", "504", "drop-before", "drop-after", "latency"]
_CODES = {
    "401": "Authentication_InvalidCredentials",
    "409": "Request_EntityChanged",
    "429": "Application_TooManyRequests",
    "500": "Internal_ServerError",
    "503": "Internal_TenantUnavailable",
}


class Fault(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """``match`` is a part of the path, ``times`` how many requests it meets, ``after`` how many it lets pass first.

    ``retry_after`` and ``seconds`` (of ``latency``) are seconds.
    """

    kind: Kind
    match: str = ""
    method: str = ""
    times: int = 1
    after: int = 0
    retry_after: int | None = None
    seconds: float = 0.0


class _Order(Struct, frozen=True, forbid_unknown_fields=True):
    next: tuple[Fault, ...]


class Faults:
    """The faults still to come, in order; the first that meets a request is used up by it."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def order(self, body: Any) -> None:
        """Replace what is waiting. Raises `ApiError`."""
        try:
            self._waiting = list(msgspec.convert(body, _Order).next)
        except msgspec.ValidationError as error:
            raise bad_request(f"Those are no faults: {error}.") from None

    def waiting(self) -> list[Fault]:
        return list(self._waiting)

    def meet(self, method: str, path: str, *, inside_batch: bool = False) -> Fault | None:
        """The fault of this request. An operation inside a batch can only be answered with a status."""
        for index, fault in enumerate(self._waiting):
            if fault.match not in path or fault.method.upper() not in ("", method):
                continue
            if inside_batch and not fault.kind.isdecimal():
                continue
            if fault.after:
                self._waiting[index] = structs.replace(fault, after=fault.after - 1)
                continue
            if fault.times > 1:
                self._waiting[index] = structs.replace(fault, times=fault.times - 1)
            else:
                del self._waiting[index]
            return fault
        return None


def refusal(fault: Fault) -> Answer:
    """The answer that a fault with a status gives."""
    error = ApiError(int(fault.kind), _CODES.get(fault.kind, "Unknown"), "The sandbox was told to refuse this request.")
    headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    return Answer(status=error.status, body=error.body(), headers=headers)


class Requests:
    """What was asked since the last reset. A batch is one request; its operations and sign-ins are counted apart."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._requests: Counter[str] = Counter()
        self._operations: Counter[str] = Counter()
        self._sign_ins = 0

    def count_sign_in(self) -> None:
        self._sign_ins += 1

    def count(self, method: str, path: str) -> None:
        self._requests[f"{method} {kind(path)}"] += 1

    def count_operation(self, method: str, path: str) -> None:
        self._operations[f"{method} {kind(path)}"] += 1

    def told(self) -> dict[str, Any]:
        return {
            "total": self._requests.total(),
            "requests": dict(self._requests),
            "operations": dict(self._operations),
            "signIns": self._sign_ins,
        }


def kind(path: str) -> str:
    """A path below the root without its ids: ``companies(1f…)/customers(9c…)`` is ``customers()``."""
    parts = [part.partition("(") for part in path.strip("/").split("/")]
    plain = [name + ("()" if bracket else "") for name, bracket, _ in parts]
    return "/".join(plain[1:] if len(plain) > 1 and plain[0] == "companies()" else plain)
