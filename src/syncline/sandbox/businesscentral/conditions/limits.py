"""The operational limits of Business Central online, as numbers. `gate` and the API hold to them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

_Count = Annotated[int, Meta(ge=1)]
_None = Annotated[int, Meta(ge=0)]
_Seconds = Annotated[float, Meta(gt=0)]


class Limits(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """By default the product's own, from its page of operational limits; ``None`` is no limit."""

    requests: _Count | None = 6_000
    """Of one user within the window; past it 429."""
    window_seconds: _Seconds = 300.0
    processed: _Count | None = 5
    """Of one user at once; what comes on top of it waits."""
    queued: _None | None = 95
    """Waiting requests of one user; past it 429."""
    connections: _Count | None = 100
    """Processed and waiting requests of one user; past it 429."""
    queue_seconds: _Seconds | None = 480.0
    """How long a request waits, then 503."""
    operation_seconds: _Seconds | None = 480.0
    """How long one is processed, then 408."""
    request_seconds: _Seconds | None = 600.0
    """How long both may last, then 504."""
    page: _Count | None = 20_000
    """Records a page; 413 where more are asked for."""
    body_bytes: _Count = 350 * 1024 * 1024
    """Of a request; past it 413."""
    batch: _Count = 100
    """Operations in one."""
    subscriptions: _Count = 200


LENIENT = Limits(
    requests=None,
    processed=None,
    queued=None,
    connections=None,
    queue_seconds=None,
    operation_seconds=None,
    request_seconds=None,
    page=None,
)
"""What holds where nobody asked for the limits: only what no client could work past anyway."""
