"""`make screenshots`: every page of the console, wide and narrow, light and dark, as pictures to look at.

No test: what is wrong with a picture only a person sees. It says what axe and the browser complain about.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Error, Page

from runplane.server.api.console import PAGES
from support.chromium import ROOT, chromium
from support.console import Console, Visitor, seeded_console
from support.server import ADMIN_EMAIL

SIZES = {"1440": (1440, 900), "390": (390, 844)}
# For people who may not be signed in, and with nothing to show otherwise.
BARE = ("sign-in",)


def pages() -> Iterator[tuple[str, str]]:
    """Name and address of each page that is built."""
    folder = ROOT / "console" / "src" / "pages"
    built = {it.parent.name for it in folder.glob("*/page.tsx")}
    for name in sorted(built & {"overview", *PAGES}):
        yield name, "/" if name == "overview" else f"/{name}"


def shoot(page: Page, path: str, file: Path) -> None:
    """One picture of the whole page, once nothing is loaded any more."""
    page.goto(path)
    page.wait_for_load_state("networkidle")
    # Numbers that count up and skeletons that fade are done when the fonts are.
    page.evaluate("document.fonts.ready.then(() => undefined)")
    page.screenshot(path=file, full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if wide > 0:
        print(f"{file.name}: {wide} pixels wider than the window", file=sys.stderr)


def shoot_all(console: Console, target: Path) -> int:
    """Every page in every size and scheme; returns how many pictures were made."""
    made = 0
    with chromium() as browser:
        for scheme in ("light", "dark"):
            for width, size in SIZES.items():
                visitor = Visitor(browser, console)
                for name, path in pages():
                    email = None if name in BARE else ADMIN_EMAIL
                    page = visitor.open("about:blank", email=email, size=size, dark=scheme == "dark")
                    shoot(page, path, target / f"{name}-{width}-{scheme}.png")
                    page.context.close()
                    made += 1
                try:
                    visitor.close()
                except (AssertionError, Error) as error:
                    print(f"{width} {scheme}: {error}", file=sys.stderr)
    return made


def main() -> None:
    """Write the pictures into the folder that the command line names."""
    target = Path(sys.argv[1]).resolve()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        with seeded_console(data) as console:
            made = shoot_all(console, target)
    print(f"{made} pictures in {target}")


if __name__ == "__main__":
    main()
