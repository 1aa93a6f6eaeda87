"""One real JupyterLab and one Chromium for all tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.browser import LAB, READY, RUN, launched
from tests.jupyter_process import JupyterProcess
from tests.pictures import picture

KERNEL = "() => window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.id"


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    with launched() as running:
        yield running


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[JupyterProcess]:
    running = JupyterProcess(tmp_path_factory.mktemp("lab"), "lab", LAB)
    # Nobody is here to answer whether news are welcome.
    settings = Path(running.environment["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    running.start()
    yield running
    running.stop()


class Notebook:
    """A notebook open in JupyterLab, with a kernel that is ready."""

    def __init__(self, page: Any, lab: JupyterProcess, name: str) -> None:
        self.page = page
        self.lab = lab
        self.name = name
        page.goto(f"{lab.url}lab/workspaces/{Path(name).stem}/tree/{name}?token={lab.token}&reset")
        page.wait_for_function(READY, timeout=60_000)

    def run(self, index: int) -> None:
        """Start cell `index`; returns at once."""
        self.page.evaluate(RUN, index)

    def idle(self) -> None:
        """Wait until nothing runs in the kernel."""
        self.page.wait_for_function(READY, timeout=60_000)

    def restart_kernel(self) -> None:
        """As the menu does, and wait until it answers."""
        self.lab.ask("POST", f"api/kernels/{self.page.evaluate(KERNEL)}/restart")
        self.idle()

    def picture(self, name: str, at: str = ".wfj-root") -> None:
        """A screenshot for people to look at, scrolled to an element."""
        self.page.locator(at).first.scroll_into_view_if_needed()
        picture(self.page, name)


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of its own; every error that its scripts report fails the test.

    What a sandboxed frame of no origin was refused is no error of ours, but the sandbox at work.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    opened = context.new_page()
    opened.set_default_timeout(90_000)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    expected = ("ResizeObserver", 'Blocked a frame with origin "null"')
    assert not [error for error in errors if not any(part in error for part in expected)]


@pytest.fixture
def open_file(page: Any, lab: JupyterProcess) -> Callable[[str, Path], Notebook]:
    """Open a copy of a notebook."""

    def opened(name: str, source: Path) -> Notebook:
        shutil.copy(source, lab.root / f"{name}.ipynb")
        return Notebook(page, lab, f"{name}.ipynb")

    return opened


OpenNotebook = Callable[[str, Sequence[str]], Notebook]


@pytest.fixture
def open_notebook(page: Any, lab: JupyterProcess) -> OpenNotebook:
    """Write a notebook with these cells, and open it."""

    def opened(name: str, cells: Sequence[str]) -> Notebook:
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(notebook, lab.root / f"{name}.ipynb")
        return Notebook(page, lab, f"{name}.ipynb")

    return opened
