"""Pictures for the documentation, of the console, the document and an acceptance report:
python tests/console/screenshots.py docs/images

Where pngquant is installed they are a third as large.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from playwright.sync_api import Page

from cli.calling import Systems, call
from console.browsing import PHONE, Scheme, browser, signed_in
from console.filled import PLAIN, filled
from console.serving import console
from sandbox_businesscentral import central
from sandbox_customerp import erp

_SHOTS: tuple[tuple[str, str, Scheme, tuple[int, int]], ...] = (
    ("overview", "/", "light", (1280, 720)),
    ("parked", "/parked", "light", (1280, 900)),
    ("record", f"/records?text={PLAIN.replace(' ', '+')}", "dark", (1280, 900)),
    ("phone", "/parked?cause=conflict", "dark", PHONE),
)


def main(folder: Path) -> None:
    """Raises `AssertionError` where a page does not come up."""
    folder.mkdir(parents=True, exist_ok=True)
    _console(folder)
    _papers(folder)


def _console(folder: Path) -> None:
    with (
        tempfile.TemporaryDirectory() as place,
        filled(Path(place)) as company,
        console(company.folder) as served,
        browser() as chromium,
    ):
        for name, path, scheme, size in _SHOTS:
            with signed_in(chromium, served, scheme=scheme, size=size) as page:
                page.goto(path)
                if name == "record":
                    page.locator("#found").get_by_role("link", name=PLAIN).first.click()
                    page.get_by_role("heading", name="Side by side").wait_for()
                _take(page, folder / f"console-{name}.png")


def _papers(folder: Path) -> None:
    """What people sign, and what proves it: of products, which takes a minute."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with central.running(place, "--open") as businesscentral, erp.running(place, "--open", "--empty") as customerp:
            project = Systems(businesscentral, customerp).project(place / "project")
            tested = f"{{businesscentral: '{businesscentral.name}', customerp: '{customerp.address[7:]}/api'}}"
            with (project / "syncline.yaml").open("a") as config:
                config.write(f"accept: {{companies: {tested}}}\n")
            for command, *options in (("document",), ("accept", "--flow", "products")):
                told = call(project, command, *options, "--out", str(place / f"{command}.html"))
                assert told.code == 0, told.err
        with browser() as chromium:
            page = chromium.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
            for command in ("document", "accept"):
                page.goto((place / f"{command}.html").as_uri())
                _take(page, folder / f"{command}.png")


def _take(page: Page, picture: Path) -> None:
    page.screenshot(path=picture)
    if (smaller := shutil.which("pngquant")) is not None:
        subprocess.run([smaller, "--force", "--strip", "--ext", ".png", "64", str(picture)], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
