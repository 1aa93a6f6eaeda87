"""Values as Python writes them."""

from __future__ import annotations

import ast


def literal(value: object) -> str | None:
    """The value as Python writes it, or None when it cannot be written down."""
    if type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    text = repr(value)
    try:
        written = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return text if type(written) is type(value) and written == value else None
