"""An exception as a `Failure`: text for people, and the pickled exception where that is possible."""

from __future__ import annotations

import asyncio
import errno
import pickle

import msgspec

from wf_jupyter.errors import StoreError
from wf_jupyter.executors.worker.attempt.tracebacks import format_traceback
from wf_jupyter.model.events import Failure
from wf_jupyter.model.stimuli import Value
from wf_jupyter.model.texts import storable
from wf_jupyter.values.exceptions import encode_exception
from wf_jupyter.values.ipython import NO_IPYTHON, NoShell
from wf_jupyter.values.known_secrets import KnownSecrets
from wf_jupyter.values.preview import shorten

MESSAGE_LIMIT = 10_000


def raised_failure(error: BaseException, retry_on: tuple[type[BaseException], ...]) -> Failure:
    """The task's own exception."""
    return Failure(
        kind="raised",
        type=type(error).__name__,
        message=_message(error),
        traceback=format_traceback(error),
        retriable=isinstance(error, retry_on),
    )


def unusable(what: str, error: BaseException) -> Failure:
    """Code, an input or a result that cannot be encoded, decoded or stored; `what` is the subject of the sentence."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        message = f"{what} cannot be stored: the disk is full"
    else:
        message = f"{what}: {_message(error) or type(error).__name__}"
    transient = isinstance(error, OSError | StoreError | MemoryError)
    return Failure(
        kind="value", type=type(error).__name__, message=message, traceback=format_traceback(error), retriable=transient
    )


def mask_failure(failure: Failure, known: KnownSecrets) -> Failure:
    """The failure without the secrets that the attempt was given."""
    if not known.texts:
        return failure
    message, traceback = known.mask(failure.message), known.mask(failure.traceback)
    return msgspec.structs.replace(failure, message=message, traceback=traceback)


def pickle_exception(error: BaseException, known: KnownSecrets) -> tuple[Value, ...]:
    """The exception as a value, when it can be rebuilt and is not huge; else nothing."""
    data = encode_exception(error, known)
    return () if data is None else (Value(part="error", data=data, size=len(data)),)


def pickling_reason(error: BaseException) -> str:
    """The reason why pickling failed, without pickle's own name in front."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = _message(error)
    return text if isinstance(error, pickle.PicklingError | TypeError) and text else f"{type(error).__name__}: {text}"


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the task called sys.exit({'' if error.code is None else repr(error.code)})"
    if isinstance(error, KeyboardInterrupt) and not error.args:
        return "the task raised KeyboardInterrupt"
    if isinstance(error, asyncio.CancelledError) and not error.args:
        return "the task cancelled itself"
    if isinstance(error, AttributeError) and error.obj is None and hasattr(NoShell, error.name or ""):
        return f"get_ipython() is None: {NO_IPYTHON}"
    try:
        return shorten(storable(str(error)), MESSAGE_LIMIT)
    except Exception as second:  # a user's __str__
        return f"<its text cannot be shown: {type(second).__name__}>"
