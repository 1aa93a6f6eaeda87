"""What tasks return, in the panel: as tall as it is, with its scripts, and cut off from everything."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.ui.harness import View, pages, snapshot, task

pytestmark = pytest.mark.ui
expect = pytest.importorskip("playwright.sync_api").expect

SHAPE = "(f) => f.getBoundingClientRect().height"
PLOTLY = '<script src="https://cdn.plot.ly/plotly-3.0.0.min.js"></script><div class="plotly-graph-div"></div>'
ALTAIR = """<div id="vis"></div><script>
const s = document.createElement("script"); s.src = "https://cdn.jsdelivr.net/npm/vega@6?noext";
document.head.append(s);
</script>"""
FOLIUM = (
    '<div><span>Make this Notebook Trusted to load map</span><iframe srcdoc="&lt;!DOCTYPE html&gt;'
    '&lt;script src=&quot;https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.js&quot;&gt;&lt;/script&gt;"></iframe></div>'
)
TABLE = '<table border="1" class="dataframe"><thead><tr><th></th><th>a</th></tr></thead><tbody>' + (
    "<tr><th>1</th><td>2.5</td></tr>" * 8 + "</tbody></table>"
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with pages() as address:
        yield address


@pytest.fixture
def view(page: Any, url: str) -> View:
    return View(page, url)


@pytest.fixture
def heard() -> Iterator[tuple[str, list[str]]]:
    """A server that somebody might call, and what it was asked for."""
    asked: list[str] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def opened(view: View, markup: str, key: str = "map") -> Any:
    """The panel of a task that returned this HTML."""
    result = {"type": "Thing", "text": "Thing()", "html": markup}
    view.show(snapshot([task(key, result=result), task("other")]))
    view.card(key).last.click()
    return view.page.locator(".wfj-panel").last


def test_a_table_looks_like_a_notebooks_and_is_as_tall_as_it_is(view: View) -> None:
    panel = opened(view, TABLE)
    frame = panel.locator("iframe.wfj-frame")
    view.page.wait_for_function("(f) => f.getBoundingClientRect().height > 160", arg=frame.element_handle())
    assert frame.evaluate(SHAPE) < 300
    inner = frame.content_frame.locator("iframe").content_frame
    align, border, odd, even = inner.locator("table").evaluate("""(table) => [
        getComputedStyle(table.querySelector("td")).textAlign,
        getComputedStyle(table.querySelector("td")).borderTopWidth,
        ...[0, 1].map((i) => getComputedStyle(table.tBodies[0].rows[i]).backgroundColor)]""")
    assert (align, border) == ("right", "0px")
    assert odd != even
    assert panel.locator(".wfj-elsewhere").count() == 0


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        (PLOTLY, "a Plotly figure that needs the network (cdn.plot.ly)"),
        (ALTAIR, "a Vega chart that needs the network (cdn.jsdelivr.net)"),
        (FOLIUM, "a map that needs the network (cdn.jsdelivr.net)"),
        ('<iframe width="400" src="https://example.org/embed/x"></iframe>', "needs the network (example.org)"),
        (
            "<div></div><script>window.Bokeh && Bokeh.embed.embed_items()</script>",
            "a Bokeh plot that shows nothing here",
        ),
        ("<!-- nothing -->", "shows nothing here"),
    ],
)
def test_what_cannot_be_drawn_is_named_with_a_way_to_see_it(view: View, markup: str, words: str) -> None:
    panel = opened(view, markup)
    line = panel.locator(".wfj-elsewhere")
    expect(line).to_contain_text(words)
    expect(line.locator("code")).to_contain_text('.tasks["map"].result()')
    expect(line.get_by_role("button", name="Copy")).to_be_visible()
    expect(panel.locator("iframe:visible")).to_have_count(0)


def test_scripts_run_in_a_frame_that_reaches_nothing(view: View, heard: tuple[str, list[str]]) -> None:
    address, asked = heard
    view.page.evaluate("() => (window.owned = 0)")
    panel = opened(
        view,
        f"""<canvas width="50" height="50"></canvas><p id="ran"></p><script>
      const tries = [
        () => (top.owned = 1), () => (parent.parent.owned = 1), () => localStorage.length, () => document.cookie,
        () => open("{address}/popup"), () => (top.location = "{address}/top"),
        () => fetch("{address}/fetch").catch(() => 0),
        () => navigator.sendBeacon("{address}/beacon"), () => (new Image().src = "{address}/image"),
        () => new WebSocket("{address.replace("http", "ws")}/socket"), () => new EventSource("{address}/events"),
        () => parent.parent.postMessage({{ wfj: {{ height: 1e9, seen: true, refused: "x" }} }}, "*"),
        () => parent.parent.postMessage({{ wfj: {{ height: 1e9, seen: true, refused: [] }} }}, "*"),
      ];
      for (const attempt of tries) try {{ attempt(); }} catch {{}}
      document.getElementById("ran").textContent = "ran " + origin;
      const form = document.createElement("form"); form.action = "{address}/form";
      document.body.append(form); form.submit();
      setTimeout(() => (location.href = "{address}/led"), 3000);
    </script>""",
    )
    frame = panel.locator("iframe.wfj-frame")
    inner = frame.content_frame.locator("iframe").content_frame
    expect(inner.locator("#ran")).to_have_text("ran null")
    assert frame.evaluate(SHAPE) < 700
    # when it was kept from leading its frame elsewhere, its document is gone
    expect(inner.locator("#ran")).to_have_count(0)
    assert asked == []
    assert view.page.evaluate("() => window.owned") == 0
