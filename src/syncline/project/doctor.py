"""Whether a project can work: its store, its secrets, and each system as far as can be told without writing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from msgspec import Struct

from syncline.connectors.base import PROOF, Connector, ConnectorError, View
from syncline.engine.setup import remembered, view
from syncline.project.project import Project, ProjectError, System
from syncline.store import Store, StoreError

_PATIENCE = 20.0
"""Seconds that a system is given to answer at all."""
_LONGEST = 60.0
"""Seconds that it is given for a page."""
_SKEW = timedelta(seconds=30)
"""How far a clock may be off. A poll looks back a minute, so less is never felt."""


class Check(Struct, frozen=True, kw_only=True):
    """``about`` is the system, or empty; ``what`` was looked at; ``words`` what was found; ``mend`` what would help."""

    about: str
    what: str
    good: bool
    words: str
    mend: str = ""


async def examine(project: Project, environment: Mapping[str, str] = os.environ) -> AsyncIterator[Check]:
    """One check after another, as they are done. Nothing is written; a store is made where there is none."""
    try:
        store = project.open_store()
    except StoreError as error:
        yield Check(about="", what="store", good=False, words=str(error))
        return
    with store:
        yield Check(about="", what="store", good=True, words=f"{project.store} is open and of this version")
        async for check in _webhooks(project, environment):
            yield check
        for side in project.sides:
            system = project.systems[side]
            lacking = system.lacking(environment).values()
            if lacking:
                words = f"{', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not set"
                yield Check(about=side, what="secrets", good=False, words=words, mend="Set the environment variables.")
                continue
            yield await _clock(system)
            secrets = {secret: environment[name] for secret, name in system.secrets.items()}
            async for check in _system(project, store, side, system.connect(secrets, None)):
                yield check


async def _webhooks(project: Project, environment: Mapping[str, str]) -> AsyncIterator[Check]:
    """Whether a call to each side's address comes to this project, through whatever stands between."""
    import aiohttp

    if project.webhooks is None:
        return
    try:
        hooks = project.hooks(environment)
    except ProjectError as error:
        for mistake in error.mistakes:
            yield Check(about="", what="webhooks", good=False, words=mistake.message, mend=mistake.mend)
        return
    listen = f"{project.webhooks.host}:{project.webhooks.port}"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE)) as session:
        for side, hook in hooks.items():
            try:
                async with session.get(hook.url, allow_redirects=False) as answer:
                    reached = answer.headers.get(PROOF) == hook.proof
                    words = f"{hook.url} answers with status {answer.status}, and is not this project's syncline run"
            except (aiohttp.ClientError, TimeoutError) as error:
                reached, words = False, f"{hook.url} does not answer ({str(error) or 'no answer in time'})"
            mend = "" if reached else f"What stands at that address must pass calls on to {listen}, path and all."
            words = f"a call to {hook.url} comes here" if reached else words
            yield Check(about=side, what="webhooks", good=reached, words=words, mend=mend)


async def _clock(system: System) -> Check:
    """By the time that its answer carries; who answers nothing is not reached."""
    import aiohttp

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE)) as session,
            session.get(system.url, allow_redirects=False) as answer,
        ):
            told = answer.headers.get("Date", "")
    except (aiohttp.ClientError, TimeoutError) as error:
        words = f"{system.url} does not answer ({str(error) or 'no answer in time'})"
        mend = "Look at the address, and whether this machine may reach it."
        return Check(about=system.name, what="connection", good=False, words=words, mend=mend)
    try:
        skew = parsedate_to_datetime(told) - datetime.now(UTC)
    except ValueError:
        return Check(about=system.name, what="clock", good=True, words="it answers, and does not tell its time")
    words = f"it answers; its clock is {abs(skew.total_seconds()):.0f} s {'ahead' if skew > timedelta(0) else 'behind'}"
    mend = "" if abs(skew) < _SKEW else "Set this machine's clock, or that system's: edits are compared by their times."
    return Check(about=system.name, what="clock", good=not mend, words=words, mend=mend)


async def _system(project: Project, store: Store, side: str, connector: Connector) -> AsyncIterator[Check]:
    try:
        async with connector as system:
            identity, name = await system.identity(), await system.company_name()
            called = f"{name} ({identity})" if name else identity
            yield Check(about=side, what="sign-in", good=True, words=f"it is {called}")
            known = remembered(store, side)
            if known is not None and known != identity:
                mend = "Correct its address or company, or give this one a store of its own."
                yield Check(about=side, what="company", good=False, words=f"the store is about {known}", mend=mend)
            for flow in project.flows.values():
                if side in flow.sides:
                    yield await _read(project, flow.name, side, system)
            flows = [flow for flow in project.flows.values() if side in flow.sides]
            tables = sorted({table for flow in flows for table in flow.tables(side)})
            if tables:
                found = await system.codes(tables)
                told = ", ".join(f"{table} ({len(found.get(table, ()))})" for table in tables)
                yield Check(about=side, what="codes", good=True, words=told)
    except ConnectorError as error:
        yield Check(about=side, what="sign-in", good=False, words=error.message, mend=error.mend)


async def _read(project: Project, flow: str, side: str, system: Connector) -> Check:
    """One page, with every property that the agreement maps: one that the system lacks, or does not show, fails it."""
    agreed = project.flows[flow]
    try:
        records = await asyncio.wait_for(_first_page(system, view(agreed, side)), _LONGEST)
    except ConnectorError as error:
        return Check(about=side, what=flow, good=False, words=error.message, mend=error.mend)
    except TimeoutError:
        return Check(about=side, what=flow, good=False, words=f"no page came within {_LONGEST:.0f} s")
    words = f"{len(agreed.paths(side)) + len(agreed.line_paths(side))} properties can be read, of {records} records"
    return Check(about=side, what=flow, good=True, words=words)


async def _first_page(system: Connector, asked: View) -> int:
    """How many records there are, where the system tells, else on the first page."""
    page = await anext(system.changes(asked, None))
    return page.total if page.total is not None else len(page.records)
