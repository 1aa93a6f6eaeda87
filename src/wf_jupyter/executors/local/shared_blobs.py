"""Which blobs a worker already has: code, and arguments too large to be sent with every attempt."""

from __future__ import annotations

from collections import OrderedDict

from wf_jupyter.executors.local.process import WorkerProcess
from wf_jupyter.executors.wire.messages import Blob, Forget
from wf_jupyter.model.keys import Digest
from wf_jupyter.values.digest import digest

#: Arguments larger than this are sent once per worker, not once per attempt.
SHARED_CALL = 4096
#: Bytes kept by a worker; what was not used for longest goes first.
LIMIT = 256 << 20
#: The latest ones are kept whatever their size: attempts that are still in the queue refer to them.
_ALWAYS = 32


class BlobShelf:
    """The parent's record of one worker's blobs."""

    def __init__(self) -> None:
        self._sizes: OrderedDict[Digest, int] = OrderedDict()
        self._total = 0
        self._latest: tuple[bytes, Digest] | None = None

    def share(self, process: WorkerProcess, name: Digest, data: bytes) -> None:
        """Send the blob unless the worker has it."""
        if name in self._sizes:
            self._sizes.move_to_end(name)
            return
        process.send(Blob(name, data))
        self._sizes[name] = len(data)
        self._total += len(data)
        while self._total > LIMIT and len(self._sizes) > _ALWAYS:
            oldest, size = self._sizes.popitem(last=False)
            self._total -= size
            process.send(Forget(oldest))

    def digest_of(self, data: bytes) -> Digest:
        """The digest of arguments; the items of a mapped task come with the same bytes object, hashed once."""
        if self._latest is None or self._latest[0] is not data:
            self._latest = (data, digest(data))
        return self._latest[1]
