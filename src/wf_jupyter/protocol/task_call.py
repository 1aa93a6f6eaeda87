"""The call of a task, as its author's kernel asks for it: bytes, which nobody on the way reads."""

from __future__ import annotations

import msgspec

from wf_jupyter.ports import Input


class TaskCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`GET …/tasks/{key}/call` (MessagePack): the task's code, its arguments, and the values that they refer to.

    `call` is the template of the arguments, with references into `inputs`; after those that it refers to, `inputs`
    has one for each mapped parameter, which are named in `over`. `attempt` is how many were started.
    """

    task: str
    name: str
    code: bytes
    call: bytes
    inputs: tuple[Input, ...] = ()
    over: tuple[str, ...] = ()
    index: int | None = None
    attempt: int = 0
