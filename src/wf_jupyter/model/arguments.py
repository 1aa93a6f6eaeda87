"""Arguments of tasks as people see them: bounded texts, made where the values are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from wf_jupyter.model.keys import TaskKey


class ArgumentSpec(msgspec.Struct, frozen=True, array_like=True):
    """One argument of a call, with keys relative to its graph.

    `sources` are the nodes whose results it holds; `text` is what stands there beside them, empty when
    the argument is a result and nothing else. `items` are the texts of a list that is mapped over, as
    many as were worth sending.
    """

    name: str
    text: str = ""
    sources: tuple[TaskKey, ...] = ()
    items: tuple[str, ...] = ()


#: The arguments of each node of a graph, by key.
Arguments = Mapping[TaskKey, Sequence[ArgumentSpec]]

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(dict[TaskKey, list[ArgumentSpec]])


def encode_arguments(arguments: Arguments) -> bytes:
    """As a blob of the graph."""
    return _encoder.encode(arguments)


def decode_arguments(blob: bytes) -> Arguments:
    """Back from it; nothing when it holds something else, as the blob comes from a client."""
    try:
        return _decoder.decode(blob)
    except msgspec.MsgspecError:
        return {}
