"""Alerts on their way: a real receiver of HTTP, a real server of mail, and what happens when these are away."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cli.calling import edit, free_port
from engine.pair import Pair
from runtime.living import until
from syncline.connectors.base import SignInRefused
from syncline.listening import Place, listening
from syncline.project import ProjectError, load
from syncline.project.watched import Email, Levels
from syncline.runtime import alarming as module
from syncline.runtime.alarming import Alarm, alarming
from syncline.runtime.alerts import Alert
from syncline.runtime.course import Course
from syncline.runtime.measures import Measures
from syncline.runtime.sending import Mail, NotSent, Webhook
from syncline.runtime.telling import Event
from syncline.store import Store, StoreLost

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ALERT = Alert(about="parked", well=False, text="3 records are parked.", value=3, level=2, at=NOON)


class Chat:
    """A receiver of posts."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.status = 200

    async def __call__(self, request: Request) -> Response:
        if self.status == 200:
            self.posts.append(await request.json())
        return Response(status_code=self.status)

    @property
    def told(self) -> list[tuple[str, bool]]:
        return [(post["about"], post["well"]) for post in self.posts]


@asynccontextmanager
async def chat(port: int = 0) -> AsyncIterator[tuple[str, Chat]]:
    found = Chat()
    async with listening(
        Starlette(routes=[Route("/secret", found.__call__, methods=["POST"])]), Place(port=port)
    ) as at:
        yield at + "secret", found


async def test_a_post_has_a_text_and_the_fields() -> None:
    async with chat() as (url, found):
        await Webhook(url).send("acme", ALERT)
    assert found.posts == [
        {
            "text": "Syncline acme: 3 records are parked.",
            "project": "acme",
            "about": "parked",
            "flow": None,
            "well": False,
            "value": 3,
            "level": 2,
            "at": "2026-05-04T12:00:00Z",
        }
    ]


async def test_what_keeps_a_post_back_is_told_without_its_address() -> None:
    async with chat() as (url, found):
        found.status = 500
        with pytest.raises(NotSent, match=r"^the webhook answers with status 500$"):
            await Webhook(url).send("acme", ALERT)
    for broken in (url, "no address at all: hunter2"):
        with pytest.raises(NotSent) as caught:
            await Webhook(broken).send("acme", ALERT)
        assert "secret" not in str(caught.value)
        assert "hunter2" not in str(caught.value)


