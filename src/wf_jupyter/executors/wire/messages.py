"""Messages between the parent and a worker process.

Attempts are known by a token, a small number given by the parent: the worker neither knows nor needs
to repeat whose attempt it is. Array-like structs, because a no-op task is two of these messages and
little else.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from wf_jupyter.executors.wire.frames import frame
from wf_jupyter.model.events import Failure, ResultInfo, Usage
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.stimuli import Value
from wf_jupyter.model.submission import Expansion
from wf_jupyter.ports import Attempt, Input

#: Both sides must be of the same make; a worker of another one is refused.
PROTOCOL = 1
#: Exit code of a worker that can no longer talk to its parent.
LOST = 70
#: Exit code of a worker that could not make sense of a message.
UNREADABLE = 71


class _Message(msgspec.Struct, frozen=True, array_like=True):
    pass


# -- to the worker ----------------------------------------------------------------------------


class Blob(_Message, frozen=True, tag=1):
    """Bytes that attempts refer to by digest, until `Forget`."""

    digest: Digest
    data: bytes


class Forget(_Message, frozen=True, tag=2):
    """A blob that no attempt sent later refers to, unless it is sent again."""

    digest: Digest


class Run(_Message, frozen=True, tag=3):
    """One attempt; the fields are those of `ports.Attempt`. `call` is empty when `call_digest` names a blob."""

    token: int
    execution: str
    task: str
    number: int
    name: str
    code: Digest
    call: bytes
    call_digest: Digest | None
    inputs: tuple[Input, ...]
    over: tuple[str, ...]
    splits: tuple[str, ...]
    wants_truth: bool
    directory: str
    inline_limit: int
    size_limit: int
    log_limit: int
    index: int | None
    coverage: bytes = b""


class Stop(_Message, frozen=True, tag=4):
    """Interrupt an attempt, or do not begin it."""

    token: int


class Recall(_Message, frozen=True, tag=5):
    """Give back those of these attempts that have not begun; answered by `Recalled`."""

    tokens: tuple[int, ...]


class Drained(_Message, frozen=True, tag=6):
    """The parent has read the pipes to the end: answers a final message with `unread`."""


class Quit(_Message, frozen=True, tag=7):
    """End like a Python program ends."""


# -- from the worker --------------------------------------------------------------------------


class Ready(_Message, frozen=True, tag=20):
    """First message: the worker can run attempts."""

    protocol: int


class Done(_Message, frozen=True, tag=21):
    """The attempt returned. `unread`: there is output in the pipes that belongs to it.

    `is_kept`: the result may be kept in the cache, if the task asks for that. `began` is when it began to run, by the
    clock of the machine.
    """

    token: int
    duration: float
    result: ResultInfo
    values: tuple[Value, ...]
    lengths: Mapping[str, int]
    truth: bool | None
    unread: bool = False
    is_kept: bool = True
    usage: Usage | None = None
    began: float = 0.0


class Expanded(_Message, frozen=True, tag=22):
    """The attempt returned a bound workflow."""

    token: int
    duration: float
    expansion: Expansion
    unread: bool = False
    usage: Usage | None = None
    began: float = 0.0


class Raised(_Message, frozen=True, tag=23):
    """The attempt failed."""

    token: int
    duration: float
    failure: Failure
    values: tuple[Value, ...] = ()
    unread: bool = False
    usage: Usage | None = None
    began: float = 0.0


class Stopped(_Message, frozen=True, tag=24):
    """The attempt ended because of `Stop`."""

    token: int
    duration: float
    unread: bool = False
    usage: Usage | None = None
    began: float = 0.0


class Text(_Message, frozen=True, tag=25):
    """The attempt printed or logged by way of Python."""

    token: int
    stream: str
    text: str


class Progress(_Message, frozen=True, tag=26):
    """The attempt told how far it is."""

    token: int
    done: float
    total: float | None
    text: str | None


class Shown(_Message, frozen=True, tag=27):
    """The attempt displayed something rich."""

    token: int
    data: Mapping[str, str]


class Recalled(_Message, frozen=True, tag=28):
    """Attempts that have not begun and will not. `stale`: the worker holds outdated modules, so nor will others."""

    tokens: tuple[int, ...]
    stale: bool = False


Final = Done | Expanded | Raised | Stopped
ToWorker = Blob | Forget | Run | Stop | Recall | Drained | Quit
FromWorker = Ready | Final | Text | Progress | Shown | Recalled

_encoder = msgspec.msgpack.Encoder()
decode_to_worker = msgspec.msgpack.Decoder(ToWorker).decode
decode_from_worker = msgspec.msgpack.Decoder(FromWorker).decode


def pack(message: ToWorker | FromWorker) -> bytes:
    """The message as one frame; `FrameTooLarge`."""
    return frame(_encoder.encode(message))


def run_of(token: int, attempt: Attempt, call: bytes, call_digest: Digest | None = None) -> Run:
    """The attempt as a message."""
    return Run(
        token,
        attempt.execution,
        attempt.task,
        attempt.number,
        attempt.name,
        attempt.code,
        call,
        call_digest,
        attempt.inputs,
        attempt.over,
        attempt.splits,
        attempt.wants_truth,
        attempt.directory,
        attempt.inline_limit,
        attempt.size_limit,
        attempt.log_limit,
        attempt.index,
        attempt.coverage,
    )
