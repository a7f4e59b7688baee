"""Deliberate faults in the connectors: the proof that the wired worlds can fail. They exist here and nowhere else."""

from __future__ import annotations

from typing import Any

from simulation.mutants import Mutant, Patches
from syncline.connectors import wire
from syncline.connectors.businesscentral import changes, http
from syncline.connectors.businesscentral import writing as central
from syncline.connectors.rest import writing as rest
from syncline.connectors.wire import Answer, Unsent
from syncline.records import Outcome, Unknown


def _broken_connection() -> Patches:
    return [(wire, "Unanswered", Unsent)]


def _failed_is_busy() -> Patches:
    return [(http, "BUSY", (*wire.BUSY, *http._UNCERTAIN))]


def _no_key() -> Patches:
    async def posts(client: Any, entity: Any, how: Any, body: Any, _: str) -> Answer | Outcome:
        answer: Answer | Outcome = Unknown("not sent yet")
        for _try in range(3):
            if isinstance(answer, Unknown):
                answer = await client.send("POST", entity.url(how.path), body, {})
        return answer

    return [(rest, "_post", posts)]


def _any_version_in_central() -> Patches:
    return [(central, "_if_match", lambda _: {"If-Match": "*"})]


def _any_version_by_rest() -> Patches:
    return [(rest, "_if_match", lambda *_: {"If-Match": "*"})]


def _no_overlap() -> Patches:
    return [(changes, "_back", lambda mark, _: mark)]


MUTANTS = {
    mutant.name: mutant
    for mutant in (
        Mutant("broken connection", "a broken connection is taken for a request that never left", _broken_connection),
        Mutant("failed is busy", "a failure (500, 502, 504) is taken for a request that was not done", _failed_is_busy),
        Mutant("no key", "a create without an answer is sent again without its key", _no_key),
        Mutant("any version in central", "writes to Business Central fit any version", _any_version_in_central),
        Mutant("any version by rest", "writes to the REST system fit any version", _any_version_by_rest),
        Mutant("no overlap", "a poll begins where the last one ended", _no_overlap),
    )
}
