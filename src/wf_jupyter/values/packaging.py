"""From a draft, whose calls are packed already, to a graph and blobs of bytes that can be sent and stored."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from wf_jupyter.model.arguments import encode_arguments
from wf_jupyter.model.draft import (
    Draft,
    DraftNode,
    Each,
    Items,
    NodeKey,
    NodeRef,
    PackedCall,
    PackedItems,
    Source,
    path_label,
)
from wf_jupyter.model.graph import Coverage, GraphSpec, NodeSpec, Over, ResultSpec
from wf_jupyter.model.keys import Digest, TaskKey
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.submission import Environment, Expansion, Submission, digests_of
from wf_jupyter.values.importable import strange_modules
from wf_jupyter.values.outline import outline
from wf_jupyter.values.recording import Recorder
from wf_jupyter.values.refusals import check_modules


def pack(
    draft: Draft,
    environment: Environment,
    options: ExecutionOptions | None = None,
    owner: str = "",
    notebook: str = "",
) -> Submission:
    """The draft as a submission; raises as `Recorder.pack` does if a call is not packed yet."""
    options = options or ExecutionOptions()
    inline = options.executor == "inline"
    graph, blobs = _pack_draft(draft, inline=inline)
    if not inline and (strange := strange_modules()):
        for node in graph.nodes:
            check_modules(node.key, blobs[node.code], blobs[node.call], strange)
    return Submission(
        workflow=draft.workflow,
        graph=graph,
        blobs=blobs,
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
    graph, blobs = _pack_draft(draft, inline=inline, above=above)
    return Expansion(graph=graph, blobs=blobs)


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
    draft.template = None


def returned(value: object) -> object:
    """The code of a task that only passes on what a workflow returned."""
    return value


def _is_alias(result: object) -> bool:
    return isinstance(result, NodeRef) and not result.path and result.kind == "value"


def _result_template(result: object, position: Callable[[NodeRef], int]) -> dict[str, Any]:
    if isinstance(result, NodeRef):
        return {"is_alias": _is_alias(result)}
    length = len(result) if isinstance(result, list | tuple | dict | set | frozenset) else None
    return {"type": type(result).__name__, "length": length, "text": outline(result, position)}


def _pack_draft(
    draft: Draft, *, inline: bool = False, above: Coverage | None = None
) -> tuple[GraphSpec, dict[Digest, bytes]]:
    uses_cache = any(node.options.cache is not False for node in draft.nodes)
    recorder = Recorder(inline=inline, uses_cache=uses_cache)
    calls = {node.key: _call(recorder, node) for node in draft.nodes}
    template = draft.template or recorder.template(draft.workflow, draft.result, draft.result_needs)
    arguments = {key: call.arguments for key, call in calls.items() if call.arguments}
    arguments_digest = recorder.add(encode_arguments(arguments)) if arguments else None
    coverages = _coverages(recorder, draft, calls, above)
    draft.blobs = {**draft.blobs, **recorder.blobs}
    graph = GraphSpec(
        nodes=tuple(_node(node, calls[node.key], coverages.get(node.key)) for node in draft.nodes),
        result=ResultSpec(
            template=template, needs=tuple(draft.result_needs), **_result_template(draft.result, draft.position)
        ),
        scopes=tuple(draft.scopes),
        arguments=arguments_digest,
    )
    return graph, {digest: draft.blobs[digest] for digest in digests_of(graph)}


def _call(recorder: Recorder, node: DraftNode) -> PackedCall:
    if node.packed is None:
        recorder.pack(node)
    assert node.packed is not None
    return node.packed


def _coverages(
    recorder: Recorder, draft: Draft, calls: Mapping[TaskKey, PackedCall], above: Coverage | None
) -> dict[TaskKey, Digest]:
    """Digests, by cached node, of what its key covers, `above` included."""
    known: dict[int, Digest] = {}
    found = {}
    for node in draft.nodes:
        key = calls[node.key].key
        if key is not None and node.options.cache is not False:
            coverage = key.coverage
            if id(coverage) not in known:
                known[id(coverage)] = recorder.add(msgspec.msgpack.encode(_merge(coverage, above)))
            found[node.key] = known[id(coverage)]
    return found


def _merge(coverage: Coverage, above: Coverage | None) -> Coverage:
    if above is None:
        return coverage
    return Coverage(
        modules={**above.modules, **coverage.modules},
        is_open=above.is_open or coverage.is_open,
        reason=coverage.reason or above.reason,
    )


def _node(node: DraftNode, call: PackedCall, coverage: Digest | None) -> NodeSpec:
    key = call.key
    return NodeSpec(
        key=node.key,
        name=node.name,
        code=call.code,
        call=call.call,
        large=call.large,
        needs=tuple(node.needs),
        over=tuple(_over(parameter, source, key) for parameter, source in node.over.items()),
        group=node.group,
        options=node.options,
        splits=tuple(node.splits),
        fingerprint=key and key.fingerprint,
        given=key and key.given,
        reads=key.reads if key else (),
        coverage=coverage,
    )


def _over(parameter: str, source: Source, key: NodeKey | None) -> Over:
    match source:
        case NodeRef():
            return Over(parameter=parameter, source=source.source, path=path_label(source.path))
        case Each(refs=refs):
            return Over(parameter=parameter, each=tuple(ref.source for ref in refs))
        case PackedItems(literal=literal, length=length):
            digests = key.items[parameter] if key else ()
            return Over(parameter=parameter, literal=literal, length=length, digests=digests)
        case Items():
            raise AssertionError("a mapped list is packed with its call")
