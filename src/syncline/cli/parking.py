"""``parked``: what is not worked on and why; ``retry`` takes it up again, ``join`` says which records are the same.

``delete``, ``restore``, ``keep`` and ``accept`` say what is to become of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

import click
from msgspec import Struct

from syncline.cli.app import App, check_flow, flow_option, json_option
from syncline.cli.failing import Exit, Failure
from syncline.cli.output import count, emit, say, shown, tell, when

if TYPE_CHECKING:
    from syncline.cli.names import Names
    from syncline.engine.answering import Word
    from syncline.records import Ref
    from syncline.store import Cause, Parked, Store


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
    from syncline.cli.names import Names

    project = app.project()
    check_flow(project, wanted.flow)
    with project.open_store() as store:
        parked = store.parked(wanted.flow, wanted.cause)
        names = Names(store, project.flows)
        if wanted.as_json:
            emit({"parked": [_told(each, names) for each in parked]})
            return
        for each in parked:
            say(f"{each.ref.flow}  {shown(names.of_parked(each))}  {each.cause}  since {when(each.since)}")
            say(str(each.ref), indent=2)
            say(shown(each.message), indent=2)
            if each.mend:
                say(shown(each.mend), indent=2)
            say()
    if not parked:
        tell("Nothing is parked.")
    else:
        tell(f"{count(len(parked), 'record')} parked. syncline parked retry RECORD takes one up again.")
        if any(each.cause in ("ambiguous", "suggested") for each in parked):
            tell("syncline parked join RECORD... says that they are the same.")


def _told(parked: Parked, names: Names) -> dict[str, Any]:
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
    }


@parked_command.command("retry")
@click.argument("records", metavar="[RECORD]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that are parked for a person (with --cause: for that).")
@json_option
@click.pass_context
def retry_command(ctx: click.Context, records: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Make parked records due again: the next pass tries them.

    RECORD is an id, a number, a name, or side/flow/id, as syncline parked shows them.
    """
    from syncline.cli.names import Names

    app, wanted = ctx.find_object(App), ctx.meta["wanted"]
    assert app is not None
    if bool(records) == everything:
        raise click.UsageError("Name the records to retry, or say --all.")
    project = app.project()
    check_flow(project, wanted.flow)
    with project.open_store() as store:
        parked = store.parked(wanted.flow, wanted.cause)
        if everything:
            chosen = [each for each in parked if wanted.cause or each.cause != "waiting"]
        else:
            chosen = _chosen(parked, records, Names(store, project.flows))
        _release(store, chosen)
    if as_json or wanted.as_json:
        emit({"retried": [str(each.ref) for each in chosen]})
    else:
        for each in chosen:
            say(str(each.ref))
        tell(f"{count(len(chosen), 'record')} will be tried again by the next pass.")


@parked_command.command("join")
@click.argument("records", metavar="RECORD...", nargs=-1, required=True)
@json_option
@click.pass_context
def join_command(ctx: click.Context, records: tuple[str, ...], as_json: bool) -> None:
    """Say that parked records are the same one: the next pass brings them in step.

    RECORD is an id, a number, a name, or side/flow/id, as syncline parked shows them. One is enough where its name is
    that of both, or where only one other looks like it.
    """
    from syncline.cli.names import Names
    from syncline.engine.joining import CannotJoin, join

    app, wanted = ctx.find_object(App), ctx.meta["wanted"]
    assert app is not None
    project = app.project()
    check_flow(project, wanted.flow)
    with project.open_store() as store:
        parked = store.parked(wanted.flow, wanted.cause)
        names = Names(store, project.flows)
        refs = _with_candidate(parked, _chosen(parked, records, names))
        flows = {ref.flow for ref in refs}
        if len(flows) > 1:
            raise Failure(f"Records of {' and '.join(sorted(flows))} cannot be the same.", Exit.MISTAKE)
        try:
            link = join(store, project.flows[flows.pop()], refs, datetime.now(UTC))
        except CannotJoin as error:
            raise Failure(str(error), Exit.MISTAKE) from error
    if as_json or wanted.as_json:
        emit({"link": link.id, "flow": link.flow, "members": link.members})
    else:
        say(" = ".join(str(ref) for ref in refs))
        tell("The next pass brings them in step.")


def _answering(word: Word, doing: str, text: str) -> None:
    """A command by which a person says what is to become of parked records."""

    @parked_command.command(word, help=text, short_help=text.partition(".")[0] + ".")
    @click.argument("records", metavar="[RECORD]...", nargs=-1)
    @click.option("--all", "everything", is_flag=True, help="All that this can be said of.")
    @json_option
    @click.pass_context
    def command(ctx: click.Context, records: tuple[str, ...], everything: bool, as_json: bool) -> None:
        from syncline.cli.names import Names
        from syncline.engine.answering import CHOICES, answer

        app, wanted = ctx.find_object(App), ctx.meta["wanted"]
        assert app is not None
        if bool(records) == everything:
            raise click.UsageError("Name the records, or say --all.")
        project = app.project()
        check_flow(project, wanted.flow)
        with project.open_store() as store:
            parked = store.parked(wanted.flow, wanted.cause)
            chosen = parked if everything else _chosen(parked, records, Names(store, project.flows))
            meant = [each for each in chosen if word in CHOICES.get(each.cause, ())]
            if not everything and len(meant) < len(chosen):
                other = next(each for each in chosen if each not in meant)
                message = f"{other.ref} is parked as {other.cause}: that cannot be answered so. {other.mend}"
                raise Failure(message.rstrip(), Exit.MISTAKE)
            answer(store, meant, word, datetime.now(UTC))
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


def _with_candidate(parked: Iterable[Parked], chosen: Sequence[Parked]) -> list[Ref]:
    """The records that were named; where that is a single one, with the only other that it may be the same as."""
    if len(chosen) == 1:
        others = {str(each.ref): each for each in parked}
        candidates = [others[each] for each in chosen[0].details.get("candidates", ()) if each in others]
        chosen = [*chosen, *candidates] if len(candidates) == 1 else chosen
    return [each.ref for each in chosen]


def _chosen(parked: Iterable[Parked], records: Sequence[str], names: Names) -> list[Parked]:
    """Raises `Failure` for a name that no parked record has: then none is retried."""
    called = [(each, names.parked_called(each)) for each in parked]
    chosen: dict[str, Parked] = {}
    for text in records:
        meant = [each for each, words in called if words & {text, text.casefold()}]
        if not meant:
            raise Failure(f"{text} is not parked. syncline parked shows what is.", Exit.MISTAKE)
        chosen |= {str(each.ref): each for each in meant}
    return list(chosen.values())


def _release(store: Store, parked: Sequence[Parked]) -> None:
    """Due now, with everything else that is held back of the same link."""
    from msgspec.structs import replace

    from syncline.records import Ref
    from syncline.store import Memory

    links = store.links([each.link for each in parked if each.link])
    members = [Ref(link.flow, side, id_) for link in links.values() for side, id_ in link.members.items()]
    now = datetime.now(UTC)
    arrivals = store.arrivals([*(each.ref for each in parked), *members]).values()
    due = [replace(arrival, due=now, attempts=0) for arrival in arrivals if arrival.due is None]
    store.save(Memory(arrivals=due, released=[each.ref for each in parked]))
