"""Texts of users and of the operating system, on their way into an event or a message, which hold UTF-8 only."""

from __future__ import annotations


def storable(text: str) -> str:
    """`text` as UTF-8 can hold it: lone surrogates, as in a file name that is no UTF-8, are spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def portable(text: str) -> str:
    """`text` as UTF-8 can hold it, so that `native` gives it back: names of files and values of variables are bytes.

    The system's texts hold no NUL, so one in front marks those that are written as hexadecimal digits.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return "\0" + text.encode("utf-8", "surrogatepass").hex()
    return text


def native(text: str) -> str:
    """The text behind `portable`."""
    return bytes.fromhex(text[1:]).decode("utf-8", "surrogatepass") if text.startswith("\0") else text
