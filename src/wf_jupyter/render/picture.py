"""The pictures of a draft under one name, for callers that know this module by name only."""

from __future__ import annotations

from wf_jupyter.render.html import draft_html
from wf_jupyter.render.pdf import encode_pdf
from wf_jupyter.render.svg import draft_svg
from wf_jupyter.render.text import draft_text

__all__ = ["draft_html", "draft_svg", "draft_text", "encode_pdf"]
