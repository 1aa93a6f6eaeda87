"""Results of tasks as encoded values, or the reason why one cannot be kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from wf_jupyter.executors.wire.messages import Done, Run
from wf_jupyter.executors.worker.attempt import failures
from wf_jupyter.model.events import Failure, ResultInfo
from wf_jupyter.model.stimuli import Value
from wf_jupyter.values import container, files
from wf_jupyter.values.codec import Chunk, encode
from wf_jupyter.values.known_secrets import KnownSecrets
from wf_jupyter.values.lists import as_items
from wf_jupyter.values.preview import describe
from wf_jupyter.values.secret import Hidden


class Refused(Exception):
    """The attempt cannot go on, for a reason that is not an exception of the task."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def store(run: Run, value: object, started: float, known: KnownSecrets) -> Done:
    """Keep the result whole, and item by item where something is mapped over it; `Refused`.

    What holds a secret that the attempt was given is sealed, and not shown.
    """
    kept = _Results(run)
    encode = _sealing(known)
    try:
        truth = _truth(run, value) if run.wants_truth else None
        size = kept.keep("", lambda: encode(value), value)
        lengths = {}
        for label in run.splits:
            items = _items(value, label)
            if items is not None:
                kept.keep(f"items:{label}", lambda items=items: list(_container(items, encode)), value)  # type: ignore[misc]
                lengths[label] = len(items)
        info = _mask_info(describe(value, size), known)
    except BaseException:
        discard(kept.values)
        raise
    return Done(run.token, time.perf_counter() - started, info, tuple(kept.values), lengths, truth)


class _Results:
    def __init__(self, run: Run) -> None:
        self.values: list[Value] = []
        self._run = run

    def keep(self, part: str, encoded: Callable[[], list[Chunk]], value: object) -> int:
        """Store one part and return its size."""
        kind = type(value).__name__
        try:
            pieces = encoded()
        except Exception as error:
            subject = f"the result of task {self._run.task!r}, of type {kind!r}, cannot be sent"
            reason = failures.pickling_reason(error)
            raise Refused(
                Failure(kind="value", type=type(error).__name__, message=f"{subject}: {reason}", retriable=False)
            ) from error
        size = sum(len(piece) for piece in pieces)
        if size > self._run.size_limit:
            subject = f"the result of task {self._run.task!r}, of type {kind!r}, has {size:,} bytes"
            raise Refused(
                Failure(
                    kind="value",
                    type="ValueTooLarge",
                    message=f"{subject}; the limit is {self._run.size_limit:,}",
                    retriable=False,
                )
            )
        if size <= self._run.inline_limit or not self._run.directory:
            self.values.append(Value(part=part, data=b"".join(pieces), size=size))
            return size
        try:
            path = files.write(self._run.directory, pieces)
        except OSError as error:
            subject = f"the result of task {self._run.task!r} ({size:,} bytes)"
            raise Refused(failures.unusable(subject, error)) from error
        self.values.append(Value(part=part, path=path, size=size))
        return size


def _sealing(known: KnownSecrets) -> Callable[[object], list[Chunk]]:
    if not known.texts:
        return encode

    def sealing(value: object) -> list[Chunk]:
        pieces = encode(value)
        return encode(Hidden(value, known.texts)) if known.are_within(pieces) else pieces

    return sealing


def _mask_info(info: ResultInfo, known: KnownSecrets) -> ResultInfo:
    if not known.texts:
        return info
    shown = None if info.html is None or known.are_in(info.html) else info.html
    return msgspec.structs.replace(info, text=known.mask(info.text), html=shown)


def _container(items: Sequence[object], encode: Callable[[object], list[Chunk]]) -> Sequence[Chunk]:
    return list(container.chunks([encode(item) for item in items]))


def discard(values: Sequence[Value]) -> None:
    """Remove the files of values that nobody will ask for."""
    for value in values:
        if value.path is not None:
            with suppress(OSError):
                Path(value.path).unlink()


def _truth(run: Run, value: object) -> bool:
    try:
        return bool(value)
    except Exception as error:
        subject = f"the result of task {run.task!r} decides a condition, and is neither true nor false"
        failure = failures.unusable(subject, error)
        raise Refused(
            Failure(kind="definition", type=failure.type, message=failure.message, retriable=False)
        ) from error


def _items(value: object, label: str) -> Sequence[object] | None:
    """The part of a result that something is mapped over as a list; None when it is no list."""
    try:
        for key in json.loads(label) if label else ():
            value = value[key]  # type: ignore[index]
        return as_items(value)
    except Exception:  # whatever a user's container does, it is then no list
        return None
