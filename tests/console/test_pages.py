"""What people do in the console, in a real browser, and what the next pass makes of it in the systems."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from console.browsing import NAMES, PHONE, Scheme, browser, found, signed_in
from console.filled import CONFLICT, ORDER, PLAIN, REFUSED, TWIN, Filled
from console.serving import Console

pytestmark = pytest.mark.skipif(found() is None, reason=f"this machine has none of {', '.join(NAMES)}")
PAGES = ("/", "/records", "/parked", "/matches", "/flows/customers", "/flows/orders", "/history", "/undo")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def page(chromium: Browser, open_console: Console) -> Iterator[Page]:
    with signed_in(chromium, open_console) as made:
        yield made


def told(page: Page) -> str:
    return page.get_by_role("status").inner_text()


def check(page: Page) -> None:
    """Nothing that keeps anybody from using it."""
    found_ = Axe().run(page)
    assert found_.violations_count == 0, found_.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_for_everybody(chromium: Browser, open_console: Console, scheme: Scheme) -> None:
    with signed_in(chromium, open_console, scheme=scheme) as page:
        for path in PAGES:
            page.goto(path)
            check(page)
        page.goto(f"/records?text={ORDER}")
        check(page)
        page.get_by_role("main").get_by_role("link", name=ORDER).first.click()
        check(page)
        page.goto("/undo?since=1d")
        check(page)
        page.context.clear_cookies()
        page.goto("/sign-in")
        check(page)


def test_no_page_is_wider_than_a_phone(chromium: Browser, open_console: Console) -> None:
    with signed_in(chromium, open_console, size=PHONE) as page:
        for path in (*PAGES, "/undo?since=1d"):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


def test_the_keyboard_reaches_the_content_at_once(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_overview_tells_how_all_stands_and_what_is_done_as_it_is_done(page: Page, company: Filled) -> None:
    row = page.get_by_role("row", name=re.compile("^customers"))
    expect(row).to_contain_text("in step")
    drawing = row.get_by_role("img")
    assert re.search(r"customers: \d+ written in the last 24 hours", drawing.get_attribute("aria-label") or "")
    expect(page.get_by_text("No syncline works on this store now.")).to_be_visible()
    change = {"phone": "+4721100777"}
    (ours,) = [c for c in company.there.run(company.both.erp.all("customers")) if c["name"] == PLAIN]
    company.there.run(company.both.erp.change("customers", ours["id"], change))
    company.sync()
    expect(page.locator("#entries tr", has_text="+4721100777").first).to_be_visible()


def test_a_record_is_found_while_typing_and_shows_both_sides(page: Page) -> None:
    page.goto("/records")
    page.get_by_label("Name, number, e-mail or id").press_sequentially("CLINICS dun")
    found_ = page.locator("#found").get_by_role("link", name=PLAIN)
    found_.first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(PLAIN)
    name = page.get_by_role("row", name=re.compile("^email"))
    assert name.inner_text().count("post@duneclinics.example") == 2
    expect(page.get_by_text("Nothing is to be done")).to_be_visible()


def test_an_order_shows_its_lines_and_points_to_its_customer(page: Page) -> None:
    page.get_by_label("Find a record").fill(ORDER.lower())
    page.keyboard.press("Enter")
    page.locator("#found").get_by_role("link").first.click()
    lines = page.get_by_role("region", name="Lines")
    expect(lines).to_contain_text("Desk, oak")
    page.get_by_role("region", name="Side by side").get_by_role("link", name=PLAIN).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(PLAIN)


def test_a_conflict_is_resolved_and_the_history_tells_who_did_it(
    page: Page, company: Filled, open_console: Console
) -> None:
    page.goto("/parked?cause=conflict")
    card = page.get_by_role("article", name=CONFLICT)
    expect(card).to_contain_text("before: Ulm")
    card.get_by_role("button", name="Take customerp: Oslo").click()
    assert told(page) == "city will be Oslo: the next pass writes it to businesscentral."
    expect(page.get_by_text("Nothing is parked.")).to_be_visible()
    company.sync()
    assert company.in_central(CONFLICT)["city"] == "Oslo"
    page.goto("/history?text=alder&action=updated")
    expect(page.get_by_role("row", name=re.compile("city: Rome → Oslo .* by administer"))).to_be_visible()


def test_a_match_is_accepted_and_the_next_pass_links_it(page: Page, company: Filled) -> None:
    page.goto("/matches")
    first = page.get_by_role("article").first
    expect(first).to_contain_text("75 %")
    expect(first.get_by_role("region", name=re.compile("What differs"))).to_contain_text("Bergen")
    first.get_by_role("button", name="They are the same").click()
    assert "the next pass links them" in told(page)
    company.sync()
    page.reload()
    expect(page.get_by_text("Nothing is to be matched.")).to_be_visible()
    page.goto(f"/records?text={TWIN}")
    expect(page.locator("#found tbody tr")).to_have_count(1)


def test_what_is_parked_is_told_in_the_systems_words_and_tried_again(page: Page, company: Filled) -> None:
    page.goto("/parked")
    card = page.get_by_role("article", name=REFUSED)
    expect(card).to_contain_text('The "currencyCode" does not match to a Currency.')
    expect(page.get_by_role("article", name="SO-7002")).to_contain_text("waits for customerp/customers/")
    card.get_by_role("checkbox").check()
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.get_by_role("form", name="With what is selected").get_by_role("button", name="Retry", exact=True).click()
    assert told(page) == "1 record will be tried again by the next pass."
    expect(page.get_by_role("article", name=REFUSED)).to_have_count(0)
    company.sync()
    page.reload()
    expect(page.get_by_role("article", name=REFUSED)).to_be_visible()


def test_a_change_is_undone_as_it_was_shown(page: Page, company: Filled) -> None:
    page.goto("/history?text=dune&action=updated")
    row = page.get_by_role("row", name=re.compile(r"phone: \+4721100200 → \+4721100999"))
    row.get_by_role("link", name="Undo").click()
    if page.get_by_role("alert").is_visible():  # it was changed again since, in another test
        page.get_by_label("also what was changed again since").check()
        page.get_by_role("button", name="Show what would be done").click()
    expect(page.get_by_role("region", name="What would be taken back")).to_contain_text("+4721100200")
    page.get_by_role("button", name="Take these back").click()
    assert told(page) == "The next pass takes it back: 1 thing."
    company.sync()
    assert company.in_central(PLAIN)["phoneNumber"] == "+4721100200"
