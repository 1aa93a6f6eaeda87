"""Arrays and frames by their content, whatever views or blocks their memory is made of.

Neither library is imported: a value of theirs can only exist once somebody else has.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from wf_jupyter.values.fingerprint.hashing import hash_all, hash_memory, hash_parts, text

#: Kinds of numpy whose memory is the value; the others hold references.
_PLAIN = "biufcmMSU"


class Digester(Protocol):
    """Interface of `content.Description` for the parts of an array."""

    def digest(self, value: object) -> bytes:
        """The digest of a part."""
        ...

    def digests(self, values: Iterable[object]) -> list[bytes]:
        """The digests of some parts."""
        ...

    def leaf(self, value: object, compute: Any) -> bytes:
        """A digest that is computed once."""
        ...


def describe(value: Any, of: Digester) -> bytes | None:
    """The digest of an array, frame, series or index of numpy or pandas; None for anything else."""
    kind = type(value)
    if kind.__name__ == "PickleBuffer" and kind.__module__ == "_pickle":
        return hash_parts(b"buffer", hash_memory(value.raw()))
    for base in kind.__mro__:
        home = base.__module__.partition(".")[0]
        if home == "numpy" and base.__name__ == "ndarray":
            return _array(value, of) if kind is base else None
        if home == "pandas" and base.__name__ in _PANDAS:
            return _PANDAS[base.__name__](value, of)
    return None


def _array(value: Any, of: Digester) -> bytes:
    if value.dtype.kind in _PLAIN:
        return of.leaf(value, lambda: _plain(value, of))
    return hash_parts(b"objects", of.digest(value.dtype), of.digest(value.shape), of.digest(value.ravel().tolist()))


def _plain(value: Any, of: Digester) -> bytes:
    # Fortran's order survives pickling, and sums over it may round in another way; strides do not.
    is_fortran = value.flags.f_contiguous and not value.flags.c_contiguous
    rows = value.T if is_fortran else value
    rows = rows if rows.flags.c_contiguous else rows.copy(order="C")
    order = b"F" if is_fortran else b"C"
    memory = memoryview(rows.reshape(-1).view("u1")) if rows.size else b""
    return hash_parts(b"array", text(value.dtype.str), order, of.digest(value.shape), hash_memory(memory))


def _frame(value: Any, of: Digester) -> bytes:
    columns = [_column(value.iloc[:, position].array, of) for position in range(value.shape[1])]
    return hash_all([b"frame", *_about(value, of), of.digest(value.columns), of.digest(value.index), *columns])


def _series(value: Any, of: Digester) -> bytes:
    return hash_all([b"series", *_about(value, of), of.digest(value.index), _column(value.array, of)])


def _index(value: Any, of: Digester) -> bytes:
    about = [b"index", of.digest(type(value)), of.digest(list(value.names))]
    if type(value).__name__ == "RangeIndex":
        return hash_all([*about, of.digest(range(value.start, value.stop, value.step))])
    if type(value).__name__ == "MultiIndex":
        levels = (_column(value.get_level_values(level).array, of) for level in range(value.nlevels))
        return hash_all([*about, *levels])
    return hash_all([*about, text(str(getattr(value, "freq", None))), _column(value.array, of)])


def _about(value: Any, of: Digester) -> list[bytes]:
    """Describe a frame or series besides its data; subclasses name attributes of theirs in `_metadata`."""
    more = [getattr(value, name, None) for name in value._metadata]
    flags = value.flags.allows_duplicate_labels
    return [of.digest(type(value)), of.digest(more), of.digest(dict(value.attrs)), of.digest(flags)]


def _column(array: Any, of: Digester) -> bytes:
    about = hash_parts(text(type(array).__name__), text(str(array.dtype)))
    dtype = array.dtype
    if type(dtype).__name__ == "CategoricalDtype":
        codes = _plain(array.codes, of)
        return hash_parts(about, codes, of.digest(dtype.categories), of.digest(dtype.ordered))
    if hasattr(array, "asi8"):
        return hash_parts(about, _plain(array.asi8, of))
    if getattr(dtype, "kind", "O") in _PLAIN and not hasattr(array, "_mask"):
        return hash_parts(about, of.digest(array.to_numpy()))
    items = array.to_numpy(dtype=object).tolist() if hasattr(array, "to_numpy") else list(array)
    return hash_parts(about, of.digest(items))


_PANDAS = {"DataFrame": _frame, "Series": _series, "Index": _index}
