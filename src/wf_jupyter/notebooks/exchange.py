"""The files by which a cell's task and the trunk know of each other, in the session's directory."""

from __future__ import annotations

#: Held while a task works with the trunk · the kernel's addresses · which process it is · what it writes for nobody.
LOCK, CONNECTION, PROCESS, LOG = "lock", "kernel.json", "trunk.json", "trunk.log"
#: What the observer is told before a cell, and tells after it.
ORDERS, FACTS = "orders.json", "facts.json"
#: Sets of texts have the same order in each trunk: what one gave and what another gives belong to one notebook.
ORDER_OF_SETS = "PYTHONHASHSEED"
