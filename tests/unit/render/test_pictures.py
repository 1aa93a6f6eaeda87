from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wf_jupyter as wf
from wf_jupyter.model.events import Failure
from wf_jupyter.model.snapshot import GroupSnapshot, Snapshot, TaskSnapshot
from wf_jupyter.model.status import ExecutionStatus, TaskStatus
from wf_jupyter.render.html import draft_html, snapshot_html
from wf_jupyter.render.layers import layout
from wf_jupyter.render.places import Places
from wf_jupyter.render.svg import draft_svg, snapshot_svg
from wf_jupyter.render.text import draft_text, snapshot_text
from wf_jupyter.render.theme import EXECUTION_LOOKS, TASK_LOOKS

EVIL = "<script>alert('x')</script>&\"\n\x00]]>"


@wf.task
def fetch(city):
    return city


@wf.task
def clean(frame):
    return frame


@wf.task
def report(frames):
    return frames


@wf.workflow
def weather(cities):
    return report(clean.map(fetch.map(cities)))


def task(key, status="succeeded", dependencies=(), group=None, error=None):
    return TaskSnapshot(
        key=key,
        name=key,
        status=TaskStatus(status),
        dependencies=tuple(dependencies),
        attempts=1,
        group=group,
        error=error,
        duration=1.234567,
        started=datetime.now(UTC),
        worker="worker-4711",
    )


def snapshot(*tasks, groups=(), status="succeeded", workflow="flights"):
    return Snapshot(
        id="01JABCDEF",
        workflow=workflow,
        status=ExecutionStatus(status),
        epoch="epoch",
        seq=99,
        created=datetime.now(UTC),
        duration=12.345678,
        counts={},
        groups=list(groups),
        tasks=list(tasks),
    )


FAILURE = Failure(kind="raised", type="ValueError", message="14 rows\nwithout a key", traceback="…")
FAILED = snapshot(
    task("load"),
    task("check", "failed", ["load"], error=FAILURE),
    *(task(f"score[{index}]", "failed" if index == 2 else "succeeded", ["load"], "score") for index in range(5)),
    task("publish", "skipped", ["score", "check"]),
    groups=[GroupSnapshot(key="score", name="score", kind="map", size=5, dependencies=("load",))],
    status="failed",
)
DONE = snapshot(*(task(f"t{index}") for index in range(3)))


def test_text_of_a_workflow_tells_what_waits_for_what():
    assert draft_text(weather.bind(["a", "b"]).draft).splitlines() == [
        "weather: 5 tasks",
        "  · fetch × 2",
        "  · clean × 2 ← fetch",
        "  · report ← clean",
    ]


def test_a_map_over_a_result_has_no_size_yet():
    @wf.workflow
    def flow():
        return clean.map(fetch("a"))

    assert draft_text(flow.bind().draft).splitlines() == [
        "flow: 1 task and more",
        "  · fetch",
        "  · clean × n ← fetch",
    ]


def test_text_of_an_execution_tells_states_and_what_failed():
    assert snapshot_text(FAILED).splitlines() == [
        "flights: failed, 8 tasks, 5 succeeded, 2 failed, 1 skipped",
        "  ✔ load",
        "  ✖ score × 5 (4 succeeded, 1 failed)",
        "  ✖ check failed – ValueError: 14 rows",
        "  » publish skipped",
    ]
    assert snapshot_text(DONE).splitlines()[0] == "flights: succeeded, 3 tasks"


def test_an_execution_that_has_just_begun_shows_only_its_graph():
    text = snapshot_text(snapshot(task("load", "pending"), status="pending"))
    assert text.splitlines() == ["flights: 1 task", "  · load"]


@pytest.mark.parametrize("draw", [snapshot_text, snapshot_html, snapshot_svg])
def test_a_picture_holds_no_ids_times_durations_or_workers(draw):
    for still in (FAILED, DONE):
        drawn = draw(still)
        assert draw(still) == drawn
        for secret in ("01JABCDEF", "epoch", "1.2345", "12.345", "4711", str(datetime.now(UTC).year) + "-"):
            assert secret not in drawn


class Tags(HTMLParser):
    """Collects tags and attributes, and checks that every tag is closed."""

    def __init__(self):
        super().__init__()
        self.seen = set()
        self.open = []
        self.text = ""

    def handle_starttag(self, tag, attributes):
        self.seen.update([tag, *(name for name, _ in attributes)])
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("drawn", [snapshot_html(FAILED), snapshot_html(DONE), draft_html(weather.bind(["a"]).draft)])
def test_html_uses_only_what_sanitizers_leave(drawn):
    tags = Tags()
    tags.feed(drawn)
    assert not tags.open
    assert tags.seen <= {"div", "p", "b", "span", "br", "table", "tbody", "tr", "td", "style"}


@pytest.mark.parametrize("drawn", [snapshot_svg(FAILED), snapshot_svg(DONE), draft_svg(weather.bind(["a"]).draft)])
def test_svg_is_well_formed_and_without_ids_scripts_or_links(drawn):
    root = ET.fromstring(drawn)
    for element in root.iter():
        assert element.tag.rsplit("}", 1)[-1] in {"svg", "title", "style", "rect", "path", "text", "g"}
        assert not {"id", "href", "onclick"} & set(element.attrib)


