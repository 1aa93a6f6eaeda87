"""`ports.Store` on a data directory: one SQLite database, files for large values, locks for owners."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from msgspec import structs

from wf_jupyter.errors import StoreError
from wf_jupyter.model.directory import Peers
from wf_jupyter.model.events import Event
from wf_jupyter.model.history import Experience
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.snapshot import Parked, Summary
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.stimuli import Value
from wf_jupyter.ports import Batch, CacheEntry, Holding, Published, Record, Store
from wf_jupyter.store import database, listing, log, notes, published, removal
from wf_jupyter.store.cache import read_cached
from wf_jupyter.store.histories import read_histories, write_history
from wf_jupyter.store.open_files import OpenFiles
from wf_jupyter.store.owners import Ownership
from wf_jupyter.store.reader import Reader
from wf_jupyter.store.values import Places, read_values
from wf_jupyter.store.writer import Writer

#: A batch of so many events is committed on the caller's thread, when nobody else writes.
SMALL = 8


class SqliteStore(Store):
    """A data directory, opened by this process. Other processes may have it open at the same time.

    Make one with `open`. Methods may be called from any event loop; `claim`, `directory` and
    `shutdown` from any thread.
    """

    def __init__(
        self, epoch: str, files: OpenFiles, writer: Writer, reader: Reader, ownership: Ownership, places: Places
    ) -> None:
        self.epoch = epoch
        self._files = files
        self._writer = writer
        self._reader = reader
        self._ownership = ownership
        self._places = places

    @classmethod
    def open(cls, data_dir: Path | str, *, durability: database.Durability = "normal") -> SqliteStore:
        """Open a data directory, creating what is missing. Needs no event loop.

        Raises `StoreError` naming the file when it is corrupt, unreadable, or from a newer version.
        """
        folder = Path(data_dir).expanduser().resolve()
        path = folder / database.FILE_NAME
        epoch = database.prepare(folder)
        with database.raising_store_errors(path), ExitStack() as failing:
            ownership = Ownership(folder / "owners")
            failing.callback(ownership.release)
            files = OpenFiles(folder, path)
            writing = database.connect(path, durability)
            failing.callback(writing.close)
            reading = database.connect(path, read_only=True)
            failing.pop_all()
        store = cls(
            epoch,
            files,
            Writer("wf_jupyter-store-writer", writing, path, files),
            Reader("wf_jupyter-store-reader", reading, path),
            ownership,
            Places(folder),
        )
        try:
            store._finish_removals()
        except BaseException:
            store.shutdown()
            raise
        return store

    # -- executions ---------------------------------------------------------------------------

    async def append(self, batch: Batch) -> None:
        """Implement `ports.EventLog.append`; only the owner of an execution may append to it."""
        work = log.appending(batch, self._ownership.id, self._places)
        is_small = len(batch.events) <= SMALL and batch.submission is None and not batch.expansions
        await (self._writer.run_small(work) if is_small else self._writer.run(work))

    async def events(self, execution: str, after: int = 0, limit: int | None = None) -> list[Event]:
        """Implement `ports.EventLog.events`; `ExecutionNotFound`."""
        return await self._reader.run(
            lambda connection: log.read_events(connection, execution, after, limit, self._reader.path)
        )

    async def record(self, execution: str) -> Record:
        """Implement `ports.EventLog.record`."""
        return await self._reader.run(partial(log.read_record, execution=execution))

    async def blobs(self, execution: str) -> dict[Digest, bytes]:
        """Implement `ports.EventLog.blobs`; `ExecutionNotFound`."""
        return await self._reader.run(partial(log.read_blobs, execution=execution))

    async def blob(self, execution: str, digest: Digest) -> bytes | None:
        """Implement `ports.EventLog.blob`; `ExecutionNotFound`."""
        return await self._reader.run(partial(log.read_blob, execution=execution, digest=digest))

    async def summaries(
        self,
        *,
        status: ExecutionStatus | None = None,
        workflow: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Summary]:
        """Implement `ports.EventLog.summaries`."""
        return await self._reader.run(
            lambda connection: listing.read_summaries(connection, status, workflow, limit, before)
        )

    async def summary(self, execution: str) -> Summary:
        """Implement `ports.EventLog.summary`."""
        return await self._reader.run(partial(listing.read_summary, execution=execution))

    async def delete(self, execution: str) -> None:
        """Implement `ports.EventLog.delete`; when it returns, the files are gone too."""
        begin = partial(removal.begin, execution=execution, ownership=self._ownership)
        try:
            number = await self._writer.run(begin)
        except StoreError as error:
            if not error.is_temporary:
                raise
            # Forgetting needs room for a commit: on a full disk it comes from the files that go anyway.
            await self._reader.run(partial(removal.check, execution=execution, ownership=self._ownership))
            await asyncio.to_thread(self._places.remove, execution)
            number = await self._writer.run(begin)
        while await self._writer.run(partial(removal.step, number=number)):
            pass
        await asyncio.to_thread(self._places.remove, execution)
        await self._writer.run(partial(removal.finish, number=number))

    async def holdings(self) -> list[Holding]:
        """Implement `ports.EventLog.holdings`."""
        return await asyncio.to_thread(self._with_files, await self._reader.run(listing.read_holdings))

    # -- values -------------------------------------------------------------------------------

    async def values(self, execution: str, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Value]:
        """Implement `ports.ValueStore.values`."""
        keys = list(wanted)
        if not keys:
            return {}
        return await self._reader.run(lambda connection: read_values(connection, execution, keys, self._places))

    def directory(self, execution: str) -> Path:
        """Implement `ports.ValueStore.directory`."""
        with database.raising_store_errors(self._writer.path.parent):
            return self._places.directory(execution)

    def logs(self, execution: str) -> Path:
        """Implement `ports.ValueStore.logs`."""
        return self._places.logs(execution)

    async def adopt(self, values: Sequence[Value], into: str) -> tuple[Value, ...] | None:
        """Implement `ports.ValueStore.adopt`."""
        return await asyncio.to_thread(self._places.adopt, values, into)

    async def cached(self, key: str, into: str) -> tuple[CacheEntry, str, tuple[Value, ...]] | None:
        """Implement `ports.ValueStore.cached`."""
        return await self._reader.run(lambda connection: read_cached(connection, key, into, self._places))

    # -- history ------------------------------------------------------------------------------

    async def write_history(self, execution: str, experience: Experience) -> None:
        """Implement `ports.HistoryStore.write_history`."""
        await self._writer.run(partial(write_history, execution=execution, experience=experience))

    async def histories(self, workflow: str, before: str, limit: int) -> list[Experience]:
        """Implement `ports.HistoryStore.histories`."""
        return await self._reader.run(partial(read_histories, workflow=workflow, before=before, limit=limit))

    # -- published workflows ------------------------------------------------------------------

    async def publish(self, workflow: Published) -> Published:
        """Implement `ports.WorkflowStore.publish`; returned as stored, without environment variables."""
        return await self._writer.run(partial(published.write_workflow, workflow=workflow))

    async def workflow(self, name: str, version: int | None = None) -> Published:
        """Implement `ports.WorkflowStore.workflow`."""
        return await self._reader.run(partial(published.read_workflow, name=name, version=version))

    async def workflows(self) -> list[Published]:
        """Implement `ports.WorkflowStore.workflows`."""
        return await self._reader.run(published.read_workflows)

    # -- ownership and the end ----------------------------------------------------------------

    def claim(self, execution: str) -> bool:
        """Implement `Ownership.claim`. Waits for one commit; `ExecutionNotFound`."""
        return self._writer.run_blocking(partial(listing.claim, execution=execution, ownership=self._ownership))

    async def orphans(self) -> list[str]:
        """Implement `Ownership.orphans`."""
        return await self._reader.run(partial(listing.read_orphans, ownership=self._ownership))

    async def note(self, name: str) -> bytes | None:
        """Implement `DataDirectory.note`."""
        return await self._reader.run(partial(notes.read, name=name))

    async def write_note(self, name: str, data: bytes) -> None:
        """Implement `DataDirectory.write_note`."""
        await self._writer.run(partial(notes.write, name=name, data=data))

    async def newest_id(self) -> str:
        """Implement `DataDirectory.newest_id`."""
        return await self._reader.run(notes.newest_id)

    def trouble(self) -> str | None:
        """Implement `DataDirectory.trouble`."""
        return self._files.trouble()

    def peers(self) -> Peers:
        """Implement `Ownership.peers`."""
        return self._ownership.peers()

    def tell_parked(self, parked: Mapping[str, Parked]) -> None:
        """Implement `Ownership.tell_parked`."""
        self._ownership.tell_parked(parked)

    async def elsewhere(self, newest: int, known: Collection[str]) -> tuple[list[Summary], int]:
        """Implement `Ownership.elsewhere`."""
        asked = list(known)
        return await self._reader.run(
            partial(listing.read_elsewhere, newest=newest, known=asked, ownership=self._ownership)
        )

    async def positions(self, executions: Collection[str]) -> dict[str, int]:
        """Implement `Ownership.positions`."""
        return await self._reader.run(partial(listing.read_positions, executions=list(executions)))

    async def close(self) -> None:
        """Implement `ports.Store.close`.

        Blocks the loop for the last commit: a thread could not be had any more while the interpreter exits.
        """
        self.shutdown()

    def shutdown(self) -> None:
        """`close` for callers without an event loop."""
        self._writer.stop()
        self._reader.stop()
        self._ownership.release()

    def _with_files(self, holdings: list[Holding]) -> list[Holding]:
        return [structs.replace(holding, files=self._places.files(holding.id)) for holding in holdings]

    def _finish_removals(self) -> None:
        # These and no others: folders that the database does not know may be all that is left of lost ones.
        for number, execution in self._writer.run_blocking(removal.unfinished):
            while self._writer.run_blocking(partial(removal.step, number=number)):
                pass
            self._places.remove(execution)
            self._writer.run_blocking(partial(removal.finish, number=number))
