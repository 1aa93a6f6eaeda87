"""The pictures of README and docs: `.venv/bin/python docs/pictures.py`.

Most are of a real JupyterLab with a real run, which is made to be looked at in its middle: most tasks are quick, and
some hold until the pictures are taken. The others are of the view's scenes (`frontend/dev/shots.py`), and of notebooks
that were opened again, as `tests/ui/test_reopened.py` saw them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from browser import CHROMIUM, LAB, chromium  # noqa: E402
from jupyter_process import JupyterProcess  # noqa: E402

from tests.ui.conftest import Notebook  # noqa: E402

IMAGES = ROOT / "docs" / "images"
#: Where the tests leave their screenshots.
FOLDER = ROOT / "test-results"
WIDTH = 1000
#: Down to where notebooks that were opened again have cells.
CELLS = 1000
LAST_CELL = ".jp-Notebook .jp-CodeCell:last-of-type"

DEFINITIONS = """import asyncio, random, time

import numpy as np
import pandas as pd
import wf_jupyter as wf


def frame(rows):
    return pd.DataFrame({"id": np.arange(rows) % 100}).astype("int8")


@wf.task
def fetch_orders(day: str) -> pd.DataFrame:
    time.sleep(1.4)
    return frame(1_240_000)


@wf.task(cache=True)
def fetch_clients() -> pd.DataFrame:
    return frame(4_200)


@wf.task
def fetch_events(day: str) -> pd.DataFrame:
    time.sleep(2.1)
    return frame(8_100_000)


@wf.task
def clean(orders):
    time.sleep(0.7)
    return orders[orders.id >= 0]


@wf.task(retries=2, retry_delay=0.3)
def validate(orders, customers):
    raise ValueError("14 rows with null order_id")


@wf.task
def quality_report(checked): ...


@wf.task
def sessionize(events):
    time.sleep(0.9)
    return events.head(2_650_000)


@wf.task(retries=4, retry_delay=600, max_parallel=40)
async def score(part: int, orders, sessions) -> float:
    chance = random.Random(part)
    await asyncio.sleep(0.05 + chance.random() * 0.4)
    if part in (57, 163):
        raise ConnectionError("reset by peer")
    if part > 215 + chance.random() * 30:
        await asyncio.sleep(3600)
    return chance.random()


@wf.task
def join(customers, sessions):
    for step in wf.track(range(100)):
        time.sleep(0.15 if step < 62 else 3600)


@wf.task(retries=5, retry_delay=240)
def upload(orders):
    raise ConnectionError("503: try again later")


@wf.task
def train(scores, features): ...


@wf.task
def publish(model, uploaded): ...


@wf.workflow
def warm():
    return fetch_clients()


@wf.workflow
def orders_etl(day: str, parts: int):
    orders, customers, events = fetch_orders(day), fetch_clients(), fetch_events(day)
    cleaned = clean(orders)
    quality_report(validate(orders, customers))
    sessions = sessionize(events)
    scores = score.partial(orders=cleaned, sessions=sessions).map(part=list(range(parts)))
    publish(train(scores, join(customers, sessions)), upload(cleaned))
"""
PREPARATION = "from etl import orders_etl, warm\nwarm.submit().wait();"
SUBMISSION = 'execution = orders_etl.submit(day="2026-11-22", parts=300)\nexecution'
THEMES = (("JupyterLab Light", "light"), ("JupyterLab Dark", "dark"))
FONT = ":root { --jp-ui-font-family: Inter, 'Liberation Sans', system-ui !important; }"
RIPE = """() => {
  const root = document.querySelector(".wfj-root");
  const text = root ? root.textContent : "";
  return root?.dataset.status === "running" && [/62 %/, /retry/, /ValueError/].every((part) => part.test(text));
}"""


def main() -> None:
    """Take one picture per theme."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder, sync_playwright() as playwright:
        lab = JupyterProcess(Path(folder), "lab", (*LAB, "--WorkflowExtension.max_workers=6"))
        prepare(lab)
        lab.start()
        browser = playwright.chromium.launch(executable_path=chromium(playwright), args=list(CHROMIUM))
        try:
            page = browser.new_page(viewport={"width": WIDTH + 120, "height": 1240}, device_scale_factor=2)
            shoot(Notebook(page, lab, "orders.ipynb"))
        finally:
            browser.close()
            lab.stop()
    keep_scenes()
    keep_rows()


