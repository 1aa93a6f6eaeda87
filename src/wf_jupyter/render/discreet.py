"""Texts for files that other people read: without the folders of a machine, and without what opens doors."""

from __future__ import annotations

import re

MASK = "•••"
_FOLDERS = re.compile(r"(?<![\w:/.~])(?:~|[A-Za-z]:)?(?:[/\\][^/\\\s'\"<>|:,;()\[\]]+)+[/\\]([^/\\\s'\"<>|:,;()\[\]]*)")
_USER = re.compile(r"(?<=://)[^/\s@]+@")
_QUERY = re.compile(r"([?&][\w.-]*(?:token|key|secret|passw|pwd|sig|auth|credential)[\w.-]*=)[^&\s'\"]+", re.IGNORECASE)


def discreet(text: str) -> str:
    """`text` with the folders of absolute paths left out, and without users and tokens in addresses."""
    if "/" not in text and "\\" not in text:
        return text
    return _FOLDERS.sub(r"…/\1", _QUERY.sub(rf"\1{MASK}", _USER.sub("", text)))
