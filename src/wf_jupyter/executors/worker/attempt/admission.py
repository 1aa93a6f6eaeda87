"""Whether a result may be kept in the cache, judged where it was computed."""

from __future__ import annotations

import msgspec

from wf_jupyter.executors.wire.messages import Done, Final, Run
from wf_jupyter.executors.worker.attempt.stale_modules import StaleModules
from wf_jupyter.executors.worker.output.stream import Output
from wf_jupyter.model.graph import Coverage

_decode = msgspec.msgpack.Decoder(Coverage).decode


def admit(run: Run, final: Final, sink: Output, loaded: StaleModules | None, since: float) -> Final:
    """The final message, marked when its result must not be kept; the task's log says why.

    `loaded` tells of this process's modules, None where nothing is imported anew. `since` is when the
    attempt began.
    """
    if not run.coverage or not isinstance(final, Done):
        return final
    coverage = _decode(run.coverage)
    reason = coverage.reason
    if not reason and loaded is not None:
        reason = loaded.differs_from(coverage, since)
    if not reason:
        return final
    sink.write("stderr", f"wf_jupyter: this result is not kept in the cache: {reason}\n")
    return msgspec.structs.replace(final, is_kept=False)