class Postbox:
    """What was mailed, and who signed in."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.users: list[str] = []

    async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def authenticate(self, server: object, session: object, envelope: object, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"syncline", b"hunter2")
        self.users += [data.login.decode()] if good else []
        return AuthResult(success=good, handled=False)


@contextmanager
def postbox(**how: Any) -> Iterator[tuple[int, Postbox]]:
    box, port = Postbox(), free_port()
    if how:
        how["authenticator"] = box.authenticate
    server = Controller(box, hostname="127.0.0.1", port=port, **how)
    server.start()
    try:
        yield port, box
    finally:
        server.stop()


def _by(port: int, **other: Any) -> Email:
    plain = Email(
        to=("a@example.com", "b@example.com"),
        sender="syncline@example.com",
        server="127.0.0.1",
        port=port,
        start_tls=False,
        user=None,
        password=None,
    )
    return replace(plain, **other)


async def test_a_mail_is_sent() -> None:
    with postbox() as (port, box):
        await Mail(_by(port), None).send("acme", ALERT)
        await Mail(_by(port), None).send("acme", replace(ALERT, well=True))
    (mail, well) = box.mails
    assert (mail["From"], mail["To"]) == ("syncline@example.com", "a@example.com, b@example.com")
    assert (mail["Subject"], well["Subject"]) == ("Syncline acme: parked", "Syncline acme: well again")
    assert mail.get_content().splitlines()[0] == "3 records are parked."


async def test_a_mail_goes_encrypted_and_signed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = _certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with postbox(tls_context=context, require_starttls=True, auth_require_tls=True) as (port, box):
        by = _by(port, start_tls=True, server="localhost")
        with pytest.raises(NotSent, match=r"^localhost does not take the mail \(SSLCertVerificationError\)$"):
            await Mail(by, ("syncline", "hunter2")).send("acme", ALERT)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with pytest.raises(NotSent, match=r"\(SMTPAuthenticationError\)"):
            await Mail(by, ("syncline", "wrong")).send("acme", ALERT)
        assert box.mails == []
        await Mail(by, ("syncline", "hunter2")).send("acme", ALERT)
    assert (len(box.mails), box.users) == (1, ["syncline"])


async def test_a_server_that_is_away_takes_no_mail() -> None:
    with pytest.raises(NotSent, match=r"^127.0.0.1 does not take the mail \(ConnectionRefusedError\)$"):
        await Mail(_by(free_port()), None).send("acme", ALERT)


# --- beside passes


class Watched:
    """How many are parked, and how often the store is not there, as is said; what is told of sending."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.parked = 0
        self.lost = 0
        self.told: list[str] = []

    def hear(self, event: Event, sentence: str, **about: object) -> None:
        self.told.append(sentence)

    def measured(self) -> Measures:
        now = datetime.now(UTC)
        if self.lost:
            self.lost -= 1
            raise StoreLost("The store is away.")
        return Measures(at=now, started=now, passed=now, moved=None, failures=self.parked, flows={}, held=0)

    @asynccontextmanager
    async def alarm(self, url: str) -> AsyncIterator[None]:
        levels = Levels(lag=None, parked=None, failures=1, lasting=timedelta(0))
        to = {"webhook": Webhook(url)}
        alarm = Alarm("acme", levels, to, self.store, self.measured, self.hear)
        running = asyncio.create_task(alarm.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait({running})


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(module, "_EVERY", 0.05)
    with Store.open(f"sqlite:///{tmp_path}/syncline.db") as store:
        yield Watched(store)


async def test_a_restart_does_not_alarm_again(watched: Watched) -> None:
    async with chat() as (url, found):
        watched.parked = 5
        async with watched.alarm(url):
            await until(lambda: found.posts)
        async with watched.alarm(url):
            await asyncio.sleep(0.3)
            assert found.told == [("failures", False)]
            watched.parked = 0
            await until(lambda: len(found.posts) == 2)
    assert found.told == [("failures", False), ("failures", True)]
    assert watched.told == []


async def test_what_cannot_be_sent_waits_over_a_restart_and_is_sent_in_order(watched: Watched) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/secret"
    watched.parked = 5
    async with watched.alarm(url):
        await until(lambda: watched.told)
        watched.parked = 0
        await asyncio.sleep(0.3)
    assert watched.told == [
        "An alert is not sent: the webhook cannot be reached (ClientConnectorError). It is tried again."
    ]
    async with watched.alarm(url):
        await until(lambda: len(watched.told) == 2)
        async with chat(port) as (_, found):
            await until(lambda: len(found.posts) == 2)
            await until(lambda: len(watched.told) == 3)
    assert found.told == [("failures", False), ("failures", True)]
    assert watched.told[2:] == ["The alert is sent."]


async def test_what_ends_the_run_is_told_with_a_projects_own_configuration(
    both: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(both.folder / "syncline.yaml", "flows: flows", "flows: flows\nalerts: {failures: 3, webhook: ALERT_URL}")
    project = load(both.folder)
    async with both.setup() as setup:
        with pytest.raises(ProjectError, match=r"alerts\.webhook: alerts need the environment variable ALERT_URL, wh"):
            async with alarming(project, setup, Course(), _unheard):
                pass
        async with chat() as (url, found):
            monkeypatch.setenv("ALERT_URL", url)
            for _ in range(2):
                with pytest.raises(SignInRefused):
                    async with alarming(project, setup, Course(), _unheard):
                        raise SignInRefused("customerp", "It refuses the sign-in.")
    (post,) = found.posts
    assert post["text"] == "Syncline project: syncline run has ended: customerp: It refuses the sign-in."


def _unheard(event: Event, sentence: str, **about: object) -> None:
    pass


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Of ``localhost``, by nobody but itself."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    asked = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    named = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*asked, *named], check=True, capture_output=True)
    return certificate, key


async def test_a_store_that_was_away_does_not_end_it(watched: Watched) -> None:
    async with chat() as (url, found):
        watched.lost = 3
        watched.parked = 5
        async with watched.alarm(url):
            await until(lambda: found.posts)
    assert watched.lost == 0
    assert found.told == [("failures", False)]
