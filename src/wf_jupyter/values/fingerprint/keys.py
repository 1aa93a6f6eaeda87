"""The keys of one submission: of functions, of calls, of single values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from wf_jupyter.model.graph import NeedKind
from wf_jupyter.model.keys import Digest, TaskKey
from wf_jupyter.values.fingerprint.content import Description
from wf_jupyter.values.fingerprint.definitions import Registry
from wf_jupyter.values.fingerprint.hashing import Unknown, hash_parts


class Key(NamedTuple):
    """A digest, and the user's modules behind it.

    `modules` gives the digest of the file of each; `is_open` says that others may be imported, by names
    that are made at run time. `reads` are the results that it refers to, as (task, kind), in the order in
    which the digest names them.
    """

    digest: Digest
    modules: Mapping[str, str]
    is_open: bool
    reads: tuple[tuple[TaskKey, NeedKind], ...] = ()


class Keys:
    """Computes keys. Objects must not change between the first use and the last; files may be edited.

    `inline` says that the functions will run in this process.
    """

    def __init__(self, *, inline: bool = False) -> None:
        self._registry = Registry(inline=inline)
        self._signatures: dict[int, tuple[object, inspect.Signature | None]] = {}
        self._inline = inline

    def of(self, value: object) -> Key:
        """The key of any value with all that it can reach; `Unknown` when it cannot be compared."""
        try:
            described = Description(self._registry)
            digest = described.digest(value)
            if not described.refs and not described.also:
                return Key(Digest(digest.hex()), {}, False, tuple(described.reads))
            reach = self._registry.reach(described.refs, described.also)
        except Unknown:
            raise
        except RecursionError:
            raise Unknown("a value that is nested too deeply") from None
        except Exception as error:  # any object may be met, with any behaviour
            raise Unknown(f"something that cannot be looked into ({type(error).__name__}: {error})") from error
        modules = self._registry.modules
        names = sorted(key for key in reach.keys if isinstance(key, str))
        known = {name: modules.describe(name).content for name in names if modules.is_users(name)}
        digest = hash_parts(digest, reach.digest)
        return Key(Digest(digest.hex()), known if not self._inline else {}, reach.is_open, tuple(described.reads))

    def of_call(
        self,
        function: Callable[..., object],
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        mapped: tuple[str, ...] = (),
    ) -> Key:
        """The key of a call's arguments: the same however they are given, defaults spelled out or not.

        `mapped` names parameters that are given later.
        """
        bound = self._bind(function, args, kwargs)
        if bound is None:
            return self.of((args, dict(sorted(kwargs.items()))))
        for name, parameter in bound.signature.parameters.items():
            if name not in bound.arguments and name not in mapped and parameter.default is not parameter.empty:
                bound.arguments[name] = parameter.default
        return self.of(dict(sorted(bound.arguments.items())))

    def _bind(
        self, function: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]
    ) -> inspect.BoundArguments | None:
        known = self._signatures.get(id(function))
        if known is None:
            try:
                signature: Any = inspect.signature(function)
            except (TypeError, ValueError):
                signature = None
            known = self._signatures[id(function)] = function, signature
        try:
            return None if known[1] is None else known[1].bind_partial(*args, **kwargs)
        except TypeError:
            return None
