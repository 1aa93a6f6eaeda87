"""A page of its own with one view on it, and a script that plays the kernel: no server, no JupyterLab."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "wf_jupyter"
AXE = PACKAGE / "frontend" / "node_modules" / "axe-core" / "axe.min.js"

PAGE = b"""<!doctype html><html lang="en"><head><title>view</title><meta name="viewport" content="width=device-width">
<style>body { margin: 0; background: #fff; } h1,h2,h3 { font-size: 12px; margin: 0; }
body[data-jp-theme-light="false"] { background: #111; }</style></head>
<body><main><h1>A</h1><h2>notebook</h2><h3>cell</h3><div id="place"></div></main></body></html>"""

#: What a careful site allows: nothing inline.
STRICT = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'"

#: Counts what a page may leak: timers, frames, workers, sockets, observers, listeners on what outlives the view.
COUNTERS = """
window.kept = { timers: new Set(), frames: new Set(), workers: 0, sockets: 0, observers: 0, listeners: new Set() };
const { kept } = window;
const ours = () => new Error().stack.includes("/static/");
for (const name of ["Timeout", "Interval"]) {
  const [set, clear] = [window["set" + name].bind(window), window["clear" + name].bind(window)];
  window["set" + name] = (act, ...more) => {
    const id = set((...given) => { if (name === "Timeout") kept.timers.delete(id); act(...given); }, ...more);
    kept.timers.add(id);
    return id;
  };
  window["clear" + name] = (id) => { kept.timers.delete(id); clear(id); };
}
const [request, cancel] = [requestAnimationFrame.bind(window), cancelAnimationFrame.bind(window)];
window.requestAnimationFrame = (act) => {
  const id = request((now) => { kept.frames.delete(id); act(now); });
  kept.frames.add(id);
  return id;
};
window.cancelAnimationFrame = (id) => { kept.frames.delete(id); cancel(id); };
const counted = (name, count, methods) => {
  const Kind = window[name];
  window[name] = class extends Kind {
    constructor(...given) { super(...given); this.open = ours(); kept[count] += Number(this.open); }
  };
  for (const method of methods) {
    const end = Kind.prototype[method];
    window[name].prototype[method] = function (...given) {
      if (this.open) kept[count]--;
      this.open = false;
      return end.apply(this, given);
    };
  }
};
counted("Worker", "workers", ["terminate"]);
counted("WebSocket", "sockets", ["close"]);
const watching = ["ResizeObserver", "IntersectionObserver", "MutationObserver"];
for (const name of watching) counted(name, "observers", ["disconnect"]);
for (const target of [window, document]) {
  const [add, remove] = [target.addEventListener.bind(target), target.removeEventListener.bind(target)];
  target.addEventListener = (type, act, options) => {
    if (ours()) {
      kept.listeners.add(act);
      options?.signal?.addEventListener("abort", () => kept.listeners.delete(act));
    }
    add(type, act, options);
  };
  target.removeEventListener = (type, act, ...more) => { kept.listeners.delete(act); remove(type, act, ...more); };
}
"""

#: Remembers the sockets of a page, so that a test can cut them.
SOCKETS = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(...values) {
    super(...values);
    window.sockets.push(this);
  }
};
"""

SHOW = """async ({ snapshot, width, dark, late }) => {
  document.body.dataset.jpThemeLight = String(!dark);
  const place = document.createElement("div");
  place.style.width = width;
  if (!late) document.getElementById("place").append(place);
  const { kernel } = await import("/frontend/dev/scenario.js");
  const { default: widget } = await import("/static/widget.js");
  const { model, tell } = kernel(snapshot);
  const dispose = widget.render({ model, el: place });
  if (late) await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  if (late) document.getElementById("place").append(place);
  window.views = [...(window.views ?? []), { tell, dispose, place }];
}"""


HOLDS = """(wanted) => {
  const keys = [...document.querySelectorAll(".wfj-card")].map((card) => card.dataset.key);
  return keys.length === wanted.length && wanted.every((key) => keys.includes(key));
}"""
AUDIT = """async () => {
  const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await axe.run(".wfj-root", { runOnly: rules });
  const said = ({ html, failureSummary }) => `${html.slice(0, 150)} ${failureSummary}`;
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(said).join("; ")}`);
}"""


class Pages(http.server.SimpleHTTPRequestHandler):
    """Serves the package's folder, and the page at / and, under a strict policy, at /strict."""

    def do_GET(self) -> None:
        if self.path not in ("/", "/strict"):
            return super().do_GET()
        self.send_response(200)
        if self.path == "/strict":
            self.send_header("Content-Security-Policy", STRICT)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)
        return None

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def pages() -> Iterator[str]:
    """The address of the pages for as long as the block runs."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, directory=str(PACKAGE)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class View:
    """A page with views of snapshots on it."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        page.goto(url)

    def show(self, snapshot: Mapping[str, Any], width: str = "700px", dark: bool = False, late: bool = False) -> View:
        """Add a view and wait for its graph. `late`: it is drawn before it is put into the page, as in JupyterLab."""
        many = self.page.locator(".wfj-root").count()
        self.page.evaluate(SHOW, {"snapshot": snapshot, "width": width, "dark": dark, "late": late})
        self.page.wait_for_function(
            "(many) => [...document.querySelectorAll('.wfj-root[data-status]')].length > many", arg=many
        )
        self.frame()
        return self

    def tell(self, *events: Mapping[str, Any], view: int = 0) -> None:
        """Let events arrive, and wait until they are shown."""
        self.page.evaluate("([view, events]) => window.views[view].tell(...events)", [view, list(events)])
        self.frame()

    def frame(self) -> None:
        """Wait for two animation frames."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def placed(self) -> View:
        """Wait until a large graph has found its places."""
        self.page.wait_for_function("() => document.querySelector('.wfj-percent').textContent !== '…'")
        return self

    def card(self, key: str) -> Any:
        """The card of a task or group."""
        return self.page.locator(".wfj-card").and_(self.page.locator(f'[data-key="{key}"]'))

    def places(self) -> dict[str, tuple[float, float]]:
        """Where each card lies in the graph's window."""
        found: dict[str, tuple[float, float]] = self.page.evaluate("""() => {
          const { left, top } = document.querySelector(".wfj-graph").getBoundingClientRect();
          return Object.fromEntries([...document.querySelectorAll(".wfj-card")].map((card) => {
            const box = card.getBoundingClientRect();
            return [card.dataset.key, [box.left - left, box.top - top]];
          }));
        }""")
        return found

    def cards(self) -> int:
        """How many cards are on the page."""
        return int(self.page.locator(".wfj-card").count())

    def focuses(self, *keys: str) -> None:
        """Wait until a card of these keys has the focus."""
        self.page.wait_for_function("(keys) => keys.includes(document.activeElement?.dataset.key)", arg=keys)

    def holds(self, *keys: str) -> None:
        """Wait until exactly these cards are on the page."""
        self.page.wait_for_function(HOLDS, arg=sorted(keys))

    def violations(self) -> list[str]:
        """What axe finds wrong with the view."""
        self.page.add_script_tag(path=str(AXE))
        found = self.page.evaluate(AUDIT)
        return [str(violation) for violation in found]


def task(key: str, status: str = "succeeded", dependencies: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """A task of a snapshot."""
    begun = status not in ("pending", "skipped")
    started = {"started": "2026-01-01T00:00:01Z"} if begun else {}
    own = {"key": key, "name": key, "status": status, "dependencies": list(dependencies), "attempts": int(begun)}
    return {**own, **started, **more}


def snapshot(
    tasks: Sequence[Mapping[str, Any]], groups: Sequence[Mapping[str, Any]] = (), **more: Any
) -> dict[str, Any]:
    """A snapshot of a running execution."""
    return {
        "id": "x",
        "workflow": "flow",
        "status": "running",
        "epoch": "e",
        "seq": 10,
        "created": "2026-01-01T00:00:00Z",
        "started": "2026-01-01T00:00:00Z",
        "counts": {},
        "groups": list(groups),
        "tasks": list(tasks),
        **more,
    }


def wide(ranks: int, width: int, **statuses: str) -> dict[str, Any]:
    """`ranks` × `width` tasks that cannot be grouped, each after two of the rank before."""
    tasks = []
    for rank in range(ranks):
        for i in range(width):
            before = [f"t{rank - 1}_{i}", f"t{rank - 1}_{(i + 1) % width}"] if rank else []
            key = f"t{rank}_{i}"
            tasks.append(task(key, statuses.get(key, "succeeded" if rank < ranks / 2 else "pending"), before))
    return snapshot(tasks)
