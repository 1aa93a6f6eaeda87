"""The text of a value in which results of tasks still have to stand: what is known of a workflow's result."""

from __future__ import annotations

import re
from collections.abc import Callable

from wf_jupyter.model.draft import NodeRef
from wf_jupyter.values.preview import TEXT_LIMIT, Bounded, text_of

_GAP = re.compile("\x00([0-9]+)\x00")
_CUT_GAP = re.compile("\x00[0-9]*…$")


class _Gapped(Bounded):
    def __init__(self, position: Callable[[NodeRef], int]) -> None:
        super().__init__()
        self._position = position

    def repr_instance(self, x: object, level: int) -> str:
        if not isinstance(x, NodeRef):
            return super().repr_instance(x, level)
        return "…" if x.path or x.kind != "value" else f"\x00{self._position(x)}\x00"


def outline(value: object, position: Callable[[NodeRef], int]) -> tuple[str | int, ...]:
    """Pieces of text, and between them the positions of the results that stand there."""
    pieces = _GAP.split(_CUT_GAP.sub("…", text_of(value, 2 * TEXT_LIMIT, _Gapped(position))))
    return tuple(int(piece) if number % 2 else piece for number, piece in enumerate(pieces) if piece)
