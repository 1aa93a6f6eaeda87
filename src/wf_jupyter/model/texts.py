"""Texts of users, on their way into an event."""

from __future__ import annotations


def storable(text: str) -> str:
    """`text` as UTF-8 can hold it: lone surrogates, as in a file name that is no UTF-8, are spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
