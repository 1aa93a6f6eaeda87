"""Sends the large inputs of a submission before it, in parts that every server and proxy takes."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import msgspec

from wf_jupyter.errors import InputError, ServerUnavailable, ValueTooLarge, WorkflowError
from wf_jupyter.model.submission import Submission, split_large
from wf_jupyter.protocol.problems import UNEXPLAINED

#: Bytes of one part. Small, because the server handles each within one turn of its loop.
PART = 4 << 20
#: Proxies take at least so much; a larger request that was refused is told with its size.
_ALWAYS_TAKEN = 1 << 20

#: Called with an upload, a digest, an offset and the bytes that stand there.
Write = Callable[[str, str, int, memoryview], object]


def upload_blobs(submission: Submission, write: Write, part: int = PART) -> Submission:
    """The submission without its large blobs, which `write` has stored; raises what `write` raises."""
    blobs, large = split_large(submission.graph, submission.blobs)
    if not large:
        return submission
    upload = f"upload-{secrets.token_hex(16)}"
    for digest, data in large.items():
        view = memoryview(data)
        for offset in range(0, len(view), part):
            write(upload, digest, offset, view[offset : offset + part])
    return msgspec.structs.replace(submission, blobs=blobs, upload=upload)


def explain_refusal(error: WorkflowError, size: int, what: str, url: str) -> WorkflowError:
    """The error to raise for a request with a body of `size` bytes that failed with `error`."""
    is_answer_of_ours = not str(error).startswith(UNEXPLAINED) and not isinstance(error, ServerUnavailable)
    if size <= _ALWAYS_TAKEN or (is_answer_of_ours and not isinstance(error, ValueTooLarge)):
        return error
    return InputError(
        f"{what} {size:,} bytes, and the server at {url} did not take them in one request: a Jupyter server's limit "
        f"is c.ServerApp.max_body_size (512 MiB unless set), a proxy's may be lower. Arrays and other large arguments "
        f"are sent in parts and have no such limit: pass large data to tasks as arguments, or let a task read it from "
        f"a file ({error})"
    )
