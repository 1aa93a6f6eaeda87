"""For tests: of workflows (the fixture in `plugin`), and of what stands on wf_jupyter's orchestrator.

`FaultyStore` fails where a test says so, `ScriptedExecutor` runs what a test says, `FakeClock` and
`VirtualLoop` make hours pass at once.
"""

from __future__ import annotations

from wf_jupyter.testing.clock import FakeClock, VirtualLoop
from wf_jupyter.testing.executor import ScriptedExecutor
from wf_jupyter.testing.faults import Faults, FaultyStore

__all__ = ["FakeClock", "Faults", "FaultyStore", "ScriptedExecutor", "VirtualLoop"]
