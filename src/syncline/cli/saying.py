"""What goes on, in words, for people who watch a run or a worker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from syncline.cli.output import emit, say, tell
from syncline.engine.people.words import when

if TYPE_CHECKING:
    from syncline.project import Project
    from syncline.runtime.staying import Passed
    from syncline.runtime.telling import Event
    from syncline.store import Store

_UNTIMED = ("run.started", "run.stopped", "worker.started", "worker.stopped")


class Text:
    """What people read; of many companies with the ``company`` before it."""

    def __init__(self, company: str = "") -> None:
        self._about = f"{company}: " if company else ""

    def __call__(self, event: Event, sentence: str, **about: object) -> None:
        untimed = event in _UNTIMED
        tell(sentence if untimed else f"{when(datetime.now(UTC))} {self._about}{sentence}")

    def passed(self, passed: Passed) -> None:
        pass

    def failed(self, error: Exception, pause: float) -> None:
        self("pass.failed", f"{error} The next try is in {pause:.3g} s.")

    def works_again(self) -> None:
        self("pass.works_again", "It works again.")


class Quiet:
    def failed(self, error: Exception, pause: float) -> None:
        pass

    def works_again(self) -> None:
        pass


class Passes(Quiet):
    """What a pass did, in words: nothing of one that found nothing to do."""

    def __init__(self, company: str = "") -> None:
        self._about = f"{company}: " if company else ""
        self._unfinished: tuple[str, ...] = ()
        """What was told already: it is tried again every few seconds."""

    def passed(self, passed: Passed) -> None:
        now, result = f"{when(datetime.now(UTC))} {self._about}".rstrip(" "), passed.result
        for flow, tally in result.flows.items():
            done = [f"{tally.linked} linked"] if tally.linked else []
            for verb, by_side in (("created", tally.created), ("updated", tally.updated), ("deleted", tally.deleted)):
                done += [f"{number} {verb} in {side}" for side, number in by_side.items() if number]
            done += [f"{number} parked ({cause})" for cause, number in tally.parked.items() if number]
            if done:
                say(f"{now} {flow}: {', '.join(done)}")
        for sentence in result.void:
            tell(f"{now} Void: {sentence}.")
        for sentence in result.told:
            tell(f"{now} {sentence}")
        for sentence in result.unfinished:
            if sentence not in self._unfinished:
                tell(f"{now} Not finished: {sentence}")
        self._unfinished = tuple(result.unfinished)
        for sentence in result.held if result.writes else ():
            tell(f"{now} Held: {sentence}. syncline holds tells more.")


class Results(Quiet):
    """Every pass as JSON."""

    def __init__(self, project: Project, store: Store, **about: object) -> None:
        self._project = project
        self._store = store
        self._about = about

    def passed(self, passed: Passed) -> None:
        from syncline.cli.working import result_told
        from syncline.engine.chains import counts

        now = counts(self._store, self._project.flows)
        emit({"at": datetime.now(UTC), **self._about} | result_told(passed.result, self._project, now), compact=True)
