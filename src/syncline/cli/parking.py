"""``parked``: what is not worked on and why; ``retry`` takes it up again, ``apart`` says which are not the same.

``delete``, ``restore``, ``keep`` and ``accept`` say what is to become of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

import click
from msgspec import Struct

from syncline.cli.app import App, check_flow, flow_option, json_option, who
from syncline.cli.failing import Exit, Failure
from syncline.cli.output import emit, say, tell
from syncline.engine.people.words import count, shown, when

if TYPE_CHECKING:
    from syncline.engine.people.answering import Word
    from syncline.engine.people.names import Names
    from syncline.reconcile.waiting import Chain
    from syncline.store import Cause, Parked, Store

_REASONS = 3
_VAIN = "That does not end by itself: change what it points to, or see to it that it is there."


class _Wanted(Struct, frozen=True):
    """Which of the parked records are meant."""

    flow: str | None
    cause: Cause | None
    as_json: bool


class _CauseName(click.ParamType[Any]):
    """One of the store's causes, which are known only once it is imported."""

    name = "cause"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from syncline.store import Cause

        if value not in get_args(Cause):
            self.fail(f"{value} is no cause; causes are: {', '.join(get_args(Cause))}.", param, ctx)
        return value


@click.group("parked", invoke_without_command=True)
@flow_option
@click.option(
    "--cause", metavar="NAME", type=_CauseName(), help="Only those parked for this: refused, conflict, waiting …"
)
@json_option
@click.pass_context
def parked_command(ctx: click.Context, flow: str | None, cause: Cause | None, as_json: bool) -> None:
    """What is not worked on, why, and what would release it."""
    app = ctx.find_object(App)
    assert app is not None
    ctx.meta["wanted"] = _Wanted(flow, cause, as_json)
    if ctx.invoked_subcommand is None:
        _show(app, _Wanted(flow, cause, as_json))


def _show(app: App, wanted: _Wanted) -> None:
    from syncline.engine.chains import chains
    from syncline.engine.people.names import Names

    project = app.project()
    check_flow(project, wanted.flow)
    with project.open_store() as store:
        parked = store.parked(wanted.flow, wanted.cause)
        names, waiting = Names(store, project.flows), chains(store, project.flows, parked)
        if wanted.as_json:
            emit({"parked": [_told(each, names, waiting.get(each.ref)) for each in parked]})
            return
        for each in parked:
            say(f"{each.ref.flow}  {shown(names.of_parked(each))}  {each.cause}  since {when(each.since)}")
            say(str(each.ref), indent=2)
            chain = waiting.get(each.ref)
            for line in [str(chain)] if chain else _why(each, store, names):
                say(shown(line), indent=2)
            for candidate in each.details.get("candidates", ()):
                say(_candidate(each.ref.flow, candidate, names), indent=4)
            if mend := _VAIN if chain and chain.endless else each.mend:
                say(shown(mend), indent=2)
            say()
    if not parked:
        tell("Nothing is parked.")
    else:
        tell(f"{count(len(parked), 'record')} parked. syncline parked retry RECORD takes one up again.")
        if any(each.cause in ("ambiguous", "suggested") for each in parked):
            tell("syncline link RECORD RECORD says that they are the same, syncline parked apart that they are not.")


def _candidate(flow: str, told: Mapping[str, Any], names: Names) -> str:
    """How alike it is, and why, in a few words: what only one of the two has is told as JSON only."""
    differ = [each for each in told["differ"] if each["left"] is not None and each["right"] is not None]
    values = [[shown(names.value(flow, d["property"], d[at])) for at in ("left", "right")] for d in differ[:_REASONS]]
    reasons = [f"same {', '.join(told['same'][:_REASONS])}"] if told["same"] else []
    reasons += [f"{d['property']} {one} or {two}" for d, (one, two) in zip(differ, values, strict=False)]
    return f"{told['score']:>3} %  {told['record']}  {shown(told['name'])}: {'; '.join(reasons) or 'nothing in common'}"


def _why(parked: Parked, store: Store, names: Names) -> list[str]:
    """Why it is parked: of a conflict every property with what each side holds, in names."""
    from syncline.engine.people.resolving import questions

    if parked.cause != "conflict" or not (asked := questions(parked)):
        return [parked.message]
    return [names.question(each) for each in asked]


def _told(parked: Parked, names: Names, chain: Chain | None) -> dict[str, Any]:
    return {
        "record": str(parked.ref),
        "flow": parked.ref.flow,
        "side": parked.ref.side,
        "id": parked.ref.id,
        "link": parked.link,
        "name": names.of_parked(parked),
        "cause": parked.cause,
        "message": parked.message,
        "mend": parked.mend,
        "since": parked.since,
        "waits": [str(ref) for ref in parked.waits],
        "details": parked.details,
        "chain": _steps(chain) if chain else [],
    }


def _steps(chain: Chain) -> list[dict[str, str]]:
    """The records that wait for each other, and what holds up the last one."""
    *waiting, last = map(str, chain.refs)
    told = [{"record": record, "state": "waiting", "message": ""} for record in waiting]
    return [*told, {"record": last, "state": chain.end.fate.value, "message": chain.end.words}]


