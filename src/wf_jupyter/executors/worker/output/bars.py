"""Progress read from the bars that a task prints: those of tqdm, Keras, progressbar2 and click.

A bar is text for people. Only its last state counts, and only the outermost of nested bars: what is inside
begins again and again.
"""

from __future__ import annotations

import re

#: Beyond this a piece of text is searched in its end only.
_TAIL = 4_096
_NUMBER = r"\d+(?:\.\d+)?[kKMGTP]?i?B?"
_COLOUR = re.compile(r"\x1b\[[\d;]*[mK]")
_BAR = re.compile(
    # tqdm: "fit:  45%|████▌     | 45/100 [00:01<00:01, 33.2it/s]"
    rf"(?<![\d.])\d{{1,3}}%\|[^|\r\n]*\| *(?P<done>{_NUMBER})/(?P<total>{_NUMBER}) \["
    # tqdm of something without a length: "45it [00:01, 33.2it/s]"
    rf"|(?<![\w.])(?P<many>{_NUMBER})(?:it|[a-z]{{1,12}})? ?\[\d\d+:\d\d, "
    # Keras: " 45/100 ━━━━━━━━━━ 1s 10ms/step", and before it " 45/100 [===>......] - ETA: 1s"
    rf"|(?<![\w./])(?P<steps>\d+)/(?P<of>\d+) (?:[━╸╺]+ *|\[[=>.]+\] )"
    # progressbar2: " 45% (45 of 100) |####    |"
    rf"|(?<![\d.])\d{{1,3}}% \((?P<part>\d+) of (?P<whole>\d+)\)"
    # click: "fit  [####----]  45%"
    r"|\[[#-]{5,}\] +(?P<percent>\d{1,3})%"
)
#: tqdm goes one line up again after it has written a bar that lies inside another.
_INNER = re.compile(r"[^\r\n\x1b]*\x1b\[A")
_UNITS = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}


def bar_in(text: str) -> tuple[float, float | None, str | None] | None:
    """The last bar in `text` as what is done, the total (None when it is not known) and its label; None for no bar."""
    if "%" not in text and "/" not in text and "[" not in text:
        return None
    tail = _COLOUR.sub("", text[-_TAIL:])
    found = None
    for bar in _BAR.finditer(tail):
        if not _INNER.match(tail, bar.end()):
            found = bar
    if found is None:
        return None
    said = found.groupdict()
    done = said["done"] or said["many"] or said["steps"] or said["part"] or said["percent"]
    total = said["total"] or said["of"] or said["whole"] or ("100" if said["percent"] else None)
    before = re.split(r"[\r\n]", tail[: found.start()])[-1].strip()
    label = before.removesuffix(":")[-80:] if before.endswith(":") else ""
    whole = None if total is None else _number(total)
    return None if done is None or whole == 0 else (_number(done), whole, label or None)


def _number(text: str) -> float:
    digits = text.rstrip("iB")
    unit = _UNITS.get(digits[-1:], 0.0)
    return float(digits[:-1]) * unit if unit else float(digits)
