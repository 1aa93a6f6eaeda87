"""What workflows, tasks, logs, errors and results say is shown as text, on every page and in every tab."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import wf_jupyter as wf
from benchmarks.jupyter import here
from tests.browser import texts
from tests.jupyter_process import JupyterProcess
from wf_jupyter.client import session

pytestmark = pytest.mark.ui

EVIL = '"><img src=x onerror="window.top.hurt=1"><script>window.top.hurt=1</script>\'</title></style>{{7*7}}'


@wf.task
def evil(text: str) -> object:
    import logging

    print(text)
    print("\x1b]8;;javascript:window.top.hurt=1\x07click\x1b]8;;\x07", f"\x1b[31m{text}")
    logging.getLogger(text).warning(text)
    wf.progress(1, 2, text)

    class Shown:
        def _repr_html_(self) -> str:
            return f"<b>{text}</b><script>top.hurt=1;parent.document.title='hurt';parent.parent.hurt=1</script>"

        def _repr_svg_(self) -> str:
            return f"<svg xmlns='http://www.w3.org/2000/svg' onload='top.hurt=1'><text>{text}</text></svg>"

        def __repr__(self) -> str:
            return text

    from IPython.display import HTML, display

    display(HTML(Shown()._repr_html_()))
    display(Shown())
    return Shown()


@wf.task
def fails(text: str) -> None:
    raise type(text[:40], (ValueError,), {})(text)


@wf.workflow
def hostile(text: str) -> object:
    return evil(text), wf.allow_failure(fails(text)), fails(text)


@pytest.fixture
def execution(lab: JupyterProcess) -> Iterator[Any]:
    """One in which everything that can be said is said in HTML, also what our own client would refuse."""
    wf.connect(url=lab.url, token=lab.token)
    packed = here(hostile.bind(text=EVIL))
    nodes = tuple(msgspec.structs.replace(node, name=f"{node.name}{EVIL}") for node in packed.graph.nodes)
    graph = msgspec.structs.replace(packed.graph, nodes=nodes)
    packed = msgspec.structs.replace(packed, workflow=EVIL, graph=graph, owner=EVIL)
    ours = wf.get_execution(session.current().submit(packed))
    assert ours.wait(60) == "failed"
    yield ours
    session.close()


def test_nothing_that_is_said_runs_in_a_page(page: Any, lab: JupyterProcess, execution: Any, tmp_path: Path) -> None:
    execution.to_html(tmp_path / "run.html")
    (tmp_path / "run.svg").write_text(execution.to_svg())
    pages = f"{lab.url}wf-jupyter/"
    for address in (
        f"{pages}executions/{execution.id}",
        pages,
        f"{pages}executions/{execution.id}/compare/{execution.id}",
        (tmp_path / "run.html").as_uri(),
        (tmp_path / "run.svg").as_uri(),
    ):
        page.goto(address if address.startswith("file:") else f"{address}?token={lab.token}")
        page.wait_for_load_state("networkidle")
        assert "window.top.hurt" in texts(page, ("body", "svg")), "what is hostile is on the page, as text"
        for tab in page.locator("[role=tab]:visible").all():
            tab.click()
        for card in page.locator(".wfj-card:visible").all()[:3]:
            card.click()
            for tab in page.locator(".wfj-panel [role=tab]:visible").all():
                tab.click()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("() => window.hurt") is None, address
        assert "hurt" not in page.title() or EVIL[:8] in page.title(), address
        assert page.locator("img[src=x]").count() == 0, address
    assert not [link for link in page.locator("a").all() if (link.get_attribute("href") or "").startswith("javascript")]


def test_nothing_that_a_server_answers_is_taken_for_a_page(lab: JupyterProcess, execution: Any) -> None:
    import urllib.request

    for path in ("", "/events", "/picture", f"/tasks/{execution.tasks[next(iter(execution.tasks))].key}/logs"):
        request = urllib.request.Request(
            f"{lab.url}wf-jupyter/api/v1/executions/{execution.id}{path}",
            headers={"Authorization": f"token {lab.token}", "Accept": "text/html"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert "html" not in answer.headers["Content-Type"], path
            assert answer.headers["X-Content-Type-Options"] == "nosniff", path
            json.loads(answer.read())
