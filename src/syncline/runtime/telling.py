"""What ``syncline run`` and ``worker`` tell as they go on: to people sentences, to machines events with fixed names."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

Event: TypeAlias = Literal[
    "run.started",
    "run.reloaded",
    "run.stopped",
    "run.ended",
    "worker.started",
    "worker.waits",
    "worker.stopped",
    "console.listening",
    "health.listening",
    "webhooks.listening",
    "webhooks.announced",
    "webhooks.by_hand",
    "webhooks.failed",
    "alert.sent",
    "alert.not_sent",
    "pass.done",
    "pass.failed",
    "pass.works_again",
    "flow.done",
    "request.retried",
    "library.said",
]
"""And ``record.ACTION`` of each record, where ACTION is the journal's. None is renamed within a major version."""


class Tell(Protocol):
    def __call__(self, event: Event, sentence: str, **about: object) -> None:
        """``about`` is what it is about: names, numbers and ids, never what a record holds, nor a secret."""
