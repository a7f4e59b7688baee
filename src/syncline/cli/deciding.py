"""``link``, ``unlink`` and ``parked apart``: a person says which records are the same, and which are not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from syncline.cli.app import App, check_flow, flow_option, json_option, pass_app, who
from syncline.cli.failing import Exit, Failure
from syncline.cli.output import emit, say, tell

if TYPE_CHECKING:
    from syncline.engine.people.names import Names
    from syncline.records import Ref
    from syncline.store import Parked, Store


@click.command("link")
@click.argument("records", metavar="RECORD...", nargs=-1, required=True)
@flow_option
@json_option
@pass_app
def link_command(app: App, records: tuple[str, ...], flow: str | None, as_json: bool) -> None:
    """Say that records of different sides are the same one. The next pass links them and brings them in step.

    RECORD is an id, a number, a name, or side/flow/id; only the latter for a record that was never seen. One is enough
    where its name is that of both, or where only one other looks like it.
    """
    from syncline.engine.case import link_id
    from syncline.engine.people.joining import CannotJoin, link
    from syncline.engine.people.names import Names

    project = app.project()
    check_flow(project, flow)
    with project.open_store() as store:
        names = Names(store, project.flows)
        refs = list(dict.fromkeys(ref for text in records for ref in names.meant(text, flow)))
        if len(refs) == 1:
            refs += _only_candidate(names, store.parked_refs(refs).get(refs[0]), store)
        flows = sorted({ref.flow for ref in refs})
        if len(flows) > 1:
            raise Failure(f"Records of {' and '.join(flows)} cannot be the same.", Exit.MISTAKE)
        agreed = project.flows[flows[0]]
        try:
            members = link(store, agreed, refs, datetime.now(UTC), who())
        except CannotJoin as error:
            raise Failure(str(error), Exit.MISTAKE) from error
    if as_json:
        emit({"link": link_id(agreed, members), "flow": agreed.name, "members": members})
    else:
        say(" = ".join(map(str, refs)))
        tell("The next pass links them and brings them in step.")


def _only_candidate(names: Names, parked: Parked | None, store: Store) -> list[Ref]:
    free = names.candidates(parked) if parked else []
    free = [ref for ref in free if ref not in store.links_of(free)]
    return free if len(free) == 1 else []


@click.command("unlink")
@click.argument("record")
@flow_option
@json_option
@pass_app
def unlink_command(app: App, record: str, flow: str | None, as_json: bool) -> None:
    """Say that linked records are not the same after all. The next pass ends their link and parks them.

    Neither is created anew by itself: link each with its right counterpart, or retry it as a new record. RECORD is an
    id, a number, a name, or side/flow/id.
    """
    from syncline.engine.people.joining import CannotJoin, unlink
    from syncline.engine.people.names import Names

    project = app.project()
    check_flow(project, flow)
    with project.open_store() as store:
        try:
            ended = unlink(
                store, Names(store, project.flows).meant(record, flow, linked=True)[0], datetime.now(UTC), who()
            )
        except CannotJoin as error:
            raise Failure(str(error), Exit.MISTAKE) from error
    if as_json:
        emit({"link": ended.id, "flow": ended.flow, "members": ended.members})
    else:
        say(" | ".join(f"{side}/{ended.flow}/{id_}" for side, id_ in ended.members.items()))
        tell("The next pass ends their link and parks them: syncline parked tells how they go on.")


def keep_parked_apart(
    store: Store, names: Names, parked: Sequence[Parked], refs: Sequence[Ref]
) -> list[tuple[str, str]]:
    """Those that were named from each other; or each that is parked from its candidates. Raises `Failure`."""
    from syncline.engine.people.joining import CannotJoin, keep_apart

    pairs = {frozenset((one, other)) for one in refs for other in refs if one != other}
    pairs |= {frozenset((each.ref, candidate)) for each in parked for candidate in names.candidates(each)}
    if not pairs:
        raise Failure("Name at least two records, or one that has candidates.", Exit.MISTAKE)
    try:
        kept = keep_apart(store, pairs, datetime.now(UTC), who())
    except CannotJoin as error:
        raise Failure(str(error), Exit.MISTAKE) from error
    return sorted((str(min(pair)), str(max(pair))) for pair in kept)
