"""A Chromium for tests that open pages, and what they ask JupyterLab."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
)
#: Options of a JupyterLab that tests look into and that asks nothing.
LAB = (
    "--LabApp.expose_app_in_browser=True",
    "--JupyterNotebookApp.expose_app_in_browser=True",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
)
READY = """() => {
  const kernel = window.jupyterapp?.shell.currentWidget?.context?.sessionContext?.session?.kernel;
  return kernel?.status === "idle" && kernel.connectionStatus === "connected";
}"""
RUN = """(index) => {
  const notebook = window.jupyterapp.shell.currentWidget;
  notebook.content.activeCellIndex = index;
  window.jupyterapp.commands.execute("notebook:run-cell");
}"""


def chromium(playwright: Any) -> str | None:
    """A browser of the system, or the one that Playwright installed; None when there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    return playwright.chromium.executable_path if Path(playwright.chromium.executable_path).exists() else None


@contextmanager
def launched(*options: str) -> Iterator[Any]:
    """A running Chromium; skips the test where there is none."""
    # Playwright keeps an event loop in this thread for as long as it runs: it must end with its tests.
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        path = chromium(playwright)
        if path is None:
            pytest.skip("there is no Chromium on this machine")
        api.expect.set_options(timeout=60_000)
        running = playwright.chromium.launch(executable_path=path, args=[*CHROMIUM, *options])
        yield running
        running.close()


def texts(page: Any, within: Sequence[str] = ("body",)) -> str:
    """All text of a page, also what lies in shadow roots."""
    found: str = page.evaluate(
        """(within) => {
          const told = [];
          const walk = (node) => {
            if (node.nodeType === 3) told.push(node.textContent);
            if (node.tagName === "STYLE" || node.tagName === "SCRIPT") return;
            if (node.shadowRoot) walk(node.shadowRoot);
            for (const child of node.childNodes) walk(child);
          };
          for (const place of document.querySelectorAll(within.join(","))) walk(place);
          return told.join(" ").replace(/\\s+/g, " ");
        }""",
        list(within),
    )
    return found
