"""Which names say that a value is secret, and texts in which such values are replaced by `•••`."""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "•••"

_INSIDE = re.compile(
    r"passw(?:or)?d|passphrase|passcode|secret(?!ar)|credential|bearer|authorization|connectionstring"
    r"|(?:api|private|access|account|encryption|signing|ssh|auth|master|license|subscription)keys?"
    r"|(?:api|access|auth|refresh|bearer|id|session|bot|hub|hf)tokens"
)
_LAST_WORDS = {"token", "pwd", "pw", "pass", "passwd", "creds", "cred"}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
#: Whatever is secret by name has one of these in it; looking for them is cheap.
_HINT = re.compile(r"pass|pwd|pw|secret|token|key|cred|bearer|authoriz|connection", re.IGNORECASE)
_PAIR = re.compile(
    r"""(?P<name>(?P<quote>['"]?)\b[A-Za-z_][\w.-]*(?P=quote)\s*[:=]\s*)"""
    r"""(?P<value>b?'(?:[^'\\]|\\.)*'?|b?"(?:[^"\\]|\\.)*"?|[^\s,;)}\]&'"]+)"""
)
_NOTHING = {"None", "null", "''", '""', MASK}


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether a value of this name should not be shown: `password`, `apiKey`, `DB_PASS`, `hub-token`, …"""
    if not _HINT.search(name):
        return False
    words = [word.lower() for word in _WORDS.findall(name)]
    joined = "".join(words)
    return bool(_INSIDE.search(joined)) or (words[-1:] != [] and (words[-1] in _LAST_WORDS or joined.endswith("token")))


def masked(text: str) -> str:
    """`text` without the values that stand behind secret names, as in `{'token': 'x'}` or `Login(password='x')`."""
    return _PAIR.sub(_hide, text) if _HINT.search(text) else text


def _hide(found: re.Match[str]) -> str:
    name = found["name"].rstrip().rstrip(":=").strip().strip("'\"")
    hides = found["value"] not in _NOTHING and is_secret(name)
    return found["name"] + MASK if hides else found[0]
