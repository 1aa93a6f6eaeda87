"""The graph on a page of its own: large ones, search, filters, focus, keys, and whatever names people choose."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.ui.harness import AXE, COUNTERS, PACKAGE, View, pages, snapshot, task, wide

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = [
    pytest.mark.ui,
    pytest.mark.skipif(not (PACKAGE / "static" / "widget.js").exists(), reason="the bundle was not built"),
]

FLOW = [
    task("load"),
    task(
        "check", "failed", ["load"], error={"kind": "raised", "type": "ValueError", "message": "no", "traceback": "T"}
    ),
    task("report", "skipped", ["check"], error={"kind": "upstream", "type": "", "message": "check failed"}),
    task("fit", "running", ["load"]),
    task("score", "pending", ["fit"]),
    task("other"),
]
MAP = {"key": "m", "name": "m", "kind": "map", "size": 12, "dependencies": ["load"]}
MAPPED = [task(f"m[{i}]", "failed" if i == 7 else "succeeded", ["load"], group="m") for i in range(12)]
#: Observers are told in one go: when this one knows, those of the view do.
OUT_OF_SIGHT = """() => new Promise((done) => {
  const observer = new IntersectionObserver(([{ isIntersecting }]) => {
    if (isIntersecting) return;
    observer.disconnect();
    done();
  });
  observer.observe(document.querySelector(".wfj-root"));
})"""
#: How dark the darkest opaque point of the drawn edges is, from 0 to 255.
DARKEST = """() => {
  const canvas = document.querySelector(".wfj-graph > canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let darkest = 255;
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) darkest = Math.min(darkest, data[i]);
  return darkest;
}"""
#: What workers said: an answer, or that they failed and the page has to do it itself.
ANSWERS = """window.answers = [];
window.Worker = class extends Worker {
  constructor(address) {
    super(address);
    for (const kind of ["message", "error"]) this.addEventListener(kind, () => window.answers.push(kind));
  }
};"""
BIG = {"t2_7": "failed", "t4_30": "failed"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with pages() as address:
        yield address


@pytest.fixture
def view(page: Any, url: str) -> View:
    return View(page, url)


def keys(view: View) -> set[str]:
    return set(view.page.evaluate("() => [...document.querySelectorAll('.wfj-card')].map((card) => card.dataset.key)"))


def test_a_large_graph_is_an_overview_that_says_what_it_shows(view: View) -> None:
    view.show(wide(20, 100, **BIG)).placed()
    view.holds()
    expect(view.page.locator(".wfj-line")).to_contain_text("Overview: one column per stage, one line per task")
    expect(view.page.locator(".wfj-tree")).to_have_attribute("aria-label", re.compile("2000 tasks"))
    elements = view.page.evaluate("() => document.querySelectorAll('.wfj-root *').length")
    assert elements < 400


def test_zooming_in_leads_from_the_overview_to_cards_and_fit_back(view: View) -> None:
    view.show(wide(20, 100)).placed()
    for _ in range(8):
        view.page.get_by_label("Zoom in").click()
    view.page.locator(".wfj-card").first.wait_for()
    assert view.cards() <= 250
    view.page.get_by_label("Fit the graph").click()
    view.holds()


def test_ten_thousand_tasks_are_placed_by_a_worker_that_ends(page: Any, url: str) -> None:
    page.add_init_script(COUNTERS)
    page.add_init_script(ANSWERS)
    view = View(page, url).show(wide(20, 500, t3_3="failed")).placed()
    page.wait_for_function("() => window.kept.workers === 0")
    assert page.evaluate("() => window.answers") == ["message"]
    page.locator(".wfj-tree").focus()
    page.keyboard.press("n")
    view.focuses("t3_3")


def test_a_failure_is_found_with_one_key_and_the_next_with_another(view: View) -> None:
    view.show(wide(20, 100, **BIG)).placed()
    view.page.locator(".wfj-tree").focus()
    view.page.keyboard.press("n")
    view.focuses("t2_7")
    view.page.keyboard.press("n")
    view.focuses("t4_30")
    view.page.keyboard.press("n")
    view.focuses("t2_7")


def test_a_task_is_found_by_a_part_of_its_name(view: View) -> None:
    view.show(wide(20, 100)).placed()
    view.page.locator(".wfj-tree").focus()
    view.page.keyboard.press("/")
    view.page.keyboard.type("T11_42")
    expect(view.page.locator(".wfj-result")).to_have_text(["t11_42"])
    view.page.keyboard.press("Enter")
    view.focuses("t11_42")
    expect(view.page.locator(".wfj-panel-title")).to_contain_text("t11_42")


def test_focus_shows_a_task_with_what_it_needs_and_what_needs_it(view: View) -> None:
    view.show(snapshot(FLOW))
    view.card("fit").focus()
    view.page.keyboard.press("o")
    view.holds("load", "fit", "score")
    expect(view.page.locator(".wfj-line")).to_contain_text("fit, what it needs and what needs it · 3 of 6 shown")
    view.page.keyboard.press("Escape")
    expect(view.page.locator(".wfj-card")).to_have_count(6)


def test_what_is_done_can_be_hidden_and_nothing_moves_when_more_is_done(view: View) -> None:
    view.show(snapshot([*FLOW, *(task(f"more{i}") for i in range(12))]))
    view.page.get_by_label("Tasks to show").select_option("open")
    view.holds("check", "report", "fit", "score")
    before = view.places()
    view.tell({"type": "task.completed", "task": "fit", "attempt": 1, "status": "succeeded", "duration": 1})
    expect(view.card("fit")).to_have_attribute("data-status", "succeeded")
    assert view.places() == before
    view.page.get_by_label("Tasks to show").select_option("problems")
    view.holds("check", "report")
    view.page.get_by_role("button", name="Show all").click()
    expect(view.page.locator(".wfj-card")).to_have_count(18)


FIRST = """(wanted) => {
  const place = (card) => { const { top, left } = card.getBoundingClientRect(); return [Math.round(left), top]; };
  const cards = [...document.querySelectorAll(".wfj-card")].map((card) => [card.dataset.key, ...place(card)]);
  cards.sort((a, b) => a[1] - b[1] || a[2] - b[2]);
  return cards.slice(0, wanted.length).map(([key]) => key).join() === wanted.join();
}"""


def test_failed_parts_are_drawn_first_then_what_runs_then_the_rest(view: View) -> None:
    parts = [("done", "succeeded"), ("waits", "pending"), ("runs", "running"), ("broke", "failed")]
    view.show(snapshot([*(task(key, status) for key, status in parts), *(task(f"more{i}") for i in range(12))]))
    view.page.get_by_label("Tasks to show").select_option("failed")
    view.page.wait_for_function(FIRST, arg=["broke", "runs", "waits"])
    view.tell({"type": "task.completed", "task": "runs", "attempt": 1, "status": "failed", "duration": 1})
    # in the order of their declaration
    view.page.wait_for_function(FIRST, arg=["runs", "broke", "waits"])
    expect(view.page.locator(".wfj-card")).to_have_count(16)


@pytest.mark.parametrize("width", [700, 1400])
def test_the_flow_goes_from_left_to_right_at_any_width(page: Any, url: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    view = View(page, url).show(snapshot([*FLOW, *MAPPED], [MAP]), "auto")
    left = {key: place[0] for key, place in view.places().items()}
    ends = {"load": ["check", "fit", "m"], "check": ["report"], "fit": ["score"]}
    assert all(left[source] + 154 < left[key] for source, keys in ends.items() for key in keys), left


def test_arrows_follow_the_edges(view: View) -> None:
    view.show(snapshot(FLOW))
    view.card("load").focus()
    view.page.keyboard.press("ArrowRight")
    view.focuses("check", "fit")
    view.page.keyboard.press("ArrowRight")
    view.focuses("report", "score")
    view.page.keyboard.press("ArrowLeft")
    view.page.keyboard.press("ArrowLeft")
    view.focuses("load")
    expect(view.page.locator(".wfj-card[tabindex='0']")).to_have_count(1)


def test_nothing_moves_while_states_change(view: View) -> None:
    view.show(snapshot([*FLOW, *MAPPED], [MAP]))
    before = view.places()
    view.tell(
        {"type": "task.completed", "task": "fit", "attempt": 1, "status": "succeeded", "duration": 1},
        {"type": "task.started", "task": "score", "attempt": 1},
    )
    assert view.places() == before


def test_a_growing_graph_keeps_what_is_there_until_somebody_tidies_up(view: View) -> None:
    view.show(snapshot(FLOW))
    view.page.get_by_label("Zoom in").click()  # from now on it does not fit itself
    before = view.places()
    added = [{"key": f"new{i}", "name": "new", "dependencies": ["score"]} for i in range(3)]
    view.tell({"type": "tasks.added", "tasks": added})
    view.card("new2").wait_for()
    after = view.places()
    assert {key: after[key][0] for key in before} == {key: left for key, (left, _) in before.items()}
    view.page.get_by_role("button", name="Lay the graph out again").click()
    expect(view.page.get_by_role("button", name="Lay the graph out again")).to_be_hidden()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", ["360px", "700px", "1200px", "2000px"])
def test_axe_finds_nothing_wrong(view: View, dark: bool, width: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed")
    view.show(snapshot([*FLOW, *MAPPED], [MAP]), width, dark)
    view.card("m").get_by_role("button").first.click()
    view.card("check").click()
    assert view.violations() == []


def test_a_small_sub_workflow_is_entered_and_left_with_the_keyboard(view: View) -> None:
    tasks = [task("load"), task("train/fit", "running", ["load"], group="train")]
    tasks += [task("train/score", "pending", ["train/fit"], group="train"), task("end", "pending", ["train/score"])]
    view.show(snapshot(tasks, [{"key": "train", "name": "train", "kind": "workflow"}]))
    before = view.places()
    view.card("load").focus()
    view.page.keyboard.press("ArrowRight")
    view.focuses("train")
    view.page.keyboard.press("Enter")
    view.holds("load", "train", "train/fit", "train/score", "end")
    expect(view.card("train")).to_have_attribute("aria-expanded", "true")
    assert view.page.get_by_role("group", name="Tasks of train").get_by_role("treeitem").count() == 2
    assert view.places()["load"][0] == before["load"][0]
    view.page.keyboard.press("Tab")
    view.focuses("train/fit")
    view.page.keyboard.press("ArrowRight")
    view.focuses("train/score")
    view.page.keyboard.press("Enter")
    expect(view.page.locator(".wfj-panel-title").first).to_contain_text("score")
    if AXE.exists():
        assert view.violations() == []
    view.page.keyboard.press("Escape")
    view.focuses("train/score")
    view.page.keyboard.press("ArrowRight")
    view.focuses("end")
    view.card("train").focus()
    view.page.keyboard.press("Enter")
    view.holds("load", "train", "end")


def test_axe_finds_nothing_wrong_with_an_overview(view: View) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed")
    view.show(wide(20, 100, **BIG)).placed()
    view.page.locator(".wfj-tree").focus()
    view.page.keyboard.press("/")
    view.page.keyboard.type("t1")
    assert view.violations() == []


@pytest.mark.parametrize("width", [360, 700, 1200, 2000])
def test_nothing_sticks_out_at_any_width(page: Any, url: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    view = View(page, url).show(snapshot([*FLOW, *MAPPED], [MAP]), "auto")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    view.card("load").wait_for()


def test_nothing_moves_where_less_motion_is_wished(page: Any, url: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    View(page, url).show(snapshot(FLOW))
    assert page.evaluate("() => document.getAnimations().filter((one) => one.playState === 'running').length") == 0


def test_states_can_be_told_apart_in_forced_colours(page: Any, url: str) -> None:
    page.emulate_media(forced_colors="active")
    view = View(page, url).show(snapshot([*FLOW, *MAPPED], [MAP]))
    assert (
        view.page.evaluate("() => getComputedStyle(document.querySelector('.wfj-stack > i')).forcedColorAdjust")
        == "none"
    )
    view.card("check").locator("svg").wait_for()
    assert view.page.evaluate(DARKEST) < 60  # the lines have the colour of text


@pytest.mark.parametrize("tasks", [0, 1], ids=["none", "one"])
def test_hardly_any_tasks(view: View, tasks: int) -> None:
    view.show(snapshot(FLOW[:tasks]))
    expect(view.page.locator(".wfj-card")).to_have_count(tasks)
    expect(view.page.locator(".wfj-empty")).to_be_visible(visible=tasks == 0)


def test_three_thousand_in_a_chain_and_five_thousand_into_one(view: View) -> None:
    chain = [task(f"c{i}", "pending", [f"c{i - 1}"] if i else []) for i in range(3_000)]
    view.show(snapshot(chain)).placed()
    view.holds("c0 …")
    expect(view.page.locator(".wfj-chip")).to_have_text("3,000 in a row")
    many = [task(f"f{i}", "pending") for i in range(5_000)]
    view.show(snapshot([*many, task("one", "pending", [one["key"] for one in many])]))
    view.page.wait_for_function(
        "() => [...document.querySelectorAll('.wfj-percent')].every((e) => e.textContent !== '…')"
    )


def test_names_of_any_kind_stay_text(view: View) -> None:
    names = ["x" * 300, "<img src=x onerror=alert(1)>", "🦆🧑‍🚀 emoji", "مهمة عربية", "a'b\"c", "‮backwards"]
    view.show(snapshot([task(name) for name in names]))
    view.holds(*names)
    assert view.page.locator("#place img").count() == 0
    widths = view.page.evaluate("() => [...document.querySelectorAll('.wfj-card')].map((card) => card.offsetWidth)")
    assert all(154 <= width <= 260 for width in widths)


def test_events_of_unknown_tasks_and_types_change_nothing(view: View) -> None:
    view.show(snapshot(FLOW))
    view.tell(
        {"type": "task.started", "task": "nobody", "attempt": 1},
        {"type": "task.dreamed", "task": "load", "of": "sheep"},
    )
    view.tell({"type": "task.completed", "task": "fit", "attempt": 1, "status": "succeeded", "duration": 1})
    expect(view.card("fit")).to_have_attribute("data-status", "succeeded")
    assert keys(view) == {entry["key"] for entry in FLOW}


def test_a_view_out_of_sight_is_not_drawn_until_it_is_seen_again(view: View) -> None:
    view.show(snapshot(FLOW))
    view.page.evaluate("() => { document.getElementById('place').style.marginTop = '5000px'; }")
    view.page.evaluate(OUT_OF_SIGHT)
    view.tell({"type": "task.completed", "task": "fit", "attempt": 1, "status": "succeeded", "duration": 1})
    assert view.card("fit").get_attribute("data-status") == "running"
    view.page.evaluate("() => { document.getElementById('place').style.marginTop = '0'; }")
    view.page.wait_for_function("() => document.querySelector('[data-key=fit]').dataset.status === 'succeeded'")


def test_nothing_is_left_after_disposal(page: Any, url: str) -> None:
    page.add_init_script(COUNTERS)
    view = View(page, url)
    for graph in (snapshot([*FLOW, *MAPPED], [MAP]), wide(20, 150)):
        view.show(graph)
    view.placed()
    page.locator(".wfj-card").first.click()
    page.get_by_label("Zoom in").first.click()
    page.evaluate("() => window.views.forEach(({ dispose }) => dispose())")
    page.wait_for_function("""() => {
      const { timers, frames, workers, sockets, observers, listeners } = window.kept;
      const counts = [frames.size, workers, sockets, observers, timers.size];
      const left = [...counts, listeners.size];
      window.left = left;
      return left.every((n) => n <= 0);
    }""")  # the connection has its grace of two seconds
    expect(page.locator(".wfj-root")).to_have_count(0)


def test_many_views_on_one_page_work(view: View) -> None:
    for _ in range(12):
        view.show(wide(10, 40))
    expect(view.page.locator(".wfj-root")).to_have_count(12)
    last = view.page.locator(".wfj-root").nth(11)
    last.scroll_into_view_if_needed()
    view.tell({"type": "task.started", "task": "t9_0", "attempt": 1}, view=11)
    last.locator(".wfj-count", has_text="running").wait_for()


def test_the_bundle_is_one_small_file_that_loads_nothing(view: View) -> None:
    asked: list[str] = []
    view.page.on("request", lambda request: asked.append(request.url))
    view.show(snapshot(FLOW))
    assert [url for url in asked if "/static/" not in url and "/dev/" not in url and "/api/" not in url] == []
    assert len(gzip.compress((PACKAGE / "static" / "widget.js").read_bytes(), 9)) <= 100 * 1024


#: What is painted on the canvases of the view with this index.
PIXELS = """(index) => JSON.stringify([...document.querySelectorAll(".wfj-root")[index].querySelectorAll("canvas")].map(
  (canvas) => [canvas.width, canvas.height, canvas.toDataURL()]))"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("picture", ["cards", "overview"])
