"""Progress bars that are only printed, and what is no bar."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest

from wf_jupyter.executors.wire.messages import FromWorker, Progress, Text
from wf_jupyter.executors.worker.output.bars import bar_in
from wf_jupyter.executors.worker.output.stream import Flusher, Output


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\r 45%|████▌     | 45/100 [00:01<00:01, 33.2it/s]", (45, 100, None)),
        (
            "\r  0%|          | 0/100 [00:00<?, ?it/s]\rfit: 46%|####6     | 46/100 [00:01<00:01, 33.2it/s]",
            (46, 100, "fit"),
        ),
        ("\repoch 2:  50%|█████     | 1.50k/3.00k [00:01<00:01, 3.2kB/s]", (1500, 3000, "epoch 2")),
        ("\r45it [00:01, 33.2it/s]", (45, None, None)),
        ("\x1b[1m 1/10\x1b[0m \x1b[32m━━\x1b[0m\x1b[37m━━━━━━━━\x1b[0m \x1b[1m4s\x1b[0m 500ms/step", (1, 10, None)),
        ("\r 45/100 [====>.....] - ETA: 1s", (45, 100, None)),
        ("\r 45% (45 of 100) |####     | Elapsed Time: 0:00:01", (45, 100, None)),
        ("\rfit  [####----------]   45%", (45, 100, None)),
        (
            "\router:  33%|███▎      | 1/3 [00:00<00:01, 1.9it/s]\n\rinner:  80%|████  | 4/5 [00:00<00:00]\x1b[A",
            (1, 3, "outer"),
        ),
        *[(plain, None) for plain in ("", "3/4 files [ok]", "2026/01/02 45% of [x]", "100% | a | 3/4", "[1/2] step\n")],
        ("\r  0%|          | 0/0 [00:00<?, ?it/s]", None),
    ],
)
def test_the_last_state_of_the_outermost_bar_counts(
    text: str, expected: tuple[float, float | None, str | None] | None
) -> None:
    assert bar_in(text) == expected


def test_what_tqdm_prints_is_read() -> None:
    tqdm = pytest.importorskip("tqdm")
    stream = io.StringIO()
    for number in tqdm.tqdm(range(10), file=stream, desc="rows", mininterval=0):
        done = bar_in(stream.getvalue())
        assert done is not None
        assert done[1:] == (10, "rows")
        assert done[0] in (number, number - 1)


def test_a_bar_is_progress_and_stays_in_the_log_unless_the_task_tells_of_itself() -> None:
    sent: list[FromWorker] = []

    def emit(messages: Sequence[FromWorker]) -> None:
        sent.extend(messages)

    output = Output(1, emit, Flusher())
    output.write("stderr", "\r 40%|████      | 4/10 [00:01<00:01, 3.2it/s]")
    sent.extend(output.close())
    assert Progress(1, 4, 10, None) in sent
    assert any(isinstance(message, Text) and "4/10" in message.text for message in sent)
    sent.clear()
    output = Output(1, emit, Flusher())
    output.progress(1, 2, "of its own")
    output.write("stderr", "\r 40%|████      | 4/10 [00:01<00:01, 3.2it/s]")
    sent.extend(output.close())
    assert [message for message in sent if isinstance(message, Progress)] == [Progress(1, 1, 2, "of its own")]
