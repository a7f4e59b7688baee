"""A real browser, without a window: the system's Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from console.serving import PASSWORD, Console
from syncline.store import Role

NAMES = ("chromium", "chromium-browser", "google-chrome")
Scheme = Literal["light", "dark"]
DESK, PHONE = (1280, 900), (390, 844)


def found() -> str | None:
    """Where this machine has one."""
    return next((path for name in NAMES if (path := shutil.which(name)) is not None), None)


@contextmanager
def browser() -> Iterator[Browser]:
    path = found()
    assert path is not None
    sandboxed = os.geteuid() != 0  # Chromium refuses to be root within its own sandbox
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path, args=[] if sandboxed else ["--no-sandbox"], chromium_sandbox=sandboxed
        )
        try:
            yield started
        finally:
            started.close()


@contextmanager
def signed_in(
    browser: Browser,
    console: Console,
    role: Role = "administer",
    *,
    scheme: Scheme = "light",
    size: tuple[int, int] = DESK,
    scale: float = 1,
) -> Iterator[Page]:
    """At the overview. Whatever the browser itself complains of, as of what the policy forbids, is a failure."""
    complaints: list[str] = []
    viewport = {"width": size[0], "height": size[1]}
    context = browser.new_context(
        color_scheme=scheme,
        viewport=viewport,  # type: ignore[arg-type]
        base_url=console.address,
        device_scale_factor=scale,
        locale="en-GB",
    )
    page = context.new_page()

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        page.goto("/sign-in")
        page.get_by_label("Name").fill(role)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Overview").wait_for()
        yield page
    finally:
        context.close()
    assert complaints == []
