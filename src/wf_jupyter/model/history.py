"""Durations of the tasks of an execution that ended, for later ones."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Durations(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Durations, seconds as a rule: all values, or evenly spaced quantiles; sorted."""

    count: int
    points: tuple[float, ...]


class Experience(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One execution in short.

    `tasks` are seconds of successful attempts by task name, `groups` seconds that mapped tasks and
    sub-workflows took as a whole, by group name, and `sizes` how many items the mapped ones had.
    """

    tasks: Mapping[str, Durations] = {}
    groups: Mapping[str, Durations] = {}
    sizes: Mapping[str, Durations] = {}
