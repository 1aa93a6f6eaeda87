"""What a client hands to an orchestrator: a graph, its blobs, and where to run it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from wf_jupyter.errors import InputError
from wf_jupyter.model.graph import GraphSpec
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.policy import ExecutionOptions


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Where a worker runs: the submitting process's interpreter, directory, module path and variables.

    `variables` may hold secrets: they are passed on in memory and never stored. `flags` are those that the
    interpreter was started with (`-O`, `-X dev`). `hidden` names modules that the process imported although a
    file of that name stands first on the path: beside the notebook there may be a `json.py`.
    """

    executable: str
    directory: str
    path: tuple[str, ...]
    variables: Mapping[str, str] = {}
    flags: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


class Reuse(msgspec.Struct, frozen=True, kw_only=True):
    """Take results from a finished execution where lineages agree, but compute `fresh_from` and all after it anew."""

    execution: str
    fresh_from: tuple[str, ...] = ()


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow with its inputs bound, ready to run.

    `blobs` holds the bytes behind every digest in the graph. `inputs` are bounded texts for people;
    the values themselves are inside the blobs. `owner` says who asked, for display only.
    """

    workflow: str
    graph: GraphSpec
    blobs: Mapping[Digest, bytes]
    environment: Environment
    inputs: Mapping[str, str] = {}
    options: ExecutionOptions = ExecutionOptions()
    owner: str = ""
    notebook: str = ""
    reuse: Reuse | None = None


class Expansion(msgspec.Struct, frozen=True, kw_only=True):
    """The graph that a task returned instead of a value (`other.bind(...)`)."""

    graph: GraphSpec
    blobs: Mapping[Digest, bytes]


def check_blobs(submission: Submission) -> None:
    """`InputError` naming a digest of the graph whose bytes are missing."""
    graph, blobs = submission.graph, submission.blobs
    wanted = [digest for node in graph.nodes for digest in (node.code, node.call)]
    wanted += [over.literal for node in graph.nodes for over in node.over if over.literal is not None]
    wanted += [node.coverage for node in graph.nodes if node.coverage is not None]
    if graph.arguments is not None:
        wanted.append(graph.arguments)
    for digest in [*wanted, graph.result.template]:
        if digest not in blobs:
            raise InputError(f"the submission lacks the blob {digest!r}", "blobs")
