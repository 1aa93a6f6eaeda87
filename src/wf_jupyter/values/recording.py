"""Turns a call into bytes at the moment when it is made, so that what changes afterwards does not change it.

This is also where an object that cannot travel is found, so the messages name the task and the
parameter, and the traceback ends at the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from wf_jupyter.errors import WorkflowDefinitionError, WorkflowError
from wf_jupyter.model.draft import DraftNode, Items, NodeRef, PackedCall, PackedItems, Source
from wf_jupyter.model.graph import Need
from wf_jupyter.model.keys import Digest
from wf_jupyter.values import container
from wf_jupyter.values.arguments import Describer
from wf_jupyter.values.blobs import Blobs
from wf_jupyter.values.code import code_pieces
from wf_jupyter.values.codec import Chunk, Reference, encode, encode_apart
from wf_jupyter.values.keying import Keying
from wf_jupyter.values.known_secrets import KnownSecrets
from wf_jupyter.values.parameters import KnownParameters
from wf_jupyter.values.refusals import refuse_argument, refuse_code, refuse_item, refuse_result
from wf_jupyter.values.secret import hide_secrets
from wf_jupyter.values.unchanged import Parts, parts_of, same

References = Callable[[object], Reference | None]
#: Positions of results among the needs of a node, and the names of those that are given by name, which come last.
_Reads = tuple[tuple[int, ...], tuple[str, ...]]
_NUMBERS = (type(None), bool, int, float)


class _Known:
    """A function that was packed before."""

    __slots__ = ("code", "function", "parts")

    def __init__(self, function: Callable[..., object], parts: Parts | None, code: Digest) -> None:
        self.function = function  # kept alive, so that its id stays its own
        self.parts = parts
        self.code = code


class Recorder:
    """Packs the calls of one draft. What several calls have in common is held once.

    `inline` says that the tasks will run in this process; `uses_cache`, that a task of the graph is cached, which
    is found out otherwise.
    """

    def __init__(self, *, inline: bool = False, uses_cache: bool = False) -> None:
        self._blobs = Blobs()
        self._known = KnownSecrets.inherit()
        self._parameters = KnownParameters()
        self._describer = Describer(self._known, self._parameters)
        self._codes: dict[tuple[int, tuple[type[BaseException], ...]], _Known] = {}
        self._calls: dict[_Reads, tuple[Digest, tuple[Digest, ...]]] = {}
        self._keying = Keying(self._is_unchanged, inline=inline, uses_cache=uses_cache)

    @property
    def blobs(self) -> Mapping[Digest, bytes]:
        """The bytes behind every digest so far."""
        return self._blobs.held

    def hide_secrets(self, name: str, value: object, is_marked: bool = False) -> object:
        """`value` without what is secret in it, which is known from now on: see `values.secret.hide_secrets`."""
        return hide_secrets(name, value, is_marked, self._known)

    def mask(self, text: str) -> str:
        """`text` with `•••` where a secret stands that is known."""
        return self._known.mask(text)

    def pack(self, node: DraftNode) -> None:
        """Pack a node's code, arguments and mapped lists, and let the objects go.

        Raises `InputError` when an argument cannot be sent and `WorkflowDefinitionError` when the code
        cannot, each naming the task.
        """
        code = self._code(node)
        call, large = self._call(node)
        over: dict[str, Source] = {
            parameter: self._items(node, parameter, source.values) if isinstance(source, Items) else source
            for parameter, source in node.over.items()
        }
        node.packed = PackedCall(code, call, large, self._describer.of(node))
        self._keying.add(node, node.packed)
        node.args, node.kwargs, node.over = (), {}, over

    def template(self, workflow: str, result: object, needs: Sequence[Need]) -> Digest:
        """Encode what a workflow's body returned, after its last call; `WorkflowDefinitionError` when it cannot be."""
        self._keying.finish()
        references = referring(needs, "the workflow's return value")
        try:
            return self._blobs.add(b"".join(encode(result, references)))
        except WorkflowError:
            raise
        except Exception as error:
            raise refuse_result(workflow, result, references, error) from error

    def add(self, blob: bytes) -> Digest:
        """Hold one more blob."""
        return self._blobs.add(blob)

    def _is_unchanged(self, live: DraftNode, node: DraftNode) -> bool:
        """Whether the objects of a call still have the bytes that it was packed to."""
        packed = node.packed
        assert packed is not None
        try:
            if self._code(live) != packed.code or self._call(live) != (packed.call, packed.large):
                return False
            for parameter, source in live.over.items():
                given = node.over[parameter]
                if isinstance(source, Items) and isinstance(given, PackedItems):
                    items = self._encode_items(live, parameter, source.values)
                    if not self._blobs.matches(given.literal, list(container.chunks(items))):
                        return False
        except Exception:  # what can no longer be pickled has changed
            return False
        return True

    def _code(self, node: DraftNode) -> Digest:
        key = (id(node.function), node.retry_on)
        known = self._codes.get(key)
        parts = parts_of(node.function)
        if known is not None and parts is not None and known.parts is not None and same(parts, known.parts):
            return known.code
        try:
            pieces = code_pieces(node.function, node.retry_on, _refusing(node))
        except WorkflowError:
            raise
        except Exception as error:
            raise refuse_code(node, _refusing(node), error) from error
        if known is not None and self._blobs.matches(known.code, pieces):
            return known.code
        code = self._blobs.add(b"".join(pieces))
        self._codes[key] = _Known(node.function, parts, code)
        return code

    def _call(self, node: DraftNode) -> tuple[Digest, tuple[Digest, ...]]:
        reads = _results_only(node)
        if reads is None:
            return self._pack_call(node)
        # Nothing but results of other tasks: most calls of a graph, and often alike.
        known = self._calls.get(reads)
        if known is None:
            known = self._calls[reads] = self._pack_call(node)
        return known

    def _pack_call(self, node: DraftNode) -> tuple[Digest, tuple[Digest, ...]]:
        references = referring(node.needs, f"an argument of task {node.key!r}")
        large: list[Digest] = []

        def keep(data: Chunk) -> int:
            # A content that occurs twice in one call is two objects there, so it gets two numbers.
            large.append(self._blobs.add(data))
            return len(large) - 1

        try:
            call = self._blobs.add(encode_apart(self._without_secrets(node), keep, references))
        except WorkflowError:
            raise
        except Exception as error:
            raise refuse_argument(node, references, error) from error
        return call, tuple(large)

    def _items(self, node: DraftNode, parameter: str, values: Sequence[object]) -> PackedItems:
        items = self._encode_items(node, parameter, values)
        return PackedItems(self._blobs.add(b"".join(container.chunks(items))), len(items))

    def _encode_items(self, node: DraftNode, parameter: str, values: Sequence[object]) -> list[list[Chunk]]:
        references = referring(node.needs, f"an item of {parameter!r} of task {node.key!r}")
        marked = parameter in self._parameters.of(node.function).marked
        items = []
        for index, value in enumerate(values):
            try:
                items.append(encode(self.hide_secrets(parameter, value, marked), references))
            except WorkflowError:
                raise
            except Exception as error:
                raise refuse_item(node, parameter, index, value, references, error) from error
        return items

    def _without_secrets(self, node: DraftNode) -> tuple[tuple[object, ...], dict[str, object]]:
        """The arguments, with what is secret in them sealed."""
        parameters = self._parameters.of(node.function)
        if not node.kwargs and parameters.shows(len(node.args)) and all(map(_holds_nothing, node.args)):
            return node.args, node.kwargs
        marked = parameters.marked
        found = zip(parameters.first(len(node.args)), node.args, strict=True)
        args = tuple([self.hide_secrets(name, value, name in marked) for name, value in found])
        return args, {name: self.hide_secrets(name, value, name in marked) for name, value in node.kwargs.items()}


