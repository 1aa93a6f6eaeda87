"""Whether an open view stays as small as it was: `python -m benchmarks.view --soak MINUTES`.

A run of 1,000 tasks gets 200 events per second: starts, progress, prints, completions, and now and then a failure.
The graph, the timeline and the table take turns, a task's panel is opened and closed. Every half minute, after a
collection, the heap, the nodes of the document and the listeners are counted. The slopes are those of straight lines
through all samples but the first tenth, in which caches fill.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

EVERY = 30.0

FEED = """async ({ scene }) => {
  const scenes = await import("/frontend/dev/scenario.js");
  const { default: widget } = await import("/static/widget.js");
  const { model, tell } = scenes.kernel(scenes.wide(...scene));
  widget.render({ model, el: document.getElementById("place") });
  const keys = [];
  for (let rank = 0; rank < scene[0]; rank++) for (let i = 0; i < scene[1]; i++) keys.push(`t${rank}_${i}`);
  const failure = (n) => ({ kind: "raised", type: "ValueError", message: `no ${n}` });
  let at = 0;
  const kinds = [
    (task) => ({ type: "task.started", task, attempt: 1, worker: "worker-1" }),
    (task) => ({ type: "task.progress", task, attempt: 1, done: at % 97, total: 97, text: `step ${at}` }),
    (task) => ({ type: "task.log", task, attempt: 1, stream: "stdout", text: `line ${at} of ${task}\\n` }),
    (task) => at % 89 === 0
      ? { type: "task.completed", task, attempt: 1, status: "failed", duration: 1, error: failure(at) }
      : { type: "task.completed", task, attempt: 1, status: "succeeded", duration: 1 },
  ];
  const told = () => {
    const kind = kinds[Math.floor(at / keys.length) % kinds.length];
    return kind(keys[(at++ * 7919) % keys.length]);
  };
  window.sent = () => at;
  let last = performance.now();
  let due = 0;
  setInterval(() => {
    const now = performance.now();
    due += (now - last) * 0.2;
    last = now;
    const events = [];
    for (; due >= 1; due--) events.push(told());
    if (events.length > 0) tell(...events);
  }, 100);
  const tabs = [...document.querySelectorAll("[role=tab]")];
  let turn = 0;
  setInterval(() => {
    tabs[turn++ % tabs.length].click();
    const card = document.querySelector(".wfj-card, .wfj-row button, .wfj-row");
    if (turn % 2 === 0) card?.click();
    else document.querySelector(".wfj-close")?.click();
  }, 7000);
}"""

MEASURED = {"JSHeapUsedSize": "heap MB", "Nodes": "nodes", "JSEventListeners": "listeners"}


def slope(points: list[tuple[float, float]]) -> float:
    """How much the second number grows while the first grows by one."""
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope


def measure(page: Any, minutes: float) -> list[tuple[float, dict[str, float]]]:
    """Samples: minutes since the view opened, and what was counted."""
    page.evaluate(FEED, {"scene": [10, 100]})
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    samples: list[tuple[float, dict[str, float]]] = []
    begun = time.monotonic()
    while (passed := (time.monotonic() - begun) / 60) < minutes:
        page.wait_for_timeout(EVERY * 1000)
        session.send("HeapProfiler.collectGarbage")
        told = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
        values = {word: told[name] / (1e6 if name == "JSHeapUsedSize" else 1) for name, word in MEASURED.items()}
        samples.append(((time.monotonic() - begun) / 60, values))
        passed = samples[-1][0]
        sent = page.evaluate("() => window.sent()")
        words = ", ".join(f"{word} {value:,.2f}" for word, value in values.items())
        sys.stdout.write(f"{passed:6.1f} min, {sent:,} events: {words}\n")
        sys.stdout.flush()
    return samples


def report(samples: list[tuple[float, dict[str, float]]]) -> str:
    """Slopes per hour, and the least and most of the later samples."""
    late = samples[len(samples) // 10 :]
    lines = ["| | per hour | least | most |", "|---|---|---|---|"]
    for word in MEASURED.values():
        values = [sample[word] for _, sample in late]
        rise = slope([(minute / 60, sample[word]) for minute, sample in late])
        lines.append(f"| {word} | {rise:+.2f} | {min(values):,.2f} | {max(values):,.2f} |")
    return "\n".join(lines)
