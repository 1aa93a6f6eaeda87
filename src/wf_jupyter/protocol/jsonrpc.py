"""JSON-RPC 2.0 frames, sans I/O: a text in, a `Call`, a `Notice` or a `Refusal` out; replies as bytes.

`parse` never raises, whatever arrives: a frame that cannot be understood becomes a `Refusal`, which
knows the reply to send. Parameters stay raw bytes here, because only the method knows their shape.

Batches are refused: their replies would have to be held back until the slowest member is done, which
buys nothing on a socket that carries many messages anyway.
"""

from __future__ import annotations

import msgspec

VERSION = "2.0"

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
UNAVAILABLE = -32000
NOT_FOUND = -32001
FORBIDDEN = -32002
RATE_LIMITED = -32003
CONFLICT = -32004
TOO_LARGE = -32005

Id = str | int | float | None


class Call(msgspec.Struct, frozen=True):
    """A request that is answered under `id`. `params` is raw JSON, an object."""

    id: Id
    method: str
    params: bytes


class Notice(msgspec.Struct, frozen=True):
    """A request without an id: carried out, never answered."""

    method: str
    params: bytes


class ErrorObject(msgspec.Struct, frozen=True, omit_defaults=True):
    """The `error` member of a reply."""

    code: int
    message: str
    data: dict[str, object] | None = None


class Refusal(msgspec.Struct, frozen=True):
    """A frame that is no request; `id` is None when it could not be read."""

    id: Id
    error: ErrorObject


class _Frame(msgspec.Struct):
    jsonrpc: object = None
    id: Id | msgspec.UnsetType = msgspec.UNSET
    method: object = None
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _Reply(msgspec.Struct, omit_defaults=True):
    id: Id | msgspec.UnsetType = msgspec.UNSET
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"")
    result: msgspec.Raw = msgspec.Raw(b"")
    error: ErrorObject | None = None


class Reply(msgspec.Struct, frozen=True):
    """Reply to a client's call: exactly one of `result` (raw JSON) and `error` is set."""

    id: Id
    result: bytes | None = None
    error: ErrorObject | None = None


_frames = msgspec.json.Decoder(_Frame)
_anything = msgspec.json.Decoder(msgspec.Raw)
_replies = msgspec.json.Decoder(_Reply)
_encoder = msgspec.json.Encoder()


def parse(frame: str | bytes, limit: int | None = None) -> Call | Notice | Refusal:
    """Parse a frame of a client. `limit` is the largest frame that is looked at, in characters."""
    if isinstance(frame, bytes):
        return _refuse(INVALID_REQUEST, "binary frames are not understood: send JSON as a text frame")
    if limit is not None and len(frame) > limit:
        return _refuse(TOO_LARGE, f"the message has {len(frame)} characters, more than the {limit} allowed")
    try:
        try:
            read = _frames.decode(frame)
        except msgspec.ValidationError as error:
            # The first wrong type ends the decoding: whether the rest is JSON is not known yet.
            _anything.decode(frame)
            return _refuse(INVALID_REQUEST, _why_no_request(frame, error))
    except (msgspec.DecodeError, UnicodeError) as error:
        return _refuse(PARSE_ERROR, f"the message is not JSON: {error}")
    except RecursionError:
        return _refuse(PARSE_ERROR, "the message is not usable JSON: it is nested too deeply")
    return _classify(read)


def _classify(read: _Frame) -> Call | Notice | Refusal:
    identity = None if read.id is msgspec.UNSET else read.id
    if read.jsonrpc != VERSION:
        return _refuse(INVALID_REQUEST, 'the member "jsonrpc" must be "2.0"', identity)
    if not isinstance(read.method, str) or not read.method:
        return _refuse(INVALID_REQUEST, 'the member "method" must be a non-empty string', identity)
    params = bytes(read.params)
    if read.id is msgspec.UNSET:
        return Notice(read.method, params)
    return Call(identity, read.method, params)


def _why_no_request(frame: str, error: msgspec.ValidationError) -> str:
    start = frame.lstrip()[:1]
    if start == "[":
        return "batches are not supported: send one request per message"
    if start != "{":
        return "a request must be a JSON object"
    return f"not a JSON-RPC request: {error}"


def _refuse(code: int, message: str, identity: Id = None) -> Refusal:
    return Refusal(identity, ErrorObject(code, message))


# -- the answering side -----------------------------------------------------------------------


def result(identity: Id, value: object) -> bytes:
    """The reply to a call that succeeded."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (_encoder.encode(identity), _encoder.encode(value))


def failure(identity: Id, error: ErrorObject) -> bytes:
    """The reply to a call that failed."""
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (_encoder.encode(identity), _encoder.encode(error))


def notification(method: str, params: object) -> bytes:
    """A message that wants no answer."""
    return frame_notification(method, _encoder.encode(params))


def frame_notification(method: str, params: bytes) -> bytes:
    """Frame a notification around parameters that are JSON already."""
    return b'{"jsonrpc":"2.0","method":%b,"params":%b}' % (_encoder.encode(method), params)


# -- the asking side --------------------------------------------------------------------------


def request(identity: Id, method: str, params: object) -> bytes:
    """A call, as a client sends it."""
    return b'{"jsonrpc":"2.0","id":%b,"method":%b,"params":%b}' % (
        _encoder.encode(identity),
        _encoder.encode(method),
        _encoder.encode(params),
    )


def read_reply(frame: str | bytes) -> Reply | Notice | None:
    """Parse a frame of a server; None for anything else, which a client may skip."""
    try:
        read = _replies.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if read.method is not None:
        return Notice(read.method, bytes(read.params) or b"{}")
    if read.id is msgspec.UNSET:
        return None
    if read.error is not None:
        return Reply(read.id, error=read.error)
    return Reply(read.id, result=bytes(read.result) or b"null")
