"""Errors on the wire: one table for HTTP statuses, JSON-RPC codes and reasons, and back.

The `reason` is the stable name that programs look at; the `message` is for people. A class that is
not in the table travels as its nearest base that is, so that a new error needs no new client.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from wf_jupyter import errors
from wf_jupyter.protocol import jsonrpc


class Crossing(NamedTuple):
    """Form of one class of error on the wire."""

    reason: str
    status: int
    code: int


CROSSINGS: Mapping[type[errors.WorkflowError], Crossing] = {
    errors.ValueTooLarge: Crossing("too_large", 413, jsonrpc.TOO_LARGE),
    errors.InputError: Crossing("invalid_input", 400, jsonrpc.INVALID_PARAMS),
    errors.WorkflowDefinitionError: Crossing("invalid_workflow", 400, jsonrpc.INVALID_PARAMS),
    errors.ExecutionNotFound: Crossing("execution_not_found", 404, jsonrpc.NOT_FOUND),
    errors.WorkflowNotFound: Crossing("workflow_not_found", 404, jsonrpc.NOT_FOUND),
    errors.StateConflict: Crossing("state_conflict", 409, jsonrpc.CONFLICT),
    errors.NotPermitted: Crossing("not_permitted", 403, jsonrpc.FORBIDDEN),
    errors.RateLimited: Crossing("rate_limited", 429, jsonrpc.RATE_LIMITED),
    errors.ProtocolMismatch: Crossing("protocol_mismatch", 400, jsonrpc.INVALID_REQUEST),
    errors.ServerUnavailable: Crossing("unavailable", 503, jsonrpc.UNAVAILABLE),
    errors.Unreadable: Crossing("unreadable", 500, jsonrpc.INTERNAL_ERROR),
    errors.StoreError: Crossing("store_error", 503, jsonrpc.UNAVAILABLE),
    errors.WorkflowError: Crossing("internal_error", 500, jsonrpc.INTERNAL_ERROR),
}

_BY_REASON = {crossing.reason: kind for kind, crossing in CROSSINGS.items()}
#: The first class with a code stands for it when the peer gives no reason.
_BY_CODE = {crossing.code: kind for kind, crossing in reversed(list(CROSSINGS.items()))}
_BY_STATUS: Mapping[int, type[errors.WorkflowError]] = {
    400: errors.InputError,
    401: errors.NotPermitted,
    403: errors.NotPermitted,
    404: errors.ExecutionNotFound,
    409: errors.StateConflict,
    413: errors.ValueTooLarge,
    429: errors.RateLimited,
    502: errors.ServerUnavailable,
    503: errors.ServerUnavailable,
    504: errors.ServerUnavailable,
}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of an HTTP error, and the `data` of a JSON-RPC error together with its message."""

    message: str
    reason: str
    field: str | None = None
    retry_after: float | None = None


def crossing(error: BaseException) -> Crossing:
    """The form of `error` on the wire; anything outside the tree is an internal error."""
    for kind in type(error).__mro__:
        if kind in CROSSINGS:
            return CROSSINGS[kind]
    return CROSSINGS[errors.WorkflowError]


def problem(error: BaseException) -> Problem:
    """`error` as data. What is not ours tells nothing about itself: its text may hold anything."""
    is_public = isinstance(error, errors.WorkflowError) and not isinstance(error, errors.IllegalTransition)
    return Problem(
        message=str(error) if is_public else "internal error: the server's log says more",
        reason=crossing(error).reason,
        field=error.field if isinstance(error, errors.InputError) else None,
        retry_after=error.retry_after if isinstance(error, errors.RateLimited) else None,
    )


def error_object(error: BaseException) -> jsonrpc.ErrorObject:
    """`error` as the `error` member of a JSON-RPC reply."""
    shown = problem(error)
    data: dict[str, object] = {"reason": shown.reason}
    if shown.field is not None:
        data["field"] = shown.field
    if shown.retry_after is not None:
        data["retry_after"] = shown.retry_after
    return jsonrpc.ErrorObject(crossing(error).code, shown.message, data)


#: How the message of an error begins that did not come from this server's API.
UNEXPLAINED = "the server answered with HTTP status"


def error_from_status(status: int, body: bytes) -> errors.WorkflowError:
    """The exception behind an HTTP error answer, also one that a proxy or Jupyter itself gave."""
    try:
        read = msgspec.json.decode(body, type=Problem)
    except (msgspec.DecodeError, UnicodeError):
        read = Problem(message=f"{UNEXPLAINED} {status}", reason="")
    return _rebuilt(_BY_REASON.get(read.reason) or _BY_STATUS.get(status, errors.WorkflowError), read)


def is_explained(body: bytes) -> bool:
    """Whether an HTTP error has a body of this API: a proxy's, a Hub's or Jupyter's own has not."""
    try:
        return msgspec.json.decode(body, type=Problem).reason in _BY_REASON
    except (msgspec.DecodeError, UnicodeError):
        return False


def error_from_object(error: jsonrpc.ErrorObject) -> errors.WorkflowError:
    """The exception behind a JSON-RPC error."""
    data = error.data or {}
    after = data.get("retry_after")
    field = data.get("field")
    read = Problem(
        message=error.message,
        reason=str(data.get("reason", "")),
        field=field if isinstance(field, str) else None,
        retry_after=float(after) if isinstance(after, int | float) else None,
    )
    return _rebuilt(_BY_REASON.get(read.reason) or _BY_CODE.get(error.code, errors.WorkflowError), read)


def _rebuilt(kind: type[errors.WorkflowError], read: Problem) -> errors.WorkflowError:
    if issubclass(kind, errors.InputError):
        return kind(read.message, read.field)
    if issubclass(kind, errors.RateLimited):
        return kind(read.message, read.retry_after or 1.0)
    return kind(read.message)


# -- what msgspec says, as an InputError -------------------------------------------------------

_PATH = re.compile(r" - at `(?:key in )?\$?\.?([^`]*)`$")
_UNKNOWN = re.compile(r"contains unknown field `([^`]+)`")
_MISSING = re.compile(r"missing required field `([^`]+)`")


def input_error(error: Exception, whole: str = "") -> errors.InputError:
    """A failed decoding as an error that names the field; `whole` names the thing that was decoded."""
    if isinstance(error, RecursionError):
        return errors.InputError(f"{whole or 'the body'} is nested too deeply", whole or None)
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return errors.InputError(f"{whole or 'the body'} cannot be read: {text}", whole or None)
    path = _PATH.search(text)
    field = path.group(1) if path else ""
    text = _PATH.sub("", text)
    unknown = _UNKNOWN.search(text)
    if unknown:
        return errors.InputError(f"{unknown.group(1)} is not known here", unknown.group(1))
    missing = _MISSING.search(text)
    if missing:
        field = f"{field}.{missing.group(1)}" if field else missing.group(1)
        return errors.InputError(f"{field} is missing", field)
    if not field:
        named = text.split(" ", 1)[0] if isinstance(error.__cause__, ValueError) else ""
        return errors.InputError(text if named else f"{whole or 'the body'}: {text}", named or whole or None)
    return errors.InputError(f"{field}: {text}", field)
