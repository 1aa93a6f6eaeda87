"""Reasons why a task never runs: a branch that is not taken, or something upstream that has no value.

A reason names its cause, however far upstream: what comes after a skipped task is skipped for the
same reason, not because of a failure that there never was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from wf_jupyter.engine.state import ExecutionState, Group, Task, Unit
from wf_jupyter.model.reason import Reason
from wf_jupyter.model.status import TaskStatus

#: Of several reasons the first of these is told: a failure is what people have to mend.
_URGENT = ("upstream_failed", "fail_fast", "upstream_cancelled")
#: How many tasks a reason names.
_NAMED = 3


def why_skipped(state: ExecutionState, task: Task) -> Reason | None:
    """None when the task may run, else the reason why it never will. All its sources are final."""
    rule = task.node.options.trigger_rule
    blocking: list[Unit] = []
    choices: list[Unit] = []
    for need in task.node.needs:
        unit = state.units[task.subgraph.absolute(need.source)]
        match need.kind:
            case "truthy" | "falsy" if unit.is_ok:
                reason = _not_taken(unit, wanted=need.kind == "truthy")
                if reason is not None:
                    return reason
            case "truthy" | "falsy":
                blocking.append(unit)
            case "first":
                choices.append(unit)
            case "value" | "order" if rule == "all_success" and not unit.is_ok:
                blocking.append(unit)
            case _:
                pass
    if choices and not any(unit.is_ok for unit in choices):
        blocking += choices
    if rule == "all_success":
        blocking += [unit for unit in _items_needed(state, task) if not unit.is_ok]
    if blocking:
        return blocked_reason(blocking)
    if rule == "one_failed":
        return _not_needed(task, list(_triggers(state, task)))
    return None


def blocked_reason(units: Iterable[Unit]) -> Reason:
    """The reason why what needs `units`, of which at least one has no value, cannot run."""
    reasons = [_no_value(task) for unit in units for task in _members(unit) if not task.is_ok]
    ranked = sorted(reasons, key=lambda each: _URGENT.index(each.kind) if each.kind in _URGENT else len(_URGENT))
    return ranked[0]


def stop_reason(state: ExecutionState) -> Reason | None:
    """The reason why `fail_fast` stops a task; None when that is not why it is stopped."""
    if not state.is_failing or state.is_cancelling:
        return None
    first = next(iter(state.failed), "")
    return Reason(kind="fail_fast", task=first, message=f"stopped: {first} failed, and on_failure is 'fail_fast'")


def _no_value(task: Task) -> Reason:
    key, known = task.key, task.reason
    if task.status is TaskStatus.FAILED:
        return Reason(kind="upstream_failed", task=key, message=f"upstream failed: {key} failed")
    if task.status is TaskStatus.CANCELLED:
        return Reason(kind="upstream_cancelled", task=key, message=f"upstream cancelled: {key} was cancelled")
    if known is None:  # a log of before there were reasons
        return Reason(kind="upstream_skipped", task=key, message=f"upstream skipped: {key} was skipped")
    return msgspec.structs.replace(known, via=key)


def _members(unit: Unit) -> list[Task]:
    if isinstance(unit, Task):
        return [unit]
    return unit.items if unit.placeholder is None else [unit.placeholder]


def _not_taken(unit: Unit, *, wanted: bool) -> Reason | None:
    truth = bool(unit.size) if isinstance(unit, Group) else unit.truth
    if truth is wanted:
        return None
    word = "falsy" if wanted else "truthy"
    return Reason(kind="not_taken", task=unit.key, message=f"not taken: {unit.key} was {word}")


def _not_needed(task: Task, triggers: list[Unit]) -> Reason | None:
    if any(member.status is TaskStatus.FAILED for unit in triggers for member in _members(unit)):
        return None
    keys = list(dict.fromkeys(unit.key for unit in triggers))
    if not keys:
        return Reason(kind="not_needed", task=task.key, message=f"not needed: nothing comes before {task.key}")
    if len(keys) == 1:
        return Reason(kind="not_needed", task=keys[0], message=f"not needed: {keys[0]} did not fail")
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    named = ", ".join(keys[:_NAMED])
    return Reason(kind="not_needed", task=keys[0], message=f"not needed: none of {named}{more} failed")


def _items_needed(state: ExecutionState, task: Task) -> Iterator[Unit]:
    if task.index is None:
        return
    for over in task.node.over:
        if over.each is not None:
            yield state.units[task.subgraph.absolute(over.each[task.index])]
        elif over.source is not None:
            source = state.units[task.subgraph.absolute(over.source)]
            yield source.items[task.index] if isinstance(source, Group) else source


def _triggers(state: ExecutionState, task: Task) -> Iterator[Unit]:
    """Units that `one_failed` looks at: everything before the task but conditions, which are met by now."""
    for need in task.node.needs:
        if need.kind not in ("truthy", "falsy"):
            yield state.units[task.subgraph.absolute(need.source)]
    yield from _items_needed(state, task)
