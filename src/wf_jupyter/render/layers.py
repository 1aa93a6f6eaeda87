"""Places for the boxes of a small graph, in layers along its flow.

A box stands one layer after the last that it waits for; an edge that passes a layer holds a
narrow place there, so that it is drawn between the boxes and not through them. The order within
a layer follows the neighbours' (a few sweeps of the barycentre method), and the places across the flow
are the nearest to the neighbours' that keep the gaps: an isotonic regression, which is exact.
For a few dozen boxes; the live view has its own layout, which also grows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_SWEEPS = 6
_GAP = 22.0
_PASSING = 10.0


@dataclass(frozen=True, slots=True)
class Layout:
    """`center`, across the flow, and `layer` by key; `bends` are where an edge (from, to) passes layers."""

    center: Mapping[str, float]
    layer: Mapping[str, int]
    bends: Mapping[tuple[str, str], tuple[tuple[float, int], ...]]
    breadth: float
    layers: int


@dataclass(slots=True)
class _Place:
    key: object
    breadth: float
    across: float = 0.0


def layout(waits: Mapping[str, Sequence[str]], breadths: Mapping[str, float]) -> Layout:
    """Lay out boxes given in an order in which each comes after those it waits for."""
    layer: dict[str, int] = {}
    for key, sources in waits.items():
        layer[key] = 1 + max((layer[source] for source in sources if source in layer), default=-1)
    rows: list[list[_Place]] = [[] for _ in range(1 + max(layer.values(), default=-1))]
    before: dict[object, list[_Place]] = {}
    after: dict[object, list[_Place]] = {}
    places: dict[object, _Place] = {}
    passing: dict[tuple[str, str], list[_Place]] = {}
    for key in waits:
        places[key] = _Place(key, breadths[key])
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
            for earlier, later in pairwise(steps):
                after.setdefault(earlier.key, []).append(later)
                before.setdefault(later.key, []).append(earlier)
    _arrange(rows, before, after)
    first = min((place.across - place.breadth / 2 for row in rows for place in row), default=0.0)
    last = max((place.across + place.breadth / 2 for row in rows for place in row), default=0.0)
    return Layout(
        center={key: places[key].across - first for key in waits},
        layer=layer,
        bends={
            edge: tuple((place.across - first, row) for row, place in enumerate(chain, layer[edge[0]] + 1))
            for edge, chain in passing.items()
        },
        breadth=last - first,
        layers=len(rows),
    )


def _arrange(
    rows: Sequence[list[_Place]], before: Mapping[object, list[_Place]], after: Mapping[object, list[_Place]]
) -> None:
    for row in rows:
        _place(row, [0.0] * len(row))
    for sweep in range(_SWEEPS):
        peers, order = (before, rows) if sweep % 2 == 0 else (after, rows[::-1])
        for row in order:
            wanted = [_mean(peers.get(place.key), place.across) for place in row]
            ranked = sorted(range(len(row)), key=lambda index: (wanted[index], index))
            row[:] = [row[index] for index in ranked]
            _place(row, [wanted[index] for index in ranked])
    for row in rows[::-1]:
        _place(row, [_mean(after.get(place.key), place.across) for place in row])
    for row in rows:
        both = [[*before.get(place.key, ()), *after.get(place.key, ())] for place in row]
        _place(row, [_mean(near, place.across) for near, place in zip(both, row, strict=True)])


def _mean(places: Sequence[_Place] | None, otherwise: float) -> float:
    return sum(place.across for place in places) / len(places) if places else otherwise


def _place(row: Sequence[_Place], wanted: Sequence[float]) -> None:
    """Set the places of a row: as near to `wanted` as the breadths allow, in the order of the row."""
    offsets: list[float] = []
    for index, place in enumerate(row):
        other = row[index - 1] if index else None
        step = (other.breadth + place.breadth) / 2 + _GAP if other else 0.0
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
            row[index].across = round(total / count + offsets[index], 1)
            index += 1
