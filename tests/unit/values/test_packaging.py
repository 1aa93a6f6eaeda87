"""From drafts to graphs and blobs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from wf_jupyter.errors import InputError, WorkflowDefinitionError
from wf_jupyter.model.draft import Draft, DraftNode, Each, Items, NodeRef
from wf_jupyter.model.graph import Need, check_graph
from wf_jupyter.model.keys import TaskKey
from wf_jupyter.model.submission import Environment
from wf_jupyter.values import container
from wf_jupyter.values.code import decode_code
from wf_jupyter.values.codec import decode
from wf_jupyter.values.digest import digest
from wf_jupyter.values.packaging import pack, pack_expansion

HERE = Environment(executable="python", directory="/", path=())
A, B, C = TaskKey("a"), TaskKey("b"), TaskKey("c")


def add(x: object, y: object = 0) -> object:
    return (x, y)


def node(key: TaskKey, function: Callable[..., object] = add, **fields: Any) -> DraftNode:
    return DraftNode(key=key, name=key, function=function, **fields)


def two(second: DraftNode, result: object = None) -> Draft:
    return Draft("w", nodes=[node(A, args=(1,)), second], result=result)


def test_a_draft_becomes_a_graph_whose_digests_are_all_there() -> None:
    ref = NodeRef(A, ("k",))
    draft = two(node(B, args=(ref,), kwargs={"y": [ref, {"z": NodeRef(A)}]}, needs=[Need(A)]), {"out": NodeRef(B)})
    draft.result_needs = [Need(B)]
    submission = pack(draft, HERE, owner="me")
    graph = submission.graph
    check_graph(graph)
    assert (submission.workflow, submission.owner, submission.environment) == ("w", "me", HERE)
    for blob_digest, blob in submission.blobs.items():
        assert digest(blob) == blob_digest
    second = graph.nodes[1]
    call = decode(submission.blobs[second.call], lambda position, path: (position, path))
    assert call == (((0, ("k",)),), {"y": [(0, ("k",)), {"z": (0, ())}]})
    assert decode(submission.blobs[graph.result.template], lambda position, path: (position, path)) == {"out": (0, ())}
    code = decode_code(submission.blobs[second.code])
    assert code.function(1) == (1, 0)
    assert code.retry_on == (Exception,)


def test_equal_nodes_share_their_blobs() -> None:
    submission = pack(Draft("w", nodes=[node(TaskKey(f"n{i}"), args=(1,)) for i in range(50)]), HERE)
    assert len({spec.code for spec in submission.graph.nodes}) == 1
    assert len(submission.blobs) == 4, "code, call, what is returned, and what people read of the calls"


def test_literal_lists_become_containers_and_results_references() -> None:
    over = {"x": Items([1, np.arange(3)]), "y": Each((NodeRef(A), NodeRef(B))), "z": NodeRef(A, ("train", 0))}
    draft = Draft("w", nodes=[node(A), node(B), node(C, over=over)])
    expansion = pack_expansion(draft)
    x, y, z = expansion.graph.nodes[2].over
    assert x.literal is not None
    blob = expansion.blobs[x.literal]
    assert (x.parameter, x.length, container.count(blob)) == ("x", 2, 2)
    assert decode(container.item(blob, 0)) == 1
    assert list(decode(container.item(blob, 1))) == [0, 1, 2]  # type: ignore[call-overload]
    assert (y.parameter, y.each) == ("y", (A, B))
    assert (z.parameter, z.source, z.path) == ("z", A, '["train", 0]')


def test_an_argument_that_cannot_travel_is_named() -> None:
    draft = two(node(B, args=(1, threading.Lock())))
    with pytest.raises(InputError, match=r"'y' of task 'b'.*lock") as caught:
        pack(draft, HERE)
    assert caught.value.field == "y"
    draft = two(node(B, args=(1,), kwargs={"y": [open]}, over={"x": Items([1, threading.Lock()])}))
    with pytest.raises(InputError, match="item 1 of 'x' of task 'b'"):
        pack(draft, HERE)


def test_code_that_cannot_travel_is_named() -> None:
    lock = threading.Lock()
    with pytest.raises(WorkflowDefinitionError, match=r"code of task 'b'.*lock"):
        pack(two(node(B, function=lambda: lock)), HERE)


def test_a_result_hidden_in_code_or_in_an_object_is_refused_with_what_to_do() -> None:
    ref = NodeRef(A)

    class Box:
        def __init__(self) -> None:
            self.inside = ref

    with pytest.raises(WorkflowDefinitionError, match="task 'b' uses the result of 'a'.*argument of its own"):
        pack(two(node(B, function=lambda: ref)), HERE)
    with pytest.raises(WorkflowDefinitionError, match="'a' is hidden inside an object in an argument of task 'b'"):
        pack(two(node(B, args=(Box(),))), HERE)
    with pytest.raises(WorkflowDefinitionError, match="the workflow's return value"):
        pack(two(node(B), result=Box()), HERE)


def test_a_return_value_that_cannot_travel_is_named() -> None:
    with pytest.raises(WorkflowDefinitionError, match="return value of workflow 'w'"):
        pack(two(node(B), result=threading.Lock()), HERE)
    place = r"holds a _thread.lock at result\['model'\]\[1\]. Return results of tasks"
    with pytest.raises(WorkflowDefinitionError, match=place):
        pack(two(node(B), result={"model": [1, threading.Lock()]}), HERE)