def test_a_view_that_is_drawn_before_it_is_in_the_page_has_the_same_pixels(
    view: View, dark: bool, picture: str
) -> None:
    shown = snapshot([*FLOW, *MAPPED], [MAP]) if picture == "cards" else wide(10, 40, **BIG)
    view.show(shown, dark=dark)
    painted = view.page.evaluate(PIXELS, 0)
    assert painted != "[]"
    view.show(shown, dark=dark, late=True)
    view.page.wait_for_function(f"(painted) => ({PIXELS})(1) === painted", arg=painted, timeout=10_000)


def test_the_view_has_its_styles_where_a_policy_refuses_inline_ones(view: View) -> None:
    told: list[str] = []
    view.page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    view.page.goto(view.page.url + "strict")
    told.clear()  # the page around the view has a style element of its own
    view.show(snapshot([*FLOW, *MAPPED], [MAP]))
    assert view.page.locator(".wfj-card").first.evaluate("(card) => getComputedStyle(card).position") == "absolute"
    assert [text for text in told if "style" in text] == []


def test_a_view_in_a_shadow_root_has_its_styles_and_leaves_none_behind(view: View) -> None:
    view.show(snapshot(FLOW))
    moved = """() => {
      const host = document.createElement("div");
      document.body.append(host);
      host.attachShadow({ mode: "open" }).append(window.views[0].place);
      window.host = host;
    }"""
    view.page.evaluate(moved)
    view.page.wait_for_function("() => window.host.shadowRoot.adoptedStyleSheets.length === 1")
    assert view.page.evaluate("() => document.adoptedStyleSheets.length") == 0
    view.page.evaluate("() => window.views[0].dispose()")
    assert view.page.evaluate("() => window.host.shadowRoot.adoptedStyleSheets.length") == 0
