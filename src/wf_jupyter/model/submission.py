"""A submission from a client to an orchestrator: a graph, its blobs, and where to run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from wf_jupyter.errors import InputError
from wf_jupyter.model.graph import GraphSpec
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.policy import ExecutionOptions
from wf_jupyter.model.texts import native, portable


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Where a worker runs: the submitting process's interpreter, directory, module path and variables.

    `variables` may hold secrets: they are passed on in memory and never stored. `flags` are those that the
    interpreter was started with (`-O`, `-X dev`). `hidden` names modules that the process imported although a
    file of that name stands first on the path: beside the notebook there may be a `json.py`.
    All texts are `texts.portable`, as the system's own need not be UTF-8.
    """

    executable: str
    directory: str
    path: tuple[str, ...]
    variables: Mapping[str, str] = {}
    flags: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def _each(self, change: Callable[[str], str]) -> Environment:
        return msgspec.structs.replace(
            self,
            executable=change(self.executable),
            directory=change(self.directory),
            path=tuple(change(entry) for entry in self.path),
            variables={change(name): change(value) for name, value in self.variables.items()},
        )

    def to_portable(self) -> Environment:
        """With texts that can be sent."""
        return self._each(portable)

    def to_native(self) -> Environment:
        """With texts as the operating system takes them: for starting a process, never for a message."""
        return self._each(native)


class Reuse(msgspec.Struct, frozen=True, kw_only=True):
    """Take results from a finished execution where lineages agree, but compute `fresh_from` and all after it anew."""

    execution: str
    fresh_from: tuple[str, ...] = ()


#: Bytes from which on a buffer, a pickle or a mapped list is a file of its own instead of a part of something else.
LARGE = 1 << 18


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow with its inputs bound, ready to run.

    `blobs` holds the bytes behind every digest in the graph. `inputs` are bounded texts for people;
    the values themselves are inside the blobs. `owner` says who asked, for display only. Blobs of
    `large_digests` may be missing from `blobs`, if they were sent before as the files of an `upload`.
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
    upload: str = ""


class Expansion(msgspec.Struct, frozen=True, kw_only=True):
    """The graph that a task returned instead of a value (`other.bind(...)`); large blobs may be files already."""

    graph: GraphSpec
    blobs: Mapping[Digest, bytes]


def large_digests(graph: GraphSpec) -> list[Digest]:
    """The blobs that may be files: what is kept apart from arguments, and lists that are mapped over."""
    found: dict[Digest, None] = {}
    for node in graph.nodes:
        found.update(dict.fromkeys(node.large))
        found.update((over.literal, None) for over in node.over if over.literal is not None)
    return list(found)


def split_large(graph: GraphSpec, blobs: Mapping[Digest, bytes]) -> tuple[dict[Digest, bytes], dict[Digest, bytes]]:
    """The blobs that travel with the graph, and those that are better files."""
    large = {digest: blobs[digest] for digest in large_digests(graph) if len(blobs.get(digest, b"")) >= LARGE}
    return {digest: data for digest, data in blobs.items() if digest not in large}, large


def digests_of(graph: GraphSpec) -> list[Digest]:
    """Every blob that the graph refers to; those that may be files come last."""
    wanted = [digest for node in graph.nodes for digest in (node.code, node.call)]
    wanted += [node.coverage for node in graph.nodes if node.coverage is not None]
    if graph.arguments is not None:
        wanted.append(graph.arguments)
    return list(dict.fromkeys([*wanted, graph.result.template, *large_digests(graph)]))


def check_blobs(submission: Submission) -> None:
    """`InputError` naming a digest of the graph whose bytes are missing, other than those that may be files."""
    may_be_files = set(large_digests(submission.graph))
    for digest in digests_of(submission.graph):
        if digest not in submission.blobs and digest not in may_be_files:
            raise InputError(f"the submission lacks the blob {digest!r}", "blobs")
