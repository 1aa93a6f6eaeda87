"""`ports.Store` without a disk: the twin of `store.sqlite` for tests and experiments.

`MemoryData` plays the part of the data directory: stores that share one see the same executions and
compete for them as processes do.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import weakref
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from wf_jupyter.errors import ExecutionNotFound, OwnershipLost, StateConflict, StoreError
from wf_jupyter.model.directory import Peers
from wf_jupyter.model.events import Event, WorkflowStarted
from wf_jupyter.model.history import Experience
from wf_jupyter.model.keys import Digest
from wf_jupyter.model.snapshot import Parked, Summary, inputs_in_short
from wf_jupyter.model.status import ExecutionStatus
from wf_jupyter.model.stimuli import Value
from wf_jupyter.model.submission import Expansion, Submission
from wf_jupyter.ports import Batch, CacheEntry, Holding, Published, Record, Store
from wf_jupyter.store.cache import NO_RESULT
from wf_jupyter.store.events import encode_event
from wf_jupyter.store.log import check_sequence, data_size, without_blobs, without_secrets
from wf_jupyter.store.published import as_stored, not_published
from wf_jupyter.store.values import Places


@dataclass
class _Execution:
    submission: Submission
    created: datetime
    owned_by: str
    status: ExecutionStatus
    counts: dict[str, int] = field(default_factory=dict)
    size: int = 0
    ended: datetime | None = None
    events: list[Event] = field(default_factory=list)
    expansions: list[tuple[str, Expansion]] = field(default_factory=list)
    blobs: dict[Digest, bytes] = field(default_factory=dict)
    values: dict[tuple[str, str], Value] = field(default_factory=dict)
    cache: dict[tuple[str, str], CacheEntry] = field(default_factory=dict)
    experience: Experience | None = None


class MemoryData:
    """Data that several `MemoryStore`s share. Files of large values go to a temporary directory."""

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(8)
        self.living: set[str] = set()
        self.openings = 0
        self.parked: dict[str, Mapping[str, Parked]] = {}
        self.executions: dict[str, _Execution] = {}
        self.workflows: dict[str, list[Published]] = {}
        self.notes: dict[str, bytes] = {}
        self.newest_id = ""
        self._places: Places | None = None

    @property
    def places(self) -> Places:
        """The temporary directory, made when first needed and removed with this object."""
        if self._places is None:
            folder = tempfile.mkdtemp(prefix="wf_jupyter-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._places = Places(Path(folder))
        return self._places


class MemoryStore(Store):
    """A store whose executions end with the process."""

    def __init__(self, data: MemoryData | None = None) -> None:
        self._data = data or MemoryData()
        self._owner = secrets.token_hex(8)
        self._data.living.add(self._owner)
        self._data.openings += 1
        self._seen = 0
        self.epoch = self._data.epoch

    async def append(self, batch: Batch) -> None:
        """Implement `ports.EventLog.append`."""
        self._check_open()
        execution = self._next(batch)
        check_sequence(batch, len(execution.events))
        self._data.executions[batch.execution] = execution
        execution.events.extend(batch.events)
        execution.values.update({(task, value.part): value for task, value in batch.values})
        for task, expansion in batch.expansions:
            execution.expansions.append((task, without_blobs(expansion)))
            execution.blobs.update(expansion.blobs)
        execution.cache.update({(entry.key, entry.task): entry for entry in batch.cache})
        execution.size += sum(len(encode_event(event)) for event in batch.events) + data_size(batch)
        execution.status = batch.status
        execution.counts = dict(batch.counts)
        execution.ended = batch.ended

    async def events(self, execution: str, after: int = 0, limit: int | None = None) -> list[Event]:
        """Implement `ports.EventLog.events`."""
        events = self._find(execution).events[max(after, 0) :]
        return events if limit is None else events[: max(limit, 0)]

    async def record(self, execution: str) -> Record:
        """Implement `ports.EventLog.record`."""
        found = self._find(execution)
        return Record(submission=found.submission, created=found.created, expansions=tuple(found.expansions))

    async def blobs(self, execution: str) -> dict[Digest, bytes]:
        """Implement `ports.EventLog.blobs`."""
        return dict(self._find(execution).blobs)

    async def blob(self, execution: str, digest: Digest) -> bytes | None:
        """Implement `ports.EventLog.blob`."""
        return self._find(execution).blobs.get(digest)

    async def summaries(
        self,
        *,
        status: ExecutionStatus | None = None,
        workflow: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Summary]:
        """Implement `ports.EventLog.summaries`."""
        self._check_open()
        found = [
            _summary(key, execution)
            for key, execution in sorted(self._data.executions.items(), reverse=True)
            if (status is None or execution.status == status)
            and (workflow is None or execution.submission.workflow == workflow)
            and (before is None or key < before)
        ]
        return found[: max(limit, 0)]

    async def summary(self, execution: str) -> Summary:
        """Implement `ports.EventLog.summary`."""
        return _summary(execution, self._find(execution))

    async def delete(self, execution: str) -> None:
        """Implement `ports.EventLog.delete`."""
        found = self._find(execution)
        if not found.status.is_final and found.owned_by != self._owner and found.owned_by in self._data.living:
            raise StateConflict(f"execution {execution} is {found.status} in another process: cancel it first")
        self._data.newest_id = max(self._data.newest_id, execution)
        del self._data.executions[execution]
        self._data.places.remove(execution)

    async def holdings(self) -> list[Holding]:
        """Implement `ports.EventLog.holdings`."""
        self._check_open()
        executions = self._data.executions
        needed = {
            execution.submission.reuse.execution
            for execution in executions.values()
            if execution.submission.reuse is not None and not execution.status.is_final
        }
        return [
            Holding(
                id=key,
                ended=(execution.ended or execution.created) if execution.status.is_final else None,
                size=execution.size,
                files=self._data.places.files(key),
                is_needed=key in needed,
            )
            for key, execution in executions.items()
        ]

    async def values(self, execution: str, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Value]:
        """Implement `ports.ValueStore.values`."""
        self._check_open()
        found = self._data.executions.get(execution)
        return {} if found is None else {key: found.values[key] for key in wanted if key in found.values}

    def directory(self, execution: str) -> Path:
        """Implement `ports.ValueStore.directory`."""
        return self._data.places.directory(execution)

    def logs(self, execution: str) -> Path:
        """Implement `ports.ValueStore.logs`."""
        return self._data.places.logs(execution)

    async def adopt(self, values: Sequence[Value], into: str) -> tuple[Value, ...] | None:
        """Implement `ports.ValueStore.adopt`."""
        self._check_open()
        return self._data.places.adopt(values, into)

    async def cached(self, key: str, into: str) -> tuple[CacheEntry, str, tuple[Value, ...]] | None:
        """Implement `ports.ValueStore.cached`."""
        self._check_open()
        found = [
            (entry.created, position, entry, execution)
            for position, execution in enumerate(self._data.executions.items())
            for entry in execution[1].cache.values()
            if entry.key == key
        ]
        if not found:
            return None
        _, _, entry, (source, execution) = max(found, key=lambda line: line[:2])
        values = [value for (task, part), value in execution.values.items() if task == entry.task and part != NO_RESULT]
        adopted = self._data.places.adopt(values, into)
        return (entry, source, adopted) if adopted else None

    async def write_history(self, execution: str, experience: Experience) -> None:
        """Implement `ports.HistoryStore.write_history`."""
        self._find(execution).experience = experience

    async def histories(self, workflow: str, before: str, limit: int) -> list[Experience]:
        """Implement `ports.HistoryStore.histories`."""
        self._check_open()
        found = [
            execution.experience
            for key, execution in sorted(self._data.executions.items(), reverse=True)
            if execution.submission.workflow == workflow and key < before and execution.experience is not None
        ]
        return list(found[: max(limit, 0)])

    async def publish(self, workflow: Published) -> Published:
        """Implement `ports.WorkflowStore.publish`."""
        self._check_open()
        versions = self._data.workflows.setdefault(workflow.name, [])
        newest = versions[-1] if versions else None
        stored = as_stored(workflow, newest)
        if stored is not newest:
            versions.append(stored)
        return stored

    async def workflow(self, name: str, version: int | None = None) -> Published:
        """Implement `ports.WorkflowStore.workflow`."""
        self._check_open()
        for stored in reversed(self._data.workflows.get(name, [])):
            if version is None or stored.version == version:
                return stored
        raise not_published(name, version)

    async def workflows(self) -> list[Published]:
        """Implement `ports.WorkflowStore.workflows`."""
        self._check_open()
        return [versions[-1] for _, versions in sorted(self._data.workflows.items())]

    def claim(self, execution: str) -> bool:
        """Implement `Ownership.claim`."""
        found = self._find(execution)
        if found.owned_by != self._owner and found.owned_by in self._data.living:
            return False
        found.owned_by = self._owner
        return True

    async def orphans(self) -> list[str]:
        """Implement `Ownership.orphans`."""
        self._check_open()
        return [
            key
            for key, execution in sorted(self._data.executions.items())
            if not execution.status.is_final and execution.owned_by not in self._data.living
        ]

    async def note(self, name: str) -> bytes | None:
        """Implement `DataDirectory.note`."""
        return self._data.notes.get(name)

    async def write_note(self, name: str, data: bytes) -> None:
        """Implement `DataDirectory.write_note`."""
        self._data.notes[name] = data

    async def newest_id(self) -> str:
        """Implement `DataDirectory.newest_id`."""
        return max([*self._data.executions, self._data.newest_id])

    def trouble(self) -> str | None:
        """Implement `DataDirectory.trouble`."""
        return None

    def peers(self) -> Peers:
        """Implement `Ownership.peers`."""
        living = frozenset(self._data.living - {self._owner})
        changed, self._seen = self._seen != self._data.openings, self._data.openings
        parked = {key: why for owner in living for key, why in self._data.parked.get(owner, {}).items()}
        return Peers(living=living, are_changed=changed, parked=parked)

    def tell_parked(self, parked: Mapping[str, Parked]) -> None:
        """Implement `Ownership.tell_parked`."""
        self._data.parked[self._owner] = dict(parked)

    async def elsewhere(self, newest: int, known: Collection[str]) -> tuple[list[Summary], int]:
        """Implement `Ownership.elsewhere`."""
        self._check_open()
        others = [
            _summary(key, execution)
            for number, (key, execution) in enumerate(self._data.executions.items(), start=1)
            if execution.owned_by != self._owner and (not execution.status.is_final or number > newest or key in known)
        ]
        return sorted(others, key=lambda summary: summary.id, reverse=True), len(self._data.executions)

    async def positions(self, executions: Collection[str]) -> dict[str, int]:
        """Implement `Ownership.positions`."""
        self._check_open()
        return {key: len(self._data.executions[key].events) for key in executions if key in self._data.executions}

    async def close(self) -> None:
        """Implement `ports.Store.close`."""
        self._data.openings += self._owner in self._data.living
        self._data.living.discard(self._owner)

    def _next(self, batch: Batch) -> _Execution:
        if batch.submission is None:
            execution = self._find(batch.execution)
            if execution.owned_by != self._owner:
                raise OwnershipLost(f"execution {batch.execution!r} is owned by another orchestrator: claim it first")
            return execution
        if batch.execution in self._data.executions:
            raise StoreError(f"execution {batch.execution!r} exists already")
        return _Execution(
            submission=without_secrets(batch.submission),
            created=batch.events[0].time if batch.events else datetime.now(UTC),
            owned_by=self._owner,
            status=batch.status,
            blobs=dict(batch.submission.blobs),
        )

    def _find(self, execution: str) -> _Execution:
        self._check_open()
        try:
            return self._data.executions[execution]
        except KeyError:
            raise ExecutionNotFound(f"no execution {execution!r}") from None

    def _check_open(self) -> None:
        if self._owner not in self._data.living:
            raise StoreError("the store is closed")


def _summary(key: str, execution: _Execution) -> Summary:
    return Summary(
        id=key,
        workflow=execution.submission.workflow,
        status=execution.status,
        seq=len(execution.events),
        created=execution.created,
        ended=execution.ended,
        counts=execution.counts,
        owner=execution.submission.owner,
        inputs=_inputs(execution),
    )


def _inputs(execution: _Execution) -> Mapping[str, str]:
    first = execution.events[0] if execution.events else None
    return inputs_in_short(first.inputs) if isinstance(first, WorkflowStarted) else {}
