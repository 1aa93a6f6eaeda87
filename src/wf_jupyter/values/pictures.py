"""A value that is an image, as a small one that people see: of Pillow, of matplotlib, of whatever draws itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

#: Longest side of what is shown, in pixels; the first whose bytes are few enough is taken.
_SIDES = (480, 320, 200, 120)
_QUALITIES = (85, 60)


def picture_of(value: Any, limit: int) -> str | None:
    """An `<img>` of at most `limit` characters; None for what is no image, and when it cannot be made that small."""
    for kind, content in _images(value):
        found = _element(kind, content)
        if len(found) <= limit:
            return found
        if kind != "image/svg+xml":
            return _smaller(content, limit)
    return None


def _images(value: Any) -> Iterator[tuple[str, bytes]]:
    """Pictures that the value draws of itself, the best first."""
    if type(value).__module__.partition(".")[0] == "matplotlib" and hasattr(value, "savefig"):
        stream = io.BytesIO()
        value.savefig(stream, format="png", dpi=72, bbox_inches="tight")
        yield "image/png", stream.getvalue()
        return
    if type(value).__module__.partition(".")[0] == "PIL" and hasattr(value, "thumbnail"):
        small = value.copy()
        small.thumbnail((_SIDES[0], _SIDES[0]))
        stream = io.BytesIO()
        (small if small.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else small.convert("RGB")).save(
            stream, "png"
        )
        yield "image/png", stream.getvalue()
        return
    bundle = _call_method(value, "_repr_mimebundle_")
    for kind, method in (
        ("image/svg+xml", "_repr_svg_"),
        ("image/png", "_repr_png_"),
        ("image/jpeg", "_repr_jpeg_"),
    ):
        content = bundle.get(kind) if isinstance(bundle, dict) else None
        content = _call_method(value, method) if content is None else content
        if isinstance(content, str):
            yield kind, content.encode() if kind == "image/svg+xml" else base64.b64decode(content)
        elif isinstance(content, bytes):
            yield kind, content


def _call_method(value: Any, method: str) -> Any:
    found = getattr(value, method, None)
    content = found() if callable(found) else None
    return content[0] if isinstance(content, tuple) and content else content


def _element(kind: str, content: bytes) -> str:
    return f'<img alt="" src="data:{kind};base64,{base64.b64encode(content).decode("ascii")}">'


def _smaller(content: bytes, limit: int) -> str | None:
    """Shrunk by Pillow where it is installed: whoever draws has it, as matplotlib needs it."""
    try:
        from PIL import Image
    except ImportError:
        return None
    for side in _SIDES:
        image = Image.open(io.BytesIO(content)).convert("RGBA")
        image.thumbnail((side, side))
        flat = Image.new("RGB", image.size, "white")
        flat.paste(image, mask=image.getchannel("A"))
        for quality in _QUALITIES:
            stream = io.BytesIO()
            flat.save(stream, "jpeg", quality=quality)
            found = _element("image/jpeg", stream.getvalue())
            if len(found) <= limit:
                return found
    return None
