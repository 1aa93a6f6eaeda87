"""Pictures of the view's scenes: `python dev/shots.py FOLDER` after `npm run build`."""

from __future__ import annotations

import functools
import http.server
import sys
import threading
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent.parent
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(PACKAGE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}/frontend/dev/index.html"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        page = browser.new_page(
            viewport={"width": 1240, "height": 1000}, device_scale_factor=2, reduced_motion="reduce"
        )
        page.on("pageerror", lambda error: tell(f"error: {error}"))
        for theme in ("light", "dark"):
            shoot(page, f"{base}?theme={theme}", folder / f"graph-{theme}.png")
            page.click(".wfj-group .wfj-toggle")
            picture(page, folder / f"drawer-{theme}.png")
            page.click(".wfj-foot .wfj-action:last-child")
            picture(page, folder / f"panel-{theme}.png")
            shoot(page, f"{base}?theme={theme}&scene=small", folder / f"small-{theme}.png", ".wfj-group .wfj-toggle")
            for tab in ("Timeline", "Table"):
                path = folder / f"{tab.lower()}-{theme}.png"
                shoot(page, f"{base}?theme={theme}", path, f".wfj-tab:has-text('{tab}')")
        shoot(page, f"{base}?width=1200", folder / "graph-wide.png")
        shoot(page, f"{base}?width=380", folder / "graph-narrow.png")
        for theme in ("light", "dark"):
            shoot(page, f"{base}?theme={theme}&scene=20x500", folder / f"overview-10k-{theme}.png")
        tell(f"10,000 tasks painted after {page.evaluate('window.painted'):.0f} ms")
        browser.close()


def tell(text: str) -> None:
    sys.stdout.write(text + "\n")


def shoot(page: Page, url: str, path: Path, click: str | None = None) -> None:
    page.goto(url)
    page.wait_for_selector(".wfj-root[data-status=running]")
    if click:
        page.click(click)
    picture(page, path)


def picture(page: Page, path: Path) -> None:
    page.wait_for_timeout(350)
    page.locator(".wfj-root").screenshot(path=path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
