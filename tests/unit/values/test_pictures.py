"""Results that are images show as small ones."""

from __future__ import annotations

import base64

import pytest

from wf_jupyter.values import preview
from wf_jupyter.values.preview import HTML_LIMIT, describe


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a picture looks like is asked here, not how long a busy machine needs for it."""
    monkeypatch.setattr(preview, "SECONDS", 60.0)


def test_a_pillow_image_shows_however_large_and_whatever_its_mode() -> None:
    image = pytest.importorskip("PIL.Image")
    for mode, size in (
        ("RGB", (4000, 3000)),
        ("RGBA", (30, 20)),
        ("CMYK", (30, 20)),
        ("F", (30, 20)),
        ("1", (9, 9)),
        ("I;16", (9, 9)),
    ):
        made = image.effect_noise(size, 90).convert("RGB") if mode == "RGB" else image.new(mode, size)
        shown = describe(made, 0).html
        assert shown is not None, mode
        assert shown.startswith('<img alt="" src="data:image/'), mode
        assert len(shown) <= HTML_LIMIT


def test_a_matplotlib_figure_shows_as_an_image() -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    figure.subplots().plot([1, 3, 2])
    shown = describe(figure, 0).html
    assert shown is not None
    assert "data:image/" in shown


def test_what_draws_itself_shows_by_its_richest_small_form() -> None:
    class Drawn:
        def _repr_svg_(self) -> str:
            return "<svg xmlns='http://www.w3.org/2000/svg'/>"

        def _repr_png_(self) -> bytes:
            return b"png"

    class Bundled:
        def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
            return {"image/png": base64.b64encode(b"png").decode()}

    class Failing:
        def _repr_png_(self) -> bytes:
            raise ValueError("no picture today")

    class Huge:
        def _repr_svg_(self) -> str:
            return "<svg>" + "x" * 100_000

    assert "data:image/svg+xml;base64," in (describe(Drawn(), 0).html or "")
    assert (
        describe(Bundled(), 0).html == f'<img alt="" src="data:image/png;base64,{base64.b64encode(b"png").decode()}">'
    )
    assert describe(Failing(), 0).html is None
    assert describe(Huge(), 0).html is None
