"""JSON-RPC 2.0 frames: what a peer sends, whatever it is, becomes a call, a notice or a refusal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_jupyter.protocol import jsonrpc
from wf_jupyter.protocol.jsonrpc import Call, Notice, Refusal

REQUESTS = [
    ('{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1}}', Call(1, "m", b'{"a":1}')),
    ('{"jsonrpc":"2.0","id":"x","method":"m"}', Call("x", "m", b"{}")),
    ('{"jsonrpc":"2.0","id":null,"method":"m"}', Call(None, "m", b"{}")),
    ('{"jsonrpc":"2.0","method":"m"}', Notice("m", b"{}")),
    ('{"jsonrpc":"2.0","id":1,"method":"m","from":"a newer version"}', Call(1, "m", b"{}")),
]

REFUSED = [
    ("", -32700, None),
    ("{", -32700, None),
    ("not JSON", -32700, None),
    ('{"jsonrpc":"2.0","id":1} trailing', -32700, None),
    ('{"id":' + "[" * 100_000, -32700, None),
    ('{"jsonrpc":"2.0","params":' + "[" * 100_000 + "]" * 100_000 + "}", -32700, None),
    ("[1,", -32700, None),
    ("[" * 100_000, -32700, None),
    ("[]", -32600, None),
    ('[{"jsonrpc":"2.0","id":1,"method":"m"}]', -32600, None),
    ("1", -32600, None),
    ('"text"', -32600, None),
    ("null", -32600, None),
    ("{}", -32600, None),
    ('{"jsonrpc":"1.0","id":7,"method":"m"}', -32600, 7),
    ('{"jsonrpc":"2.0","id":7}', -32600, 7),
    ('{"jsonrpc":"2.0","id":7,"method":""}', -32600, 7),
    ('{"jsonrpc":"2.0","id":7,"method":5}', -32600, 7),
    ('{"jsonrpc":"2.0","id":{},"method":"m"}', -32600, None),
    ('{"jsonrpc":"2.0","id":[],"method":"m"}', -32600, None),
    ('{"jsonrpc":"2.0","id":' + "9" * 5000 + ',"method":"m"}', -32600, None),
    (b"\x00\xff", -32600, None),
]


@pytest.mark.parametrize(("frame", "expected"), REQUESTS)
def test_a_request_is_understood(frame: str, expected: Call | Notice) -> None:
    assert jsonrpc.parse(frame) == expected


@pytest.mark.parametrize(("frame", "code", "identity"), REFUSED)
def test_what_is_no_request_is_refused_with_the_standard_code(frame: str | bytes, code: int, identity: object) -> None:
    read = jsonrpc.parse(frame)
    assert isinstance(read, Refusal)
    assert (read.error.code, read.id) == (code, identity)
    assert read.error.message


def test_a_refused_batch_says_what_to_do_instead() -> None:
    read = jsonrpc.parse("[]")
    assert isinstance(read, Refusal)
    assert "one request per message" in read.error.message


def test_a_frame_beyond_the_limit_is_too_large_and_not_read() -> None:
    read = jsonrpc.parse("x" * 101, limit=100)
    assert isinstance(read, Refusal)
    assert read.error.code == jsonrpc.TOO_LARGE


@given(st.one_of(st.text(), st.binary()))
def test_parsing_never_raises(frame: str | bytes) -> None:
    jsonrpc.parse(frame)


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=10,
)


@given(identity=st.one_of(st.none(), st.integers(-(2**53), 2**53), st.text()), method=st.text(min_size=1), value=values)
def test_what_one_side_writes_the_other_reads(identity: int | str | None, method: str, value: object) -> None:
    call = jsonrpc.parse(jsonrpc.request(identity, method, {"value": value}).decode())
    assert isinstance(call, Call)
    assert (call.id, call.method, json.loads(call.params)) == (identity, method, {"value": value})
    reply = jsonrpc.read_reply(jsonrpc.result(identity, value))
    assert isinstance(reply, jsonrpc.Reply)
    assert reply.result is not None
    assert (reply.id, json.loads(reply.result)) == (identity, value)
    notice = jsonrpc.read_reply(jsonrpc.notification(method, {"value": value}))
    assert isinstance(notice, Notice)
    assert json.loads(notice.params) == {"value": value}


def test_a_failure_is_read_back_with_code_message_and_data() -> None:
    error = jsonrpc.ErrorObject(-32001, "no such thing", {"reason": "gone"})
    assert jsonrpc.read_reply(jsonrpc.failure(3, error)) == jsonrpc.Reply(3, error=error)


def test_a_client_skips_what_it_cannot_read() -> None:
    assert [jsonrpc.read_reply(frame) for frame in ("", "[]", "{}", '{"jsonrpc":"2.0"}', "nonsense")] == [None] * 5