@parked_command.command("retry")
@click.argument("records", metavar="[RECORD]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that are parked for a person (with --cause: for that).")
@json_option
@click.pass_context
def retry_command(ctx: click.Context, records: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Make parked records due again: the next pass tries them.

    RECORD is an id, a number, a name, or side/flow/id, as syncline parked shows them.
    """
    from syncline.engine.people.names import Names
    from syncline.engine.people.releasing import retry

    app, wanted = ctx.find_object(App), ctx.meta["wanted"]
    assert app is not None
    if bool(records) == everything:
        raise click.UsageError("Name the records to retry, or say --all.")
    project = app.project()
    check_flow(project, wanted.flow)
    with project.open_store() as store:
        parked = store.parked(wanted.flow, wanted.cause)
        if everything:
            taken_up = [each for each in parked if wanted.cause or each.cause != "waiting"]
        else:
            taken_up = chosen(parked, records, Names(store, project.flows))
        retry(store, taken_up, datetime.now(UTC), who())
    if as_json or wanted.as_json:
        emit({"retried": [str(each.ref) for each in taken_up]})
    else:
        for each in taken_up:
            say(str(each.ref))
        tell(f"{count(len(taken_up), 'record')} will be tried again by the next pass.")


@parked_command.command("apart")
@click.argument("records", metavar="[RECORD]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Each parked record that has candidates, from all of them.")
@json_option
@click.pass_context
def apart_command(ctx: click.Context, records: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Say that records are not the same: they are never linked by their keys, nor parked for them.

    RECORD is an id, a number, a name, or side/flow/id; of one alone, it is none of its candidates.
    """
    from syncline.cli.deciding import keep_parked_apart
    from syncline.engine.people.names import Names

    app, wanted = ctx.find_object(App), ctx.meta["wanted"]
    assert app is not None
    if bool(records) == everything:
        raise click.UsageError("Name the records that are not the same, or say --all.")
    project = app.project()
    check_flow(project, wanted.flow)
    with project.open_store() as store:
        names = Names(store, project.flows)
        refs = list(dict.fromkeys(ref for text in records for ref in names.meant(text, wanted.flow)))
        if everything:
            parked = store.parked(wanted.flow, wanted.cause)
        else:
            parked = tuple(store.parked_refs(refs).values()) if len(refs) == 1 else ()
        pairs = keep_parked_apart(store, names, parked, refs)
    if as_json or wanted.as_json:
        emit({"apart": pairs})
    else:
        for pair in pairs:
            say(" | ".join(pair))
        tell("They are never taken for the same. The next pass goes on with them.")


def _answering(word: Word, doing: str, text: str) -> None:
    """A command by which a person says what is to become of parked records."""

    @parked_command.command(word, help=text, short_help=text.partition(".")[0] + ".")
    @click.argument("records", metavar="[RECORD]...", nargs=-1)
    @click.option("--all", "everything", is_flag=True, help="All that this can be said of.")
    @json_option
    @click.pass_context
    def command(ctx: click.Context, records: tuple[str, ...], everything: bool, as_json: bool) -> None:
        from syncline.engine.people.answering import CHOICES, answer
        from syncline.engine.people.names import Names

        app, wanted = ctx.find_object(App), ctx.meta["wanted"]
        assert app is not None
        if bool(records) == everything:
            raise click.UsageError("Name the records, or say --all.")
        project = app.project()
        check_flow(project, wanted.flow)
        with project.open_store() as store:
            parked = store.parked(wanted.flow, wanted.cause)
            asked = parked if everything else chosen(parked, records, Names(store, project.flows))
            meant = [each for each in asked if word in CHOICES.get(each.cause, ())]
            if not everything and len(meant) < len(asked):
                other = next(each for each in asked if each not in meant)
                message = f"{other.ref} is parked as {other.cause}: that cannot be answered so. {other.mend}"
                raise Failure(message.rstrip(), Exit.MISTAKE)
            answer(store, meant, word, datetime.now(UTC), who())
        if as_json or wanted.as_json:
            emit({word: [str(each.ref) for each in meant]})
        else:
            for each in meant:
                say(str(each.ref))
            tell(f"{count(len(meant), 'record')} will be {doing} by the next pass.")


_answering(
    "delete",
    "deleted everywhere",
    "A record was deleted on one side: delete it on the others too. A later edit there is asked about again.",
)
_answering(
    "restore",
    "brought back",
    "Bring it back. What was deleted is created again from the side that still has it; where a side tells an older "
    "state than before, the newer values are put back there.",
)
_answering(
    "keep",
    "left as they are",
    "A record was deleted on one side: leave it on the others, as nobody's counterpart.",
)
_answering(
    "accept",
    "taken as they are",
    "A side tells an older state of a record than before: take it for an edit made there.",
)


def chosen(parked: Iterable[Parked], records: Sequence[str], names: Names) -> list[Parked]:
    """Raises `Failure` for a name that no parked record has: then none is retried."""
    called = [(each, names.parked_called(each)) for each in parked]
    found: dict[str, Parked] = {}
    for text in records:
        meant = [each for each, words in called if words & {text, text.casefold()}]
        if not meant:
            raise Failure(f"{text} is not parked. syncline parked shows what is.", Exit.MISTAKE)
        found |= {str(each.ref): each for each in meant}
    return list(found.values())
