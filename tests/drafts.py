"""Drafts as tests look at them: packed calls turned back into arguments."""

from __future__ import annotations

from typing import Any

from wf_jupyter.model.draft import Draft, DraftNode, Items, NodeRef, PackedItems
from wf_jupyter.model.graph import Need, NeedKind
from wf_jupyter.model.keys import TaskKey
from wf_jupyter.values import container
from wf_jupyter.values.codec import decode


def unpacked(draft: Draft) -> list[DraftNode]:
    """The nodes with the arguments and the mapped lists that their tasks will get; results stand there as `NodeRef`."""
    for node in draft.nodes:
        call = node.packed
        assert call is not None
        needs, large = node.needs, call.large
        found: Any = decode(
            draft.blobs[call.call],
            lambda position, path, needs=needs: NodeRef(needs[position].source, path, needs[position].kind),  # type: ignore[misc]
            lambda number, large=large: draft.blobs[large[number]],  # type: ignore[misc]
        )
        node.args, node.kwargs = found
        for parameter, source in node.over.items():
            if isinstance(source, PackedItems):
                blob = draft.blobs[source.literal]
                node.over[parameter] = Items([decode(container.item(blob, i)) for i in range(source.length)])
    return draft.nodes


def need(source: str, kind: NeedKind = "value") -> Need:
    """That the result of `source` is needed."""
    return Need(TaskKey(source), kind)
