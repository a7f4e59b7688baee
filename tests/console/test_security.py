"""Who gets in, what they may do, and what no other site can do in their name."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cli.kept import kept
from console.serving import PASSWORD, Console, Person, add_users, console
from syncline.console import sessions
from syncline.console.app import create_app
from syncline.console.attempts import Attempts
from syncline.console.desk import Desk
from syncline.console.onetime import LASTS, OneTimeLink
from syncline.listening import CannotServe, Place
from syncline.project import load
from syncline.store import Role

PAGES = ("/", "/records", "/parked", "/matches", "/flows/customers", "/history", "/undo")


def test_every_page_sends_who_is_not_signed_in_to_the_door(here: Console) -> None:
    with here.client() as client:
        for path in PAGES:
            answer = client.get(path)
            assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/sign-in")
        assert client.get("/events").status_code == 401
        assert client.post("/parked").status_code == 303
        answer = client.get("/parked", headers={"HX-Request": "true"})
        assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in")
    with here.signed_in("see") as person:
        for path in PAGES:
            assert person.client.get(path).status_code == 200


def test_one_signs_in_goes_on_where_one_wanted_to_and_signs_out(here: Console) -> None:
    with here.client() as client:
        person = Person(client)
        assert client.get("/history?flow=orders").headers["location"] == "/sign-in?next=%2Fhistory%3Fflow%3Dorders"
        form = {"token": person.token("/sign-in"), "name": "see", "password": PASSWORD, "next": "/history?flow=orders"}
        assert client.post("/sign-in", data=form).headers["location"] == "/history?flow=orders"
        assert client.get("/").status_code == 200
        person.send("/sign-out", {})
        assert client.get("/").status_code == 303


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", ""])
def test_nobody_is_sent_to_another_site(here: Console, elsewhere: str) -> None:
    with here.client() as client:
        form = {"token": Person(client).token("/sign-in"), "name": "see", "password": PASSWORD, "next": elsewhere}
        assert client.post("/sign-in", data=form).headers["location"] == "/"


def test_a_wrong_password_and_an_unknown_name_are_told_alike(here: Console) -> None:
    with here.client() as client:
        wrong = Person(client).sign_in("see", "wrong horse battery")
        unknown = Person(client).sign_in("nobody", PASSWORD)
    assert wrong.status_code == unknown.status_code == 401
    assert "There is no user of this name and password." in wrong.text
    assert wrong.text.replace('value="see"', 'value="nobody"') == unknown.text


def test_after_five_failures_even_the_right_password_waits_and_others_do_not(here: Console) -> None:
    with here.client() as client:
        person = Person(client)
        for _ in range(5):
            assert person.sign_in("see", "wrong").status_code == 401
        answer = person.sign_in("see")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "300")
        assert person.sign_in("resolve").status_code == 303


async def test_failures_of_unknown_names_are_remembered_together() -> None:
    attempts = Attempts(2, 1_000)
    for name in ("anna", None, None, None):
        await attempts.failed(name)
    assert (attempts.may("anna"), attempts.may(None), attempts.may("bert")) == (True, False, True)
    assert len(attempts._failures) == 2


def test_a_form_of_another_site_is_refused(here: Console) -> None:
    with here.signed_in("resolve") as person:
        token = person.token("/parked")
        good = {"do": "retry:customerp/customers/c2", "token": token}
        refused = [
            person.client.post("/parked", data={**good, "token": told})
            for told in ("", "0" * 64, sessions.form_token(""))
        ]
        refused += [
            person.client.post("/parked", data=good, headers=headers)
            for headers in (
                {"Origin": "https://evil.example"},
                {"Origin": "null"},
                {"Sec-Fetch-Site": "cross-site"},
                {"Sec-Fetch-Site": "same-site"},
            )
        ]
        assert [answer.status_code for answer in refused] == [403] * 7
        assert len(here.store.parked()) == 3
        assert person.client.post("/parked", data=good, headers={"Origin": here.address}).status_code == 303
        assert len(here.store.parked()) == 2
    with here.client() as client:
        form = {"name": "see", "password": PASSWORD, "next": "/"}
        assert client.post("/sign-in", data=form).status_code == 403


@pytest.mark.parametrize(
    ("path", "form", "needed"),
    [
        ("/parked", {"do": "retry:customerp/customers/c2"}, "resolve"),
        ("/matches", {"do": "apart", "ref": "customerp/customers/c9"}, "resolve"),
        ("/unlink", {"flow": "customers", "side": "customerp", "id": "c1"}, "resolve"),
        ("/undo", {"change": "3", "digest": ""}, "resolve"),
        ("/undo", {"since": "1d", "digest": ""}, "administer"),
        ("/holds", {"do": "passed"}, "administer"),
    ],
)
def test_what_is_done_takes_a_role(here: Console, path: str, form: dict[str, str], needed: Role) -> None:
    order: tuple[Role, ...] = ("see", "resolve", "administer")
    for role in order:
        with here.signed_in(role) as person:
            answer = person.client.post(path, data={"token": person.token("/"), **form})
            assert (answer.status_code == 403) == (order.index(role) < order.index(needed)), (role, answer.text)


def test_who_may_only_see_is_shown_no_buttons(here: Console) -> None:
    with here.signed_in("see") as person:
        for path in PAGES:
            assert '<form method="post"' not in person.client.get(path).text.split("</header>")[1]


def test_every_answer_carries_the_headers_that_keep_others_out(here: Console) -> None:
    with here.signed_in() as person:
        answers = [person.client.get(path) for path in (*PAGES, "/nothing", "/static/console.css")]
        answers.append(person.client.post("/parked", data={"token": "wrong"}))
        with person.client.stream("GET", "/events") as events:
            answers.append(events)
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "server" not in answer.headers
    kept_ = {str(a.url.path): a.headers["cache-control"] for a in answers}
    assert kept_.pop("/static/console.css").startswith("public")
    assert set(kept_.values()) == {"no-store"}


def test_the_session_is_in_a_cookie_that_no_script_reads_and_no_other_site_sends(here: Console) -> None:
    with here.client() as client:
        cookie = Person(client).sign_in("see").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie
    token = cookie.split("=", 1)[1].split(";")[0]
    with here.store._database.engine.connect() as connection:
        kept_ = connection.exec_driver_sql("SELECT token FROM sessions").scalars().all()
    assert kept_
    assert token not in kept_


def test_a_session_ends_when_its_time_is_over_and_when_its_user_is_removed(here: Console) -> None:
    with here.signed_in("see") as person, here.signed_in("resolve") as other:
        here.store.remove_user("see")
        assert person.client.get("/").status_code == 303
        assert other.client.get("/").status_code == 200
        with here.store._database.write() as connection:
            moved = int(sessions.LASTS / timedelta(microseconds=1))
            connection.exec_driver_sql(f"UPDATE sessions SET expires = expires - {moved}")
        assert other.client.get("/").status_code == 303


@pytest.mark.parametrize(
    "name", ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", ""]
)
def test_another_name_than_this_machines_is_not_answered(here: Console, name: str) -> None:
    with here.client() as client:
        assert client.get("/sign-in", headers={"Host": name}).status_code == 421
        for ours in ("localhost", "localhost:99", "127.0.0.1:99"):
            assert client.get("/sign-in", headers={"Host": ours}).status_code == 200


def test_what_is_larger_than_a_form_is_refused(here: Console) -> None:
    with here.client() as client:
        assert client.post("/sign-in", content=b"x" * 1_000_001).status_code == 413
        assert client.post("/sign-in", content=iter([b"x"])).status_code == 413


def test_without_a_user_a_link_signs_in_once_as_who_started_it(tmp_path: Path) -> None:
    with console(kept(tmp_path), users=False) as made:
        with made.client() as client:
            assert client.head(made.link).status_code in (403, 405)
            assert "syncline console user add" in client.get("/sign-in").text
            assert client.get(f"{made.address}/sign-in/wrong").status_code == 403
            assert client.get(made.link).headers["location"] == "/"
            page = client.get("/").text
            assert ">ole " in page
            assert "(administer)" in page
        with made.client() as client:
            assert client.get(made.link).status_code == 403
            assert client.get("/").status_code == 303


def test_the_link_is_good_for_an_hour(here: Console) -> None:
    now = here.store.users()[0].since
    link = OneTimeLink("ole", now)
    assert not link.use(link.token, now + LASTS)
    assert link.use(link.token, now)
    assert not link.use(link.token, now)


def test_other_machines_are_served_only_once_there_are_users(tmp_path: Path) -> None:
    everywhere = Place(port=0, host="0.0.0.0")
    with (
        pytest.raises(CannotServe, match="syncline console user add"),
        console(kept(tmp_path), users=False, place=everywhere),
    ):
        pass
    with console(tmp_path, place=everywhere) as made:
        assert not made.link
        port = httpx.URL(made.address).port
        answer = httpx.get(f"http://127.0.0.1:{port}/sign-in", headers={"Host": "syncline.example"})
        assert answer.status_code == 200


async def test_over_https_cookies_are_sent_over_nothing_else(folder: Path) -> None:
    project = load(folder)
    with project.open_store() as store:
        add_users(store)
        desk = Desk(project=project, store=store, hosts=None, link=None, attempts=Attempts(), closing=asyncio.Event())
        transport = httpx.ASGITransport(create_app(desk))
        async with httpx.AsyncClient(transport=transport, base_url="https://syncline.example") as client:
            page = await client.get("/sign-in")
            token = page.text.split('name="token" value="')[1].split('"')[0]
            form = {"token": token, "name": "see", "password": PASSWORD, "next": "/"}
            answer = await client.post("/sign-in", data=form, headers={"Origin": "https://syncline.example"})
    assert page.headers["strict-transport-security"] == "max-age=31536000"
    for cookie in (page.headers["set-cookie"], answer.headers["set-cookie"]):
        assert "Secure" in cookie
        assert "HttpOnly" in cookie
