"""Where cards and edges lie in a still picture.

A graph flows from left to right, as in the live view and its overview. A still picture cannot be panned, and is made
as narrow as the page it stands on: so a flow of many layers goes on below, as the lines of a text do, and the
edges that lead there go back between the bands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from wf_jupyter.render.layers import layout

#: Layers side by side: five cards are read in a cell of a thousand pixels.
_COLUMNS = 5
_BETWEEN = 40.0
#: Room beside the columns for edges that go back, how far these lean out, and the room of one.
_TURN = 26.0
_BULGE = 32.0
_LANE = 7.0
_LANES = 70.0
#: How far the head of an edge stands before its card.
_TIP = 5.0

Point = tuple[float, float]


class Places:
    """Cards of one size, placed; each is given after those it waits for. `left` and `top` move all of them."""

    left = 0.0
    top = 0.0

    def __init__(self, waits: Mapping[str, Sequence[str]], card: tuple[float, float]) -> None:
        self._card = card
        self._layout = layout(waits, dict.fromkeys(waits, card[1]))
        self._bands = max(1, -(-self._layout.layers // _COLUMNS))
        self._columns = -(-self._layout.layers // self._bands)
        self._leaving: dict[str, list[str]] = {}
        self._entering = {key: [source for source in sources if source in waits] for key, sources in waits.items()}
        for key, sources in self._entering.items():
            for source in sources:
                self._leaving.setdefault(source, []).append(key)
        for source, keys in self._leaving.items():
            # In the order of where they go first, so that they do not cross.
            keys.sort(key=lambda key, source=source: self._stops(source, key)[1][1])  # type: ignore[misc]
        for key, sources in self._entering.items():
            sources.sort(key=lambda source, key=key: self._stops(source, key)[-2][1])  # type: ignore[misc]
        self._lanes = self._lanes_between()
        #: Of each band the least place across the flow, and where that is in the picture.
        self._starts: list[float] = []
        self._tops: list[float] = []
        self.height = 0.0
        for band in range(self._bands):
            first, last = self._extent(band)
            self._starts.append(first)
            self._tops.append(self.height)
            self.height += last - first
            if band + 1 < self._bands:
                self.height += 4 * _LANE + min(_LANES, len(self._lanes[band]) * _LANE)

    @property
    def width(self) -> float:
        """Width of all of it."""
        between = max(0, self._columns - 1) * _BETWEEN
        return self._columns * self._card[0] + between + 2 * self._turn

    def corner(self, key: str) -> Point:
        """The upper left corner of a card."""
        layer = self._layout.layer[key]
        return self._x(layer), self._y(layer, self._layout.center[key]) - self._card[1] / 2

    def way(self, source: str, key: str) -> tuple[str, Point]:
        """The way of an edge as a path of SVG, and where it ends."""
        stops = self._stops(source, key)
        leaves = _port(self._leaving[source].index(key), len(self._leaving[source]), self._card[1])
        enters = _port(self._entering[key].index(source), len(self._entering[key]), self._card[1])
        x, y = self._x(stops[0][0]) + self._card[0], self._y(*stops[0]) + leaves
        path = f"M{x:g} {y:g}"
        for (layer, _), (to_layer, to_across) in pairwise(stops):
            is_end = to_layer == stops[-1][0]
            to_x = self._x(to_layer) - (_TIP if is_end else 0)
            to_y = self._y(to_layer, to_across) + (enters if is_end else 0)
            path += (
                self._turn_band((source, key), layer, x, y, to_x, to_y)
                if self._is_last(layer)
                else _curve(x, y, to_x, to_y)
            )
            x, y = to_x, to_y
            if not is_end:
                x += self._card[0]
                path += f"L{x:g} {y:g}"
        return path, (x, y)

    def _stops(self, source: str, key: str) -> list[tuple[int, float]]:
        """The layers that an edge touches, and where across the flow."""
        places = self._layout
        ends = [(places.layer[end], places.center[end]) for end in (source, key)]
        return [ends[0], *((layer, across) for across, layer in places.bends[source, key]), ends[1]]

    def _lanes_between(self) -> list[list[tuple[str, str]]]:
        """The edges from each band to the next: what leaves lowest goes back first, so that they lie in each other."""
        lanes: list[list[tuple[float, tuple[str, str]]]] = [[] for _ in range(self._bands)]
        for key, sources in self._entering.items():
            for source in sources:
                for layer, across in self._stops(source, key)[:-1]:
                    if self._is_last(layer):
                        lanes[layer // self._columns].append((across, (source, key)))
        return [[edge for _, edge in sorted(lane, key=lambda each: -each[0])] for lane in lanes]

    def _turn_band(self, edge: tuple[str, str], layer: int, x: float, y: float, to_x: float, to_y: float) -> str:
        """From the end of a band back to the beginning of the next."""
        band = layer // self._columns
        lanes = self._lanes[band]
        step = min(_LANE, _LANES / len(lanes))
        first, last = self._extent(band)
        lane = self.top + self._tops[band] + last - first + 2 * _LANE + (lanes.index(edge) + 0.5) * step
        return (
            f"C{x + _BULGE:g} {y:g} {x + _BULGE:g} {lane:g} {x:g} {lane:g}L{to_x:g} {lane:g}"
            f"C{to_x - _BULGE:g} {lane:g} {to_x - _BULGE:g} {to_y:g} {to_x:g} {to_y:g}"
        )

    def _extent(self, band: int) -> tuple[float, float]:
        """The least and the greatest place across the flow in a band."""
        places = self._layout
        half = self._card[1] / 2
        cards = [places.center[key] for key, layer in places.layer.items() if layer // self._columns == band]
        bends = [across for edge in places.bends.values() for across, layer in edge if layer // self._columns == band]
        return (
            min([*(center - half for center in cards), *bends], default=0.0),
            max([*(center + half for center in cards), *bends], default=0.0),
        )

    def _is_last(self, layer: int) -> bool:
        """Whether what comes after a layer stands in the next band."""
        return (layer + 1) % self._columns == 0

    @property
    def _turn(self) -> float:
        return _TURN if self._bands > 1 else 0.0

    def _x(self, layer: int) -> float:
        return self.left + self._turn + layer % self._columns * (self._card[0] + _BETWEEN)

    def _y(self, layer: int, across: float) -> float:
        band = layer // self._columns
        return self.top + self._tops[band] + across - self._starts[band]


def _port(index: int, count: int, size: float) -> float:
    """Where the edge `index` of `count` leaves or reaches a card, from its middle."""
    return (index - (count - 1) / 2) * min(12.0, (size - 16) / max(1, count))


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (x + to_x) / 2
    return f"L{to_x:g} {to_y:g}" if y == to_y else f"C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}"
