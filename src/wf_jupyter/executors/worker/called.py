"""One attempt as a plain call, for executors that take nothing else. In a thread or a process of theirs."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator

import msgspec

from wf_jupyter.executors.wire.messages import Done, Final, FromWorker, run_of
from wf_jupyter.executors.worker.attempt.admission import admit
from wf_jupyter.executors.worker.attempt.runner import Runner
from wf_jupyter.executors.worker.output.capture import CaptureStream
from wf_jupyter.executors.worker.output.stream import Flusher, Output
from wf_jupyter.ports import Attempt

_decode_attempt = msgspec.msgpack.Decoder(Attempt).decode
decode_said = msgspec.msgpack.Decoder(tuple[float, list[FromWorker]]).decode
_flusher = Flusher()


class _Unstoppable:
    """No thread of somebody else's is interrupted."""

    def begin(self, token: int) -> None: ...

    def end(self) -> None: ...

    def forget(self, token: int) -> bool:
        return False


class _Capture:
    """The streams of this process for as long as an attempt runs in it; several may."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let `print` reach the attempt as well as whoever reads this process."""
        with self._lock:
            self._count += 1
            if self._count == 1:
                self._before = sys.stdout, sys.stderr
                sys.stdout = CaptureStream("stdout", 1, through=sys.stdout)
                sys.stderr = CaptureStream("stderr", 2, through=sys.stderr)
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1
                if self._count == 0:
                    sys.stdout, sys.stderr = self._before


_capture = _Capture()


def run_attempt(data: bytes, home: int) -> bytes:
    """Run an attempt in this thread; how many seconds ago it began, and all that it said, its end last.

    `home` is the process that submitted it.
    """
    attempt = _decode_attempt(data)
    said: list[FromWorker] = []
    sink = Output(0, said.extend, _flusher, attempt.log_limit)
    run = run_of(0, attempt, attempt.call_data)
    with _capture.held():
        final: Final = Runner(owns_figures=False).run(run, attempt.code_data, attempt.call_data, sink, _Unstoppable())
    if os.getpid() == home:
        final = admit(run, final, sink, None, 0.0)
    elif isinstance(final, Done):
        # This process may have loaded other code than the key says: in doubt, a miss.
        final = msgspec.structs.replace(final, is_kept=False)
    said += sink.close()
    return msgspec.msgpack.encode((time.time() - final.began, [*said, final]))
