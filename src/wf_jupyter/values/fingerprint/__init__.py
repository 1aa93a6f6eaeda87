"""Digests of what results depend on: code and all that it can reach, and values by content.

`NodeKeys` and `Keys` are the ways in. `content` describes values, `definitions` functions and classes,
`modules` the files and packages behind imports, `bytecode` what code reads. See decision 12 for what
counts and why.
"""

from __future__ import annotations

from wf_jupyter.values.fingerprint.hashing import Unknown
from wf_jupyter.values.fingerprint.keys import Key, Keys
from wf_jupyter.values.fingerprint.nodes import NodeKeys

__all__ = ["Key", "Keys", "NodeKeys", "Unknown"]
