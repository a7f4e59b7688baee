"""Pictures of the console for the documentation: python tests/console/screenshots.py docs/images

Where pngquant is installed they are a third as large.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from console.browsing import PHONE, Scheme, browser, signed_in
from console.filled import PLAIN, filled
from console.serving import console

_SHOTS: tuple[tuple[str, str, Scheme, tuple[int, int]], ...] = (
    ("overview", "/", "light", (1280, 720)),
    ("parked", "/parked", "light", (1280, 900)),
    ("record", f"/records?text={PLAIN.replace(' ', '+')}", "dark", (1280, 900)),
    ("phone", "/parked?cause=conflict", "dark", PHONE),
)


def main(folder: Path) -> None:
    """Raises `AssertionError` where a page does not come up."""
    folder.mkdir(parents=True, exist_ok=True)
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
                picture = folder / f"console-{name}.png"
                page.screenshot(path=picture)
                if (smaller := shutil.which("pngquant")) is not None:
                    subprocess.run([smaller, "--force", "--strip", "--ext", ".png", "64", str(picture)], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
