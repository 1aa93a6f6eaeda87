"""The texts of the secrets that one attempt, or one submission, was given: what holds them is secret as well.

A task may print its password, put it into an exception or return it; a body may make a header of it. By its name
that is no secret, by its content it is.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from urllib.parse import quote

from wf_jupyter.model.secrecy import MASK

#: Shorter texts are ordinary words too often.
_SHORTEST = 5
#: Larger pieces of an encoded value are arrays and the like, and are not searched.
_SEARCHED = 1 << 20
_DEEPEST = 5
_MOST = 1000


class KnownSecrets:
    """A set of texts, and what to do where they occur."""

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    @classmethod
    def inherit(cls) -> KnownSecrets:
        """Secrets known to the attempt that runs here, if one does, to add to."""
        known = cls()
        if (outer := _known.get()) is not None:
            known.add(outer.texts)
        return known

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them, in an order that depends on nothing else."""
        return tuple(sorted(self._texts))

    def add(self, texts: Iterable[str]) -> None:
        """Know these as well."""
        before = len(self._texts)
        self._texts.update(text for text in texts if len(text) >= _SHORTEST)
        if len(self._texts) != before:
            written = {form for text in self._texts for form in _written_forms(text)}
            self._pattern = re.compile("|".join(map(re.escape, sorted(written, key=lambda form: (-len(form), form)))))

    def mask(self, text: str) -> str:
        """`text` with `•••` where a secret stands."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def are_in(self, text: str) -> bool:
        """Whether one of them stands in `text`."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def are_within(self, pieces: Iterable[bytes | bytearray | memoryview]) -> bool:
        """Whether one of them stands in an encoded value."""
        if not self._texts:
            return False
        wanted = [text.encode("utf-8", "surrogatepass") for text in self._texts]
        small = (bytes(piece) for piece in pieces if len(piece) <= _SEARCHED)
        return any(text in piece for piece in small for text in wanted)


_known: ContextVar[KnownSecrets | None] = ContextVar("wf_jupyter_known_secrets", default=None)


def collect(known: KnownSecrets) -> None:
    """From here on, in this context, secrets that are read become known."""
    _known.set(known)


def note(texts: Iterable[str]) -> None:
    """A secret with these texts was read here."""
    if (known := _known.get()) is not None:
        known.add(texts)


def texts_in(value: object, depth: int = 0) -> Iterator[str]:
    """The texts in a value that is secret as a whole."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif depth < _DEEPEST and isinstance(value, Mapping):
        for entry in list(value.values())[:_MOST]:
            yield from texts_in(entry, depth + 1)
    elif depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
        for entry in list(value)[:_MOST]:
            yield from texts_in(entry, depth + 1)
    elif depth < _DEEPEST and hasattr(value, "get_secret_value"):  # pydantic's
        yield from texts_in(value.get_secret_value(), depth + 1)


def _written_forms(text: str) -> Iterator[str]:
    """The forms in which a text stands in other texts."""
    yield text
    yield repr(text)[1:-1]
    yield json.dumps(text)[1:-1]
    yield html.escape(text)
    yield quote(text, safe="")