def _results_only(node: DraftNode) -> _Reads | None:
    """Which of a node's needs its arguments are, when they are whole results and nothing else."""
    given = (*node.args, *node.kwargs.values())
    if not given or not all(isinstance(value, NodeRef) and not value.path for value in given):
        return None
    needs = node.needs
    try:
        return tuple([needs.index(ref.need) for ref in given]), tuple(node.kwargs)  # type: ignore[attr-defined]
    except ValueError:
        return None


def _holds_nothing(value: object) -> bool:
    return type(value) in _NUMBERS or isinstance(value, NodeRef)


def referring(needs: Sequence[Need], place: str) -> References:
    """Make the function that `codec.encode` asks about each object: its position among `needs`, or None."""
    positions = {need: position for position, need in enumerate(needs)}

    def references(obj: object) -> Reference | None:
        if not isinstance(obj, NodeRef):
            return None
        position = positions.get(obj.need)
        if position is None:
            raise WorkflowDefinitionError(
                f"the result of {obj.source!r} is hidden inside an object in {place}, where it cannot be filled in. "
                "Pass it as an argument of its own, or inside a list, tuple, dict or set."
            )
        return position, obj.path

    return references


def _refusing(node: DraftNode) -> References:
    def references(obj: object) -> Reference | None:
        if isinstance(obj, NodeRef):
            raise WorkflowDefinitionError(
                f"the code of task {node.key!r} uses the result of {obj.source!r} from the surrounding workflow. "
                "Pass it as an argument of its own."
            )
        return None

    return references
