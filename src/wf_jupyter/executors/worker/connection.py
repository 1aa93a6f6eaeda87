"""The worker's end of its connection, and of the pipes behind descriptors 1 and 2."""

from __future__ import annotations

import array
import fcntl
import os
import socket
import termios
import threading
from collections.abc import Callable, Sequence

from wf_jupyter.executors.wire.frames import FrameReader
from wf_jupyter.executors.wire.messages import LOST, FromWorker, ToWorker, decode_to_worker, pack
from wf_jupyter.executors.worker.interrupts import Interrupts
from wf_jupyter.executors.worker.output import capture


class WorkerConnection:
    """Messages to and from the parent. Losing the parent ends the process at once."""

    def __init__(self, sock: socket.socket, interrupts: Interrupts) -> None:
        self._sock = sock
        self._interrupts = interrupts
        self._lock = threading.Lock()
        self._reader = FrameReader()

    def send(self, messages: Sequence[FromWorker]) -> None:
        """Send messages in one piece, from any thread. Raises `FrameTooLarge` with nothing sent."""
        if capture.is_fork():
            return
        data = b"".join([pack(message) for message in messages])
        self._interrupts.shield()
        try:
            with self._lock:
                self._sock.sendall(data)
        except OSError:
            os._exit(LOST)
        finally:
            self._interrupts.unshield()

    def read(self, block: bool) -> list[ToWorker]:
        """The messages that are there; with `block` at least one. Ends the process when the parent is gone.

        For one thread at a time.
        """
        while True:
            try:
                data = self._sock.recv(1 << 18, 0 if block else socket.MSG_DONTWAIT)
            except BlockingIOError:
                return []
            except OSError:
                os._exit(LOST)
            if not data:
                os._exit(0)
            messages = [decode_to_worker(payload) for payload in self._reader.feed(data)]
            if messages or not block:
                return messages

    def fileno(self) -> int:
        """The descriptor, to wait for."""
        return self._sock.fileno()


class Pipes:
    """Descriptors 1 and 2: what C code, child processes and a crash write there."""

    def __init__(self) -> None:
        self._flush = _line_buffered()
        self._waiting = array.array("i", [0])

    def unread(self) -> bool:
        """Whether something is in the pipes that the parent has not read yet."""
        self._flush()
        return self._pending(1) or self._pending(2)

    def _pending(self, descriptor: int) -> bool:
        self._waiting[0] = 0
        try:
            fcntl.ioctl(descriptor, termios.FIONREAD, self._waiting)
        except OSError:
            return False  # closed by the task
        return self._waiting[0] > 0


def _line_buffered() -> Callable[[], object]:
    """Make C's stdout show every line at once; returns a function that flushes what C still holds."""
    try:
        import ctypes

        # PyDLL keeps the interpreter lock: the call is far shorter than a hand-over of the lock.
        libc = ctypes.PyDLL(None)
        for name in ("stdout", "__stdoutp"):
            try:
                stream = ctypes.c_void_p.in_dll(libc, name)
            except ValueError:
                continue
            libc.setvbuf(stream, None, 1, 0)
        flush = libc.fflush
        flush.argtypes = [ctypes.c_void_p]
        return lambda: flush(None)
    except (ImportError, OSError, AttributeError):
        return lambda: None
