"""Every page, and the exported file, on a site whose policy allows nothing inline (`default-src 'self'`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wf_jupyter as wf
from tests.browser import texts
from tests.jupyter_process import JupyterProcess
from tests.sample_workflows import doubling
from wf_jupyter.client import session

from .harness import STRICT

pytestmark = pytest.mark.ui


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    running = JupyterProcess(tmp_path_factory.mktemp("strict"))
    settings = {"ServerApp": {"tornado_settings": {"headers": {"Content-Security-Policy": STRICT}}}}
    (Path(running.environment["JUPYTER_CONFIG_DIR"]) / "jupyter_server_config.json").write_text(json.dumps(settings))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def executions(strict: JupyterProcess) -> Iterator[list[Any]]:
    """Two that have ended."""
    wf.connect(url=strict.url, token=strict.token)
    ended = [doubling().submit(numbers=numbers) for numbers in ([1, 2, 3], [4, 5])]
    assert [execution.wait(60) for execution in ended] == ["succeeded", "succeeded"]
    yield ended
    session.close()


@pytest.mark.place("a policy of `default-src 'self'`", "page")
def test_the_pages_need_nothing_inline(page: Any, strict: JupyterProcess, executions: list[Any]) -> None:
    refused: list[str] = []
    page.on(
        "console", lambda message: refused.append(message.text) if "Content Security Policy" in message.text else None
    )
    new, old = (execution.id for execution in executions)
    pages = f"{strict.url}wf-jupyter/"
    page.goto(f"{pages}executions/{new}?token={strict.token}")
    page.locator(".wfj-root[data-status=succeeded]").wait_for()
    assert page.evaluate("() => getComputedStyle(document.querySelector('.wfj-header, .wfj-root')).display") != "inline"
    page.goto(pages)
    page.get_by_text("doubled").first.wait_for()
    answer = page.goto(f"{pages}executions/{new}/compare/{old}")
    assert answer.headers["content-security-policy"] == STRICT
    # What the table says of its looks is in attributes that no policy reads, and a script of the site puts them on.
    page.wait_for_function("() => document.querySelector('[data-style]')?.style.cssText")
    assert page.evaluate("() => document.adoptedStyleSheets.length") == 1
    assert refused == []


def test_the_exported_file_shows_a_still_picture_and_says_why(
    page: Any, strict: JupyterProcess, executions: list[Any]
) -> None:
    executions[0].to_html(strict.root / "run.html")
    answer = page.goto(f"{strict.url}files/run.html?token={strict.token}")
    assert answer.headers["content-security-policy"].startswith(STRICT)
    told = texts(page)
    assert "doubled" in told
    assert "This picture is still" in told and "Content-Security-Policy" in told
    box = page.locator("svg").bounding_box()
    assert box is not None and box["width"] > 100 and box["height"] > 50
    # Presentation attributes, which no policy refuses: cards are not black boxes.
    assert page.evaluate("() => getComputedStyle(document.querySelector('svg .wfp-card')).fill") == "rgb(255, 255, 255)"