def keep_scenes() -> None:
    """The view on a page of its own, as its scenes show it."""
    with tempfile.TemporaryDirectory(prefix="scenes-") as folder:
        subprocess.run([sys.executable, ROOT / "src/wf_jupyter/frontend/dev/shots.py", folder], check=True)
        for kept in ("graph", "drawer", "timeline", "table", "overview-10k"):
            for _, name in THEMES:
                shutil.copy(Path(folder) / f"{kept}-{name}.png", IMAGES)
                small(IMAGES / f"{kept}-{name}.png", 0.75)


def keep_rows() -> None:
    """What the tests of opened notebooks saw, one picture each: `pytest tests/ui/test_reopened.py` comes first."""
    for seen in sorted(FOLDER.glob("reopened-*.png")):
        kept = IMAGES / "opened" / seen.name.removeprefix("reopened-").replace(", ", "-").replace(",", "")
        kept.parent.mkdir(exist_ok=True)
        with Image.open(seen) as picture:
            # without the empty rest of the page
            picture.crop((0, 0, picture.width, CELLS)).save(kept)
        small(kept, 0.75)


def prepare(lab: JupyterProcess) -> None:
    (lab.root / "etl.py").write_text(DEFINITIONS)
    # Nobody is here to answer whether news are welcome.
    settings = Path(lab.environment["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    cells = [nbformat.v4.new_code_cell(text) for text in (PREPARATION, SUBMISSION)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), lab.root / "orders.ipynb")


def shoot(notebook: Notebook) -> None:
    page = notebook.page
    page.add_style_tag(content=FONT)
    page.evaluate("() => { window.jupyterapp.shell.collapseLeft(); window.jupyterapp.shell.collapseRight(); }")
    notebook.run(0)
    notebook.idle()
    notebook.run(1)
    page.wait_for_function(RIPE, timeout=90_000)
    page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0; }")
    page.mouse.move(5, 5)
    for theme, name in THEMES:
        change(page, theme, name)
        take(page, IMAGES / f"live-graph-{name}.png")
        small(IMAGES / f"live-graph-{name}.png", 1)
    page.set_viewport_size({"width": 820, "height": 1000})
    for theme, name in THEMES:
        change(page, theme, name)
        take(page, IMAGES / f"narrow-{name}.png")
        small(IMAGES / f"narrow-{name}.png")
    page.set_viewport_size({"width": WIDTH + 120, "height": 1240})
    page.locator(".wfj-card").first.focus()
    page.keyboard.press("n")
    page.locator(".wfj-panel .wfj-error").wait_for()
    for theme, name in THEMES:
        change(page, theme, name)
        take(page, IMAGES / f"failure-{name}.png")
        small(IMAGES / f"failure-{name}.png")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1400, "height": 800})
    page.evaluate("() => window.jupyterapp.commands.execute('wf-jupyter:show')")
    page.locator(".wfj-listing .wfj-entry").first.wait_for()
    for theme, name in THEMES:
        change(page, theme, name)
        page.wait_for_timeout(1500)
        page.screenshot(path=IMAGES / f"panel-{name}.png")
        small(IMAGES / f"panel-{name}.png")


def change(page: Any, theme: str, name: str) -> None:
    page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    page.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{str(name == 'light').lower()}'")


def small(path: Path, scale: float = 0.5) -> None:
    """Keep a picture as WebP, which leaves rare colours as they are; pictures of whole windows half as wide."""
    with Image.open(path) as picture:
        size = round(picture.width * scale), round(picture.height * scale)
        picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(
            path.with_suffix(".webp"), quality=84, method=6
        )
    path.unlink()


def take(page: Any, path: Path) -> None:
    cell = page.locator(LAST_CELL)
    cell.evaluate("(cell) => cell.scrollIntoView({ block: 'start' })")
    page.wait_for_timeout(1500)  # for what moves to come to rest: the theme, the camera
    cell.screenshot(path=path)


if __name__ == "__main__":
    main()
