"""Reasons why a task did not run although nothing of its own went wrong."""

from __future__ import annotations

from typing import Literal

import msgspec

from wf_jupyter.model.record import Record

ReasonKind = Literal[
    "not_taken", "not_needed", "upstream_failed", "upstream_cancelled", "upstream_skipped", "fail_fast"
]


class Reason(Record, msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Reason why a task was skipped, or stopped because another one failed.

    `kind` is `not_taken` (the condition of `wf.when` or `wf.unless` was not met), `not_needed`
    (`trigger_rule="one_failed"`, and nothing failed), `upstream_failed`, `upstream_cancelled`,
    `upstream_skipped` (only where a log does not say more) or `fail_fast`. `task` is the key of the task
    that caused it, however far upstream. `message` says it whole, as in `not taken: is_big was truthy`.
    `via` names the task in between that was skipped for the same reason, if there is one.
    """

    kind: ReasonKind
    task: str
    message: str
    via: str = ""

    @property
    def text(self) -> str:
        """The message, with the task in between."""
        return f"{self.message}, so {self.via} was skipped" if self.via else self.message


def reason_of_error(type_: str, message: str) -> Reason:
    """The reason behind the error that a skipped task carried in logs of version 0.1.0 and before.

    Its type was `Skipped` or `UpstreamFailed`, its message as `is_big was truthy` or `fetch failed`.
    """
    task, _, word = message.rpartition(" ")
    task = task.removesuffix(" was")
    if word in ("truthy", "falsy"):
        return Reason(kind="not_taken", task=task, message=f"not taken: {message}")
    if type_ == "Skipped":
        return Reason(kind="not_needed", task="", message=f"not needed: {message}")
    if word == "failed":
        return Reason(kind="upstream_failed", task=task, message=f"upstream failed: {message}")
    if word == "cancelled":
        return Reason(kind="upstream_cancelled", task=task, message=f"upstream cancelled: {task} was cancelled")
    return Reason(kind="upstream_skipped", task=task, message=f"upstream skipped: {message}")
