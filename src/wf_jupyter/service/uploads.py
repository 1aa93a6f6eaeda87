"""Large parts of a submission that come before it, piece by piece, as files.

One request, one row of the database and one message to a worker each have a limit; a file has none.
So what is large (arrays among the arguments, lists that are mapped over) is written into a folder of
its own first, and the execution that it is for takes it over by linking the files into its own.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from wf_jupyter.errors import InputError, StoreError
from wf_jupyter.model.stimuli import Value
from wf_jupyter.model.submission import Submission, large_digests
from wf_jupyter.ports import Store
from wf_jupyter.protocol.rest import MAX_OFFSET
from wf_jupyter.values.files import named_path, write_at

_UPLOAD = re.compile(r"upload-[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{32}")


class Uploads:
    """Receives files and hands them to executions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def write(self, upload: str, digest: str, offset: int, data: bytes | memoryview) -> None:
        """Write `data` at `offset` of a file; may be repeated. `InputError`, or `StoreError` when the disk is full."""
        if _UPLOAD.fullmatch(upload) is None:
            raise InputError(f"{upload!r} is no upload: it is 'upload-' and 32 hexadecimal digits", "upload")
        if _DIGEST.fullmatch(digest) is None:
            raise InputError(f"{digest!r} is no digest: it has 32 hexadecimal digits", "digest")
        if not 0 <= offset <= MAX_OFFSET:
            raise InputError(f"offset={offset} is not allowed: it must be between 0 and {MAX_OFFSET}", "offset")
        if not data:
            raise InputError("a part of an input needs a body: the bytes from `offset` on", "body")
        try:
            path = named_path(self._store.directory(upload), digest)
            await asyncio.to_thread(write_at, path, offset, data)
        except OSError as error:
            raise StoreError(f"an input cannot be stored: {error.strerror or error}") from error

    async def take_over(self, submission: Submission, execution: str, source: str = "") -> None:
        """Let `execution` keep the files that its submission refers to; `InputError` when one is missing.

        `source` is the execution that has them already, in place of an upload.
        """
        missing = [digest for digest in large_digests(submission.graph) if digest not in submission.blobs]
        if source:
            # Also those of graphs that tasks returned: what is reused refers to them.
            await self._adopt(_blobs_in(self._store.directory(source)), execution)
        elif missing and _UPLOAD.fullmatch(submission.upload):
            folder = self._store.directory(submission.upload)
            if await self._adopt([named_path(folder, digest) for digest in missing], execution):
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        kept = self._store.directory(execution) if missing else None
        for digest in missing:
            if kept is None or not named_path(kept, digest).is_file():
                raise InputError(f"the submission lacks the blob {digest!r}, and no upload has it", "blobs")

    async def _adopt(self, paths: Iterable[Path], execution: str) -> bool:
        values = [Value(part=path.name, path=str(path), size=0) for path in paths]
        return not values or await self._store.adopt(values, execution) is not None


def _blobs_in(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in os.scandir(folder) if _DIGEST.fullmatch(entry.name.partition(".")[0])]