def test_svg_names_every_task_and_state_in_words():
    drawn = snapshot_svg(FAILED)
    for word in ("check", "publish", "× 5", "ValueError: 14 rows", "skipped", "✔ 4 · ✖ 1"):
        assert word in drawn


def test_whatever_a_task_is_called_stays_text():
    still = snapshot(
        task(EVIL, "failed", error=Failure(kind="raised", type=EVIL, message=EVIL)), status="failed", workflow=EVIL
    )
    tags = Tags()
    tags.feed(snapshot_html(still))
    assert "script" not in tags.seen
    assert "<script>alert('x')</script>" in tags.text
    assert "<script" not in snapshot_svg(still)
    ET.fromstring(snapshot_svg(still))
    assert len(snapshot_text(still).splitlines()) == 2


def test_long_names_are_cut_and_still_there_in_full_for_the_reader():
    drawn = snapshot_svg(snapshot(task("n" * 250)))
    assert "n" * 250 in drawn  # the tooltip
    assert all(len(text) < 40 for text in re.findall(r"<text[^>]*>([^<]*)<", drawn))


@pytest.mark.parametrize("count", [0, 1, 3_000])
def test_graphs_of_any_size_give_small_pictures(count):
    chain = snapshot(*(task(f"t{index}", dependencies=[f"t{index - 1}"] if index else []) for index in range(count)))
    assert len(snapshot_text(chain)) < 3_000
    assert len(snapshot_html(chain)) < 10_000
    assert len(snapshot_svg(chain)) < 80_000
    ET.fromstring(snapshot_svg(chain))


def test_sub_workflows_are_folded_when_there_would_be_too_many_boxes():
    tasks = [task("load")]
    for scope in range(12):
        tasks.append(task(f"train-{scope}/fit", "succeeded", ["load"], f"train-{scope}"))
        tasks.extend(
            task(f"train-{scope}/try-{n}", dependencies=[f"train-{scope}/fit"], group=f"train-{scope}")
            for n in range(4)
        )
    groups = [GroupSnapshot(key=f"train-{scope}", name="train", kind="workflow") for scope in range(12)]
    lines = snapshot_text(snapshot(*tasks, task("end", dependencies=["train-3"]), groups=groups)).splitlines()
    assert "  ✔ train-7 × 5" in lines
    assert len(lines) == 1 + 1 + 12 + 1


def test_items_of_a_map_inside_a_sub_workflow_are_one_box():
    groups = [
        GroupSnapshot(key="train", name="train", kind="workflow"),
        GroupSnapshot(key="train/fit", name="fit", kind="map", size=2, group="train"),
    ]
    tasks = [task(f"train/fit[{index}]", group="train/fit") for index in range(2)]
    assert "  ✔ train/fit × 2" in snapshot_text(snapshot(*tasks, groups=groups)).splitlines()


def test_every_state_has_a_look_of_its_own():
    assert set(TASK_LOOKS) == set(TaskStatus)
    assert set(EXECUTION_LOOKS) == set(ExecutionStatus)
    assert len({(look.glyph, look.word) for look in TASK_LOOKS.values()}) == len(TaskStatus)


GRAPHS = st.lists(st.lists(st.integers(0, 1_000), max_size=4), min_size=1, max_size=30).map(
    lambda picks: {
        str(index): tuple(dict.fromkeys(str(pick % index) for pick in row)) if index else ()
        for index, row in enumerate(picks)
    }
)


@given(GRAPHS)
def test_a_layout_has_no_overlaps_and_every_edge_leads_onward(waits):
    places = layout(waits, dict.fromkeys(waits, 188.0))
    for key, sources in waits.items():
        for source in sources:
            assert places.layer[source] < places.layer[key]
            assert len(places.bends[source, key]) == places.layer[key] - places.layer[source] - 1
        assert 93 <= places.center[key] <= places.breadth - 93
    for row in range(places.layers):
        centers = sorted(places.center[key] for key in waits if places.layer[key] == row)
        assert all(right - left >= 188 for left, right in zip(centers, centers[1:]))
    assert layout(waits, dict.fromkeys(waits, 188.0)) == places


@given(GRAPHS)
def test_a_picture_flows_from_left_to_right_and_goes_on_below_like_lines_of_text(waits):
    wide, tall = card = 188.0, 46.0
    places = Places(waits, card)
    corners = {key: places.corner(key) for key in waits}
    assert places.width <= 1_152
    for key, (x, y) in corners.items():
        assert 0 <= x <= places.width - wide
        assert -0.01 <= y <= places.height - tall + 0.01
        for source in waits[key]:
            before = corners[source]
            assert before[0] + wide < x or before[1] + tall < y
            path, end = places.way(source, key)
            assert path.startswith(f"M{before[0] + wide:g} ")
            assert end[0] == x - 5
            assert y < end[1] < y + tall
    for (x, y), (to_x, to_y) in combinations(corners.values(), 2):
        assert abs(x - to_x) >= wide or abs(y - to_y) >= tall


def test_a_bound_workflow_shows_its_graph():
    bound = weather.bind(["a"])
    shown = bound._repr_mimebundle_()
    assert repr(bound) == shown["text/plain"]
    assert shown["image/svg+xml"] == bound.to_svg() == weather.bind(["b"]).to_svg()
