"""What attempts say is joined before it becomes events, and only that."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wf_jupyter.model.events import ResultInfo
from wf_jupyter.model.stimuli import AttemptSucceeded, Cancel, Displayed, Printed, Progressed, Stimulus
from wf_jupyter.service.execution.coalescing import LONGEST, coalesce


def text(task: str, said: str, stream: str = "stdout", attempt: int = 1) -> Printed:
    return Printed(task=task, attempt=attempt, stream=stream, text=said)


def progress(task: str, done: float, attempt: int = 1) -> Progressed:
    return Progressed(task=task, attempt=attempt, done=done)


def kept(*stimuli: Stimulus) -> list[Stimulus]:
    return [stimulus for stimulus, _ in coalesce([(stimulus, None) for stimulus in stimuli])]


def test_text_of_one_attempt_is_joined_across_other_tasks() -> None:
    assert kept(text("a", "1"), text("b", "x"), text("a", "2")) == [text("a", "12"), text("b", "x")]


def test_of_progress_only_the_latest_is_told() -> None:
    assert kept(progress("a", 1), text("a", "x"), progress("a", 2), text("a", "y")) == [
        progress("a", 2),
        text("a", "xy"),
    ]


def test_streams_and_attempts_stay_apart_and_in_order() -> None:
    said: list[Stimulus] = [
        text("a", "1"),
        text("a", "2", "stderr"),
        text("a", "3"),
        text("a", "4", attempt=2),
        progress("a", 1),
    ]
    assert kept(*said, progress("a", 2, attempt=2)) == [*said, progress("a", 2, attempt=2)]


def test_nothing_is_joined_across_what_happened_to_the_task_or_to_all() -> None:
    shown = Displayed(task="a", attempt=1, data={})
    assert len(kept(text("a", "1"), shown, text("a", "2"))) == 3
    assert len(kept(text("a", "1"), Cancel(), text("a", "2"))) == 3


def test_joined_text_is_bounded() -> None:
    lengths = [len(said.text) for said in kept(*[text("a", "x" * 1000)] * 100) if isinstance(said, Printed)]
    assert sum(lengths) == 100_000 and max(lengths) <= LONGEST


_said = st.one_of(
    st.builds(text, st.sampled_from("ab"), st.text("xy", max_size=3), st.sampled_from(("stdout", "stderr"))),
    st.builds(progress, st.sampled_from("ab"), st.integers(0, 9)),
    st.builds(
        lambda task: AttemptSucceeded(task=task, attempt=1, duration=0, result=ResultInfo(type="int")),
        st.sampled_from("ab"),
    ),
)


@given(st.lists(_said, max_size=40))
def test_no_text_is_lost_and_the_last_progress_stands(said: list[Stimulus]) -> None:
    after = kept(*said)
    for task in "ab":
        for stream in ("stdout", "stderr"):
            assert "".join(s.text for s in said if isinstance(s, Printed) and (s.task, s.stream) == (task, stream)) == (
                "".join(s.text for s in after if isinstance(s, Printed) and (s.task, s.stream) == (task, stream))
            )
        last = [[s for s in seen if isinstance(s, Progressed) and s.task == task][-1:] for seen in (said, after)]
        assert last[0] == last[1]
