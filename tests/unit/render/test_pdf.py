"""Our pictures as PDF: well-formed, with the texts of the picture, and taken by nbconvert as they are."""

from __future__ import annotations

import re
import zlib

import pytest

from tests.unit.render.test_stored import execution
from wf_jupyter.pytest_nbval import PDF_MARK
from wf_jupyter.render.pdf import encode_pdf, picture_pdf
from wf_jupyter.render.stored import stored_pictures
from wf_jupyter.render.svg import snapshot_svg

NAMES = ["load (all) \\ of it", "Zürich · 東京", "<b>&amp;</b>"]


def picture(names: list[str]) -> str:
    more = 'text-anchor="end" text-decoration="line-through"'
    cards = "".join(
        f'<rect x="1" y="2" width="30" height="20" rx="7" fill="#fff" stroke="#cfcfcf" stroke-dasharray="4 3"/>'
        f'<text x="3" y="4" font-size="13" fill="#1c1c1c" {more}>✔ {name}</text>'
        for name in names
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50">{cards}</svg>'


def content(pdf: bytes) -> str:
    stream = re.search(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    assert stream is not None
    return zlib.decompress(stream[1]).decode("cp1252")


def test_every_object_lies_where_the_table_says() -> None:
    pdf = picture_pdf(snapshot_svg(execution(3)))
    start = int(pdf.rstrip().rsplit(b"\n", 2)[1])
    assert pdf[start:].startswith(b"xref\n0 5\n")
    places = [int(line.split()[0]) for line in pdf[start:].splitlines()[3:7]]
    assert [pdf[place:].startswith(b"%d 0 obj" % number) for number, place in enumerate(places, 1)] == [True] * 4
    length = re.search(rb"/Length (\d+)", pdf)
    assert length is not None
    assert len(pdf.partition(b"stream\n")[2].partition(b"\nendstream")[0]) == int(length[1])


def test_texts_are_there_whatever_they_hold() -> None:
    shown = content(picture_pdf(picture([name.replace("&", "&amp;").replace("<", "&lt;") for name in NAMES])))
    assert r"( load \(all\) \\ of it) Tj" in shown
    assert "( Zürich · ??) Tj" in shown
    assert "( <b>&amp;</b>) Tj" in shown


def test_the_same_picture_is_the_same_pdf_and_small() -> None:
    large = snapshot_svg(execution(1_000))
    assert encode_pdf(large) == encode_pdf(large)
    assert encode_pdf(large).startswith(PDF_MARK)
    assert len(encode_pdf(large)) < len(large)


def test_nbconvert_needs_no_inkscape(monkeypatch: pytest.MonkeyPatch) -> None:
    nbconvert = pytest.importorskip("nbconvert")
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setenv("PATH", "")
    pictures = stored_pictures(execution(3))
    output = nbformat.v4.new_output("execute_result", {"text/plain": "w", **pictures}, execution_count=1)
    cell = nbformat.v4.new_code_cell("execution", outputs=[output], execution_count=1)
    text, resources = nbconvert.LatexExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    [(name, stored)] = [(name, data) for name, data in resources["outputs"].items() if name.endswith(".pdf")]
    assert name in text
    assert stored == picture_pdf(pictures["image/svg+xml"])
