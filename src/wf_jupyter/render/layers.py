"""Places for the boxes of a small graph, in layers from top to bottom.

A box stands one layer below the lowest that it waits for; an edge that passes a layer holds a
narrow place there, so that it is drawn between the boxes and not through them. The order within
a layer follows the neighbours' (a few sweeps of the barycentre method), and the horizontal places
are the nearest to the neighbours' that keep the gaps: an isotonic regression, which is exact.
For a few dozen boxes; the live view has its own layout, which also grows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_SWEEPS = 6
_GAP = 24.0
_PASSING = 16.0


@dataclass(frozen=True, slots=True)
class Layout:
    """`center` and `layer` by key; `bends` are the points by which an edge (from, to) passes layers."""

    center: Mapping[str, float]
    layer: Mapping[str, int]
    bends: Mapping[tuple[str, str], tuple[tuple[float, int], ...]]
    width: float
    layers: int


@dataclass(slots=True)
class _Place:
    key: object
    width: float
    x: float = 0.0


def layout(waits: Mapping[str, Sequence[str]], widths: Mapping[str, float]) -> Layout:
    """Lay out boxes given in an order in which each comes after those it waits for."""
    layer: dict[str, int] = {}
    for key, sources in waits.items():
        layer[key] = 1 + max((layer[source] for source in sources if source in layer), default=-1)
    rows: list[list[_Place]] = [[] for _ in range(1 + max(layer.values(), default=-1))]
    above: dict[object, list[_Place]] = {}
    below: dict[object, list[_Place]] = {}
    places: dict[object, _Place] = {}
    passing: dict[tuple[str, str], list[_Place]] = {}
    for key in waits:
        places[key] = _Place(key, widths[key])
        rows[layer[key]].append(places[key])
    for key, sources in waits.items():
        for source in sources:
            if source not in layer:
                continue
            chain = passing[source, key] = []
            for row in range(layer[source] + 1, layer[key]):
                place = _Place((source, key, row), _PASSING)
                rows[row].append(place)
                chain.append(place)
            steps = [places[source], *chain, places[key]]
            for upper, lower in pairwise(steps):
                below.setdefault(upper.key, []).append(lower)
                above.setdefault(lower.key, []).append(upper)
    _arrange(rows, above, below)
    left = min((place.x - place.width / 2 for row in rows for place in row), default=0.0)
    right = max((place.x + place.width / 2 for row in rows for place in row), default=0.0)
    return Layout(
        center={key: places[key].x - left for key in waits},
        layer=layer,
        bends={
            edge: tuple((place.x - left, row) for row, place in enumerate(chain, layer[edge[0]] + 1))
            for edge, chain in passing.items()
        },
        width=right - left,
        layers=len(rows),
    )


def _arrange(
    rows: Sequence[list[_Place]], above: Mapping[object, list[_Place]], below: Mapping[object, list[_Place]]
) -> None:
    for row in rows:
        _place(row, [0.0] * len(row))
    for sweep in range(_SWEEPS):
        peers, order = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        for row in order:
            wanted = [_mean(peers.get(place.key), place.x) for place in row]
            ranked = sorted(range(len(row)), key=lambda index: (wanted[index], index))
            row[:] = [row[index] for index in ranked]
            _place(row, [wanted[index] for index in ranked])
    for row in rows[::-1]:
        _place(row, [_mean(below.get(place.key), place.x) for place in row])
    for row in rows:
        both = [[*above.get(place.key, ()), *below.get(place.key, ())] for place in row]
        _place(row, [_mean(near, place.x) for near, place in zip(both, row, strict=True)])


def _mean(places: Sequence[_Place] | None, otherwise: float) -> float:
    return sum(place.x for place in places) / len(places) if places else otherwise


def _place(row: Sequence[_Place], wanted: Sequence[float]) -> None:
    """Set the places of a row: as near to `wanted` as the widths allow, in the order of the row."""
    offsets: list[float] = []
    for index, place in enumerate(row):
        before = row[index - 1] if index else None
        step = (before.width + place.width) / 2 + _GAP if before else 0.0
        offsets.append((offsets[-1] if offsets else 0.0) + step)
    # Pool adjacent violators on what each place wants after its minimal offset is taken away.
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        total, count = want - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            earlier, number = pools.pop()
            total, count = total + earlier, count + number
        pools.append((total, count))
    index = 0
    for total, count in pools:
        for _ in range(count):
            row[index].x = round(total / count + offsets[index], 1)
            index += 1
