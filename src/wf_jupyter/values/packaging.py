"""From a draft, which holds Python objects, to a graph and blobs of bytes that can be sent and stored.

This is where an object that cannot travel is found, so the messages name the task and the parameter.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from wf_jupyter.errors import InputError, WorkflowDefinitionError, WorkflowError
from wf_jupyter.model.arguments import encode_arguments
from wf_jupyter.model.draft import Draft, DraftNode, Each, Items, NodeRef, Source, path_label
from wf_jupyter.model.graph import Coverage, GraphSpec, NodeSpec, Over, ResultSpec
from wf_jupyter.model.keys import Digest, TaskKey
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.submission import Environment, Expansion, Submission
from wf_jupyter.values import container
from wf_jupyter.values.arguments import Describer
from wf_jupyter.values.code import encode_code
from wf_jupyter.values.codec import Chunk, Reference, encode, encode_bytes
from wf_jupyter.values.digest import digest
from wf_jupyter.values.fingerprint import NodeKey, NodeKeys
from wf_jupyter.values.outline import outline
from wf_jupyter.values.preview import shorten

_REASON_LIMIT = 500


def pack(
    draft: Draft,
    environment: Environment,
    options: ExecutionOptions | None = None,
    owner: str = "",
    notebook: str = "",
) -> Submission:
    """The draft as a submission.

    Raises `InputError` when an argument cannot be sent and `WorkflowDefinitionError` when a task's
    code cannot, each naming the task.
    """
    options = options or ExecutionOptions()
    packer = _Packer(inline=options.executor == "inline")
    return Submission(
        workflow=draft.workflow,
        graph=packer.graph(draft),
        blobs=packer.blobs,
        environment=environment,
        inputs=dict(draft.inputs),
        options=options,
        owner=owner,
        notebook=notebook,
    )


def pack_expansion(
    draft: Draft,
    splits: Sequence[str] = (),
    *,
    wants_truth: bool = False,
    above: Coverage | None = None,
    inline: bool = False,
) -> Expansion:
    """The draft as the graph that a running task returned; raises as `pack` does.

    `above` is what the key of that task covers, `inline` says that its tasks run in this process.
    `splits` are the parts of the task's result that something is mapped over, and `wants_truth` says
    that a condition asks for it: then the node that gives the result must tell, so there must be one.
    """
    if splits or wants_truth:
        _tell_of_result(draft, splits)
    packer = _Packer(inline=inline, above=above)
    return Expansion(graph=packer.graph(draft), blobs=packer.blobs)


def _tell_of_result(draft: Draft, splits: Sequence[str]) -> None:
    given = draft.result
    nodes = {node.key: node for node in draft.nodes}
    if isinstance(given, NodeRef) and _is_alias(given):
        node = nodes[given.source]
        if not node.over:
            node.splits += [label for label in splits if label not in node.splits]
            return
        if not any(splits):
            return
    key = TaskKey(next(name for name in map("collect-{}".format, itertools.count(1)) if name not in nodes))
    draft.nodes.append(
        DraftNode(key, "collect", returned, (given,), needs=list(draft.result_needs), splits=list(splits))
    )
    draft.result = NodeRef(key)
    draft.result_needs = [draft.result.need]


def returned(value: object) -> object:
    """The code of a task that only passes on what a workflow returned."""
    return value


def _is_alias(result: object) -> bool:
    return isinstance(result, NodeRef) and not result.path and result.kind == "value"


def _shown(result: object, position: Callable[[NodeRef], int]) -> dict[str, Any]:
    if isinstance(result, NodeRef):
        return {"is_alias": _is_alias(result)}
    length = len(result) if isinstance(result, list | tuple | dict | set | frozenset) else None
    return {"type": type(result).__name__, "length": length, "text": outline(result, position)}


class _Packer:
    def __init__(self, *, inline: bool = False, above: Coverage | None = None) -> None:
        self.blobs: dict[Digest, bytes] = {}
        self._node_keys = NodeKeys(inline=inline, above=above or Coverage())
        self._uses_cache = False
        self._coverages: dict[int, tuple[Coverage, Digest]] = {}
        self._codes: dict[tuple[int, tuple[type[BaseException], ...]], Digest] = {}

    def graph(self, draft: Draft) -> GraphSpec:
        self._uses_cache = any(node.options.cache is not False for node in draft.nodes)
        nodes = tuple(self._node(node) for node in draft.nodes)
        try:
            template = encode_bytes(draft.result, _referring(draft.position, "the workflow's return value"))
        except WorkflowError:
            raise
        except Exception as error:
            raise WorkflowDefinitionError(
                f"the return value of workflow {draft.workflow!r} cannot be sent: {_reason(error)}"
            ) from error
        result = ResultSpec(
            template=self._add(template), needs=tuple(draft.result_needs), **_shown(draft.result, draft.position)
        )
        describer = Describer()
        arguments = {node.key: told for node in draft.nodes if (told := describer.of(node))}
        return GraphSpec(
            nodes=nodes,
            result=result,
            scopes=tuple(draft.scopes),
            arguments=self._add(encode_arguments(arguments)) if arguments else None,
        )

    def _node(self, node: DraftNode) -> NodeSpec:
        # Only a graph that uses the cache is looked into: it takes time, and large values take long.
        key = self._node_keys.of(node) if self._uses_cache else None
        return NodeSpec(
            key=node.key,
            name=node.name,
            code=self._code(node),
            call=self._call(node),
            needs=tuple(node.needs),
            over=tuple(self._over(node, parameter, source, key) for parameter, source in node.over.items()),
            group=node.group,
            options=node.options,
            splits=tuple(node.splits),
            fingerprint=key and key.fingerprint,
            given=key and key.given,
            reads=key.reads if key else (),
            coverage=self._coverage(key.coverage) if key and node.options.cache is not False else None,
        )

    def _coverage(self, coverage: Coverage) -> Digest:
        if id(coverage) not in self._coverages:
            self._coverages[id(coverage)] = coverage, self._add(msgspec.msgpack.encode(coverage))
        return self._coverages[id(coverage)][1]

    def _code(self, node: DraftNode) -> Digest:
        # A draft keeps its functions alive, so their ids are unique while it is being packed.
        known = (id(node.function), node.retry_on)
        if known not in self._codes:
            try:
                blob = encode_code(node.function, node.retry_on, _refusing(node))
            except WorkflowError:
                raise
            except Exception as error:
                raise WorkflowDefinitionError(
                    f"the code of task {node.key!r} cannot be sent to a worker: {_reason(error)}. "
                    "Create such an object inside the task, or pass what is needed to create it as an argument."
                ) from error
            self._codes[known] = self._add(blob)
        return self._codes[known]

    def _call(self, node: DraftNode) -> Digest:
        references = _referring(node.position, f"an argument of task {node.key!r}")
        try:
            return self._add(encode_bytes((node.args, node.kwargs), references))
        except WorkflowError:
            raise
        except Exception as error:
            parameter, cause = _culprit(node, references, error)
            raise InputError(
                f"argument {parameter!r} of task {node.key!r} cannot be sent to a worker: {_reason(cause)}", parameter
            ) from error

    def _over(self, node: DraftNode, parameter: str, source: Source, key: NodeKey | None) -> Over:
        match source:
            case NodeRef():
                return Over(parameter=parameter, source=source.source, path=path_label(source.path))
            case Each(refs=refs):
                return Over(parameter=parameter, each=tuple(ref.source for ref in refs))
            case Items(values=values):
                items = [self._item(node, parameter, index, value) for index, value in enumerate(values)]
                literal = self._add(b"".join(container.chunks(items)))
                digests = key.items[parameter] if key else ()
                return Over(parameter=parameter, literal=literal, length=len(items), digests=digests)

    def _item(self, node: DraftNode, parameter: str, index: int, value: object) -> list[Chunk]:
        try:
            return encode(value, _referring(node.position, f"an item of {parameter!r} of task {node.key!r}"))
        except WorkflowError:
            raise
        except Exception as error:
            raise InputError(
                f"item {index} of {parameter!r} of task {node.key!r} cannot be sent to a worker: {_reason(error)}",
                parameter,
            ) from error

    def _add(self, blob: bytes) -> Digest:
        name = digest(blob)
        self.blobs.setdefault(name, blob)
        return name


def _referring(position: Callable[[NodeRef], int], place: str) -> Callable[[object], Reference | None]:
    def references(obj: object) -> Reference | None:
        if not isinstance(obj, NodeRef):
            return None
        try:
            return position(obj), obj.path
        except ValueError:
            raise WorkflowDefinitionError(
                f"the result of {obj.source!r} is hidden inside an object in {place}, where it cannot be filled in. "
                "Pass it as an argument of its own, or inside a list, tuple, dict or set."
            ) from None

    return references


def _refusing(node: DraftNode) -> Callable[[object], Reference | None]:
    def references(obj: object) -> Reference | None:
        if isinstance(obj, NodeRef):
            raise WorkflowDefinitionError(
                f"the code of task {node.key!r} uses the result of {obj.source!r} from the surrounding workflow. "
                "Pass it as an argument of its own."
            )
        return None

    return references


def _culprit(
    node: DraftNode, references: Callable[[object], Reference | None], error: Exception
) -> tuple[str, Exception]:
    names = getattr(getattr(node.function, "__code__", None), "co_varnames", ())
    named = [(names[i] if i < len(names) else str(i), value) for i, value in enumerate(node.args)]
    for name, value in [*named, *node.kwargs.items()]:
        try:
            encode(value, references)
        except Exception as found:  # any object may refuse to be pickled in its own way
            return name, found
    return "?", error


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return shorten(str(error) or type(error).__name__, _REASON_LIMIT)
