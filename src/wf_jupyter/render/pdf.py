"""Our own pictures as PDF: `nbconvert --to pdf` takes it as it is, and needs Inkscape for a picture in SVG alone.

Knows of SVG what `svg.py` writes, on its light ground: rectangles, paths and texts. The fonts are those that every
reader of PDF has, so that nothing is embedded: letters outside of Latin-1 become question marks.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

#: How each of them begins: the pytest plugin knows them by this.
HEAD = b"%PDF-1.4\n%wf_jupyter\n"

_PARTS = re.compile(r"[MLCHVZhvlz]|-?\d*\.?\d+(?:e-?\d+)?")
#: Quarters of a circle as curves.
_ROUND = 0.5523
#: Signs that the font ZapfDingbats has, or has something like.
_SIGNS = {"✔": b"4", "✖": b"8", "■": b"n", "○": b"m", "▶": b"\xe4", "↻": b"\xf2", "⚡": b"H", "◐": b"l"}
#: Widths of the letters from blank to tilde in Helvetica, in thousandths; in bold they are wider by a twentieth.
_WIDTHS = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 "
    "584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 "
    "667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 "
    "278 556 500 722 500 500 500 334 260 334 584"
)
_HELVETICA = tuple(int(width) for width in _WIDTHS.split())


def picture_pdf(svg: str) -> bytes:
    """The PDF of a picture that `svg.py` drew; the same for the same picture."""
    # Written by this package, with every text of others escaped: no entities, nothing from outside.
    root = ET.fromstring(svg)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    # A pixel is three quarters of a point; SVG counts down from the top, PDF up from the bottom.
    drawn = [b".75 0 0 -.75 0 %s cm" % _number(height * 0.75), *_draw_elements(root)]
    content = zlib.compress(b"\n".join(drawn), 9)
    fonts = b"".join(
        b"/%s << /Type /Font /Subtype /Type1 /BaseFont /%s%s >> " % (name, font, coded)
        for name, font, coded in (
            (b"F", b"Helvetica", b" /Encoding /WinAnsiEncoding"),
            (b"B", b"Helvetica-Bold", b" /Encoding /WinAnsiEncoding"),
            (b"Z", b"ZapfDingbats", b""),
        )
    )
    box = b"[0 0 %s %s]" % (_number(width * 0.75), _number(height * 0.75))
    return _file(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox %s /Contents 4 0 R /Resources << /Font << %s>> >> >>"
            % (box, fonts),
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(content), content),
        ]
    )


def encode_pdf(svg: str) -> str:
    """Draw a PDF, encoded as notebooks store it."""
    return base64.b64encode(picture_pdf(svg)).decode()


def _file(objects: Sequence[bytes]) -> bytes:
    written = HEAD + b"%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(written))
    return written + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table) + trailer


def _draw_elements(root: ET.Element) -> Iterator[bytes]:
    for element in root.iter():
        name = element.tag.rpartition("}")[2]
        if name == "rect":
            yield _paint(element, _round_rectangle(element))
        elif name == "path":
            yield _paint(element, _path(element.attrib["d"]))
        elif name == "text":
            yield from _text(element)


def _paint(element: ET.Element, shape: bytes) -> bytes:
    fill, stroke = element.get("fill", "none"), element.get("stroke", "none")
    dash = b"[%s] 0 d" % element.get("stroke-dasharray", "").encode()
    how = {(True, True): b"B", (True, False): b"f", (False, True): b"S"}[fill != "none", stroke != "none"]
    inks = [_ink(fill, b"rg")] if fill != "none" else []
    inks += [_ink(stroke, b"RG"), b"%s w" % element.get("stroke-width", "1").encode(), dash] if stroke != "none" else []
    return b" ".join([*inks, shape, how])


def _round_rectangle(element: ET.Element) -> bytes:
    x, y, width, height = (float(element.attrib[name]) for name in ("x", "y", "width", "height"))
    r = min(float(element.get("rx", "0")), width / 2, height / 2)
    k = r * (1 - _ROUND)
    right, bottom = x + width, y + height
    steps = (
        ("m", x + r, y), ("l", right - r, y), ("c", right - k, y, right, y + k, right, y + r),
        ("l", right, bottom - r), ("c", right, bottom - k, right - k, bottom, right - r, bottom),
        ("l", x + r, bottom), ("c", x + k, bottom, x, bottom - k, x, bottom - r),
        ("l", x, y + r), ("c", x, y + k, x + k, y, x + r, y),
    )  # fmt: skip
    return b" ".join(_step(*step) for step in steps) + b" h"


def _path(text: str) -> bytes:
    """The few commands that are written: `M L C` to places, `h l` by steps, `z`."""
    parts = _PARTS.findall(text)
    found: list[bytes] = []
    x = y = 0.0
    at = 0
    while at < len(parts):
        command = parts[at]
        many = {"M": 2, "L": 2, "C": 6, "h": 1, "l": 2, "z": 0}[command]
        values = [float(part) for part in parts[at + 1 : at + 1 + many]]
        at += 1 + many
        if command == "z":
            found.append(b"h")
            continue
        if command in "hl":
            values = [x + values[0], y + (values[1] if command == "l" else 0.0)]
        x, y = values[-2:]
        found.append(_step({"M": "m", "C": "c"}.get(command, "l"), *values))
    return b" ".join(found)


def _text(element: ET.Element) -> Iterator[bytes]:
    content = element.text or ""
    size, x, y = (float(element.attrib[name]) for name in ("font-size", "x", "y"))
    is_bold = "font-weight" in element.attrib
    runs = list(_runs(content, b"B" if is_bold else b"F"))
    width = sum(_width(text, font) for font, text in runs) * size / 1000
    x -= {"middle": width / 2, "end": width}.get(element.get("text-anchor", ""), 0.0)
    ink = element.get("fill", "#000")
    shown = b" ".join(b"/%s %s Tf (%s) Tj" % (font, _number(size), _escape(text)) for font, text in runs)
    yield b"BT %s 1 0 0 -1 %s %s Tm %s ET" % (_ink(ink, b"rg"), _number(x), _number(y), shown)
    if element.get("text-decoration") == "line-through":
        line = y - size * 0.3
        yield b"%s 1 w [] 0 d %s %s S" % (_ink(ink, b"RG"), _step("m", x, line), _step("l", x + width, line))


def _runs(content: str, font: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Stretches of text in one font."""
    for part in re.split(f"([{''.join(_SIGNS)}])", content):
        if part in _SIGNS:
            yield b"Z", _SIGNS[part]
        elif part:
            yield font, part.encode("cp1252", "replace")


def _width(text: bytes, font: bytes) -> float:
    if font == b"Z":
        return 800.0 * len(text)
    width = sum(_HELVETICA[letter - 32] if 32 <= letter <= 126 else 556 for letter in text)
    return width * (1.05 if font == b"B" else 1.0)


def _escape(text: bytes) -> bytes:
    return re.sub(rb"([()\\])", rb"\\\1", text).replace(b"\r", b" ").replace(b"\n", b" ")


def _ink(color: str, operator: bytes) -> bytes:
    digits = color.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    return b"%s %s" % (b" ".join(map(_number, parts)), operator)


def _step(command: str, *values: float) -> bytes:
    return b"%s %s" % (b" ".join(map(_number, values)), command.encode())


def _number(value: float) -> bytes:
    return f"{value:.2f}".rstrip("0").rstrip(".").encode()
