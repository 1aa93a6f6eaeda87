"""Texts for files that other people read: without the folders of a machine, and without what opens doors."""

from __future__ import annotations

import re

import msgspec

from wf_jupyter.model.events import Failure

MASK = "•••"
#: Letters of a message that a file keeps.
_MESSAGE = 300
_FOLDERS = re.compile(r"(?<![\w:/.~])(?:~|[A-Za-z]:)?(?:[/\\][^/\\\s'\"<>|:,;()\[\]]+)+[/\\]([^/\\\s'\"<>|:,;()\[\]]*)")
_USER = re.compile(r"(?<=://)[^/\s@]+@")
_QUERY = re.compile(r"([?&][\w.-]*(?:token|key|secret|passw|pwd|sig|auth|credential)[\w.-]*=)[^&\s'\"]+", re.IGNORECASE)


def discreet(text: str) -> str:
    """`text` with the folders of absolute paths left out, and without users and tokens in addresses."""
    if "/" not in text and "\\" not in text:
        return text
    return _FOLDERS.sub(r"…/\1", _QUERY.sub(rf"\1{MASK}", _USER.sub("", text)))


def discreet_failure(error: Failure | None) -> Failure | None:
    """The beginning of its message, without its traceback."""
    if error is None:
        return None
    return msgspec.structs.replace(error, message=discreet(error.message)[:_MESSAGE], traceback="")
