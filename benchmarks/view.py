"""How quick the view is: `python -m benchmarks.view`, after `npm run build` in the frontend's folder.

Graphs of 100, 1,000 and 10,000 tasks that cannot be grouped, on a page without a server that plays a kernel.
First paint is from mounting to the second animation frame. Frames are counted while the graph is dragged about,
near enough to see its tasks, and events arrive. Latency is from an event's arrival to the card that changed.
An empty page shows what the machine grants at this moment. Growth is from an event that adds ten tasks to the frame
after it. The heap is what is used after a collection, less what the page used before the view was there.
With `--soak MINUTES` it is measured instead whether an open view stays as small as it was.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import view_soak

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "wf_jupyter"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--enable-precise-memory-info",
    "--js-flags=--expose-gc",
]
SCENES = {100: "10x10", 1_000: "10x100", 10_000: "20x500"}
RATES = (1_000, 5_000)

PREPARE = """async ({ scene }) => {
  const scenes = await import("/frontend/dev/scenario.js");
  const { default: widget } = await import("/static/widget.js");
  const snapshot = scenes.wide(...scene.split("x").map(Number));
  const { model, tell } = scenes.kernel(snapshot);
  await new Promise((done) => setTimeout(done, 200));
  window.gc();
  const before = performance.memory.usedJSHeapSize;
  const place = document.getElementById("place");
  const begun = performance.now();
  const dispose = widget.render({ model, el: place });
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const painted = performance.now() - begun;
  await new Promise((done) => setTimeout(done, 1500));
  window.gc();
  window.bench = { tell, dispose, tasks: snapshot.tasks, before };
  const elements = place.querySelectorAll("*").length;
  return { painted, heap: (performance.memory.usedJSHeapSize - before) / 1e6, elements };
}"""

EMPTY = """async () => {
  const frames = [];
  let last = performance.now();
  const begun = last;
  await new Promise((done) => {
    const step = (now) => {
      frames.push(now - last);
      last = now;
      if (now - begun > 2000) done();
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
  const sorted = frames.sort((a, b) => a - b);
  return { fps: 1000 * sorted.length / sorted.reduce((a, b) => a + b), p95: sorted[Math.floor(sorted.length * 0.95)] };
}"""

GROW = """async () => {
  const { tell, tasks } = window.bench;
  const long = [];
  for (let i = 0; i < 10; i++) {
    const added = Array.from({ length: 10 }, (_, k) => {
      const before = tasks[(i * 997 + k) % Math.floor(tasks.length / 2)].key;
      return { key: `new_${i}_${k}`, name: "new", dependencies: [before] };
    });
    const begun = performance.now();
    tell({ type: "tasks.added", tasks: added });
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    long.push(performance.now() - begun);
    await new Promise((done) => setTimeout(done, 200));
  }
  long.sort((a, b) => a - b);
  return long[5];
}"""

PAN = """async ({ rate, seconds, far }) => {
  const { tell, tasks } = window.bench;
  const graph = document.querySelector(".wfj-graph");
  const box = graph.getBoundingClientRect();
  const zoom = (label) => graph.querySelector(`[aria-label="${label}"]`).click();
  zoom("Fit the graph");
  if (!far) zoom("Zoom in");
  const drag = (type, x) => graph.dispatchEvent(new PointerEvent(type, {
    bubbles: true, pointerId: 1, button: 0, clientX: box.left + x, clientY: box.top + box.height / 2,
  }));
  graph.setPointerCapture = () => undefined;
  const frames = [];
  let busy = 0;
  let sent = 0;
  let last = performance.now();
  const begun = last;
  drag("pointerdown", 300);
  await new Promise((done) => {
    const step = (now) => {
      frames.push(now - last);
      last = now;
      const passed = now - begun;
      if (passed > seconds * 1000) return done();
      const start = performance.now();
      const due = Math.floor((passed / 1000) * rate);
      const events = [];
      for (; sent < due; sent++) {
        const task = tasks[(sent * 7919) % tasks.length].key;
        const even = Math.floor(sent / tasks.length) % 2 === 0;
        events.push(even ? { type: "task.completed", task, attempt: 1, status: "succeeded", duration: 1 }
          : { type: "task.started", task, attempt: 1 });
      }
      if (events.length > 0) tell(...events);
      drag("pointermove", 300 + 250 * Math.sin(passed / 700));
      busy += performance.now() - start;
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
  drag("pointerup", 300);
  const sorted = frames.slice(2).sort((a, b) => a - b);
  return { fps: 1000 * sorted.length / sorted.reduce((a, b) => a + b), p95: sorted[Math.floor(sorted.length * 0.95)] };
}"""

LATENCY = """async () => {
  const { tell } = window.bench;
  const graph = document.querySelector(".wfj-graph");
  graph.querySelector(".wfj-tree").focus();
  graph.querySelector(".wfj-tree").dispatchEvent(new KeyboardEvent("keydown", { key: "Home", bubbles: true }));
  await new Promise((done) => setTimeout(done, 800));
  const times = [];
  for (let i = 0; i < 40; i++) {
    const card = document.querySelector(".wfj-card");
    const status = card.dataset.status === "running" ? "succeeded" : "running";
    const task = card.dataset.key;
    const begun = performance.now();
    const changed = new Promise((done) => {
      const observer = new MutationObserver(() => (observer.disconnect(), done()));
      observer.observe(card, { attributes: true, attributeFilter: ["data-status"] });
    });
    tell(status === "running" ? { type: "task.started", task, attempt: 1 }
      : { type: "task.completed", task, attempt: 1, status, duration: 1 });
    await changed;
    times.push(performance.now() - begun);
    await new Promise((done) => setTimeout(done, 20 + (i % 5) * 7));
  }
  times.sort((a, b) => a - b);
  return { p50: times[20], p95: times[38] };
}"""

HEAP = "() => { window.gc(); return (performance.memory.usedJSHeapSize - window.bench.before) / 1e6; }"

GONE = """async () => {
  window.bench.dispose();
  window.bench = { before: window.bench.before };
  await new Promise((done) => setTimeout(done, 2600));
  window.gc();
  return (performance.memory.usedJSHeapSize - window.bench.before) / 1e6;
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the package's folder; an empty page at /."""

    def do_GET(self) -> None:
        if self.path != "/":
            return super().do_GET()
        content = b'<!doctype html><body data-jp-theme-light="true"><div id="place" style="width: 900px"></div>'
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return None

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def served() -> Iterator[str]:
    """The address of a server for as long as the block runs."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(PACKAGE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def measure(browser: Any, url: str, tasks: int) -> list[str]:
    """One row of the table."""
    paints = []
    for _ in range(3):
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.goto(url)
        shown = page.evaluate(PREPARE, {"scene": SCENES[tasks]})
        paints.append(shown["painted"])
        if len(paints) < 3:
            page.close()
    pans = [page.evaluate(PAN, {"rate": rate, "seconds": 4, "far": False}) for rate in RATES]
    latency = page.evaluate(LATENCY)
    growth = page.evaluate(GROW)
    grown = page.evaluate(HEAP)
    gone = page.evaluate(GONE)
    page.close()
    return [
        f"{tasks:,}",
        f"{sorted(paints)[1]:.0f}",
        *(f"{pan['fps']:.0f} / {pan['p95']:.0f}" for pan in pans),
        f"{latency['p50']:.0f} / {latency['p95']:.0f}",
        f"{growth:.0f}",
        f"{shown['heap']:.1f} / {grown:.1f} / {gone:.1f}",
        f"{shown['elements']:,}",
    ]


def soak(minutes: float) -> None:
    """Print what an open view holds on to, and how it grows."""
    from playwright.sync_api import sync_playwright

    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.goto(url)
        sys.stdout.write(view_soak.report(view_soak.measure(page, minutes)) + "\n")
        browser.close()


def table() -> None:
    """Print the table."""
    from playwright.sync_api import sync_playwright

    head = [
        "tasks",
        "first paint ms",
        *(f"pan, {rate:,} ev/s: fps / p95 ms" for rate in RATES),
        "event to DOM p50 / p95 ms",
        "10 more tasks ms",
        "heap MB: shown / after events / disposed",
        "elements",
    ]
    sys.stdout.write("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|\n")
    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        page = browser.new_page()
        page.goto(url)
        empty = page.evaluate(EMPTY)
        page.close()
        sys.stdout.write(f"| empty page | | {empty['fps']:.0f} / {empty['p95']:.0f} |" + " |" * (len(head) - 3) + "\n")
        for tasks in SCENES:
            sys.stdout.write("| " + " | ".join(measure(browser, url, tasks)) + " |\n")
            sys.stdout.flush()
        browser.close()


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description="How quick the view is.")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="whether an open view stays as small as it was")
    minutes = parser.parse_args().soak
    if minutes is None:
        table()
    else:
        soak(minutes)


if __name__ == "__main__":
    main()
