"""Executors that are neither ours nor Dask's: objects of this process, and those that packages offer by name."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from importlib.metadata import entry_points

from wf_jupyter.errors import InputError
from wf_jupyter.model.given_executors import GROUP, OFFERED, PREFIX, find


def other_executor(name: str, *, is_server: bool) -> tuple[Executor, bool]:
    """The executor of that name, and whether it was made here; `InputError` when there is none."""
    if name.startswith(PREFIX):
        given = find(name)
        if given is None:
            raise InputError(
                f"executor={name!r} is an object of the process that submitted, which is not this one", "executor"
            )
        return given, False
    wanted = name.removeprefix(OFFERED)
    offers = {offer.name: offer for offer in entry_points(group=GROUP)}
    if wanted not in offers:
        there_are = ", ".join(sorted(offers)) or "none"
        raise InputError(f"executor={name!r} is not installed here: packages offer {there_are} ({GROUP})", "executor")
    try:
        made = offers[wanted].load()()
    except Exception as error:
        raise InputError(f"executor={name!r} cannot be made: {type(error).__name__}: {error}", "executor") from error
    if not isinstance(made, Executor):
        raise InputError(
            f"executor={name!r} is no concurrent.futures.Executor, but a {type(made).__name__}", "executor"
        )
    if is_server and isinstance(made, ThreadPoolExecutor):
        raise InputError(f"executor={name!r} would run tasks inside the server: threads are for kernels", "executor")
    return made, True
