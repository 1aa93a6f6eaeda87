"""One file that shows an execution with everything the live view has, and needs nothing else.

The file holds the view's code and the events, both packed. Its policy forbids every connection, so
that opening it tells nobody and loads nothing.
"""

from __future__ import annotations

import base64
import gzip
from html import escape

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; worker-src blob:; form-action 'none'; base-uri 'none'"
)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; padding: 16px; font: 14px/1.4 system-ui, sans-serif; background: #fff; color: #1c1d1f; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #111; color: #ececee; }} }}
</style>
</head>
<body>
<main id="wf-jupyter-view">
{picture}
<p>This picture is still: the script of this file has not run, because JavaScript is off here or the site that serves
the file forbids inline scripts (Content-Security-Policy). Downloaded and opened from disk, it shows the whole run.</p>
</main>
<script type="text/plain" id="wf-jupyter-code">{code}</script>
<script type="text/plain" id="wf-jupyter-recording">{recording}</script>
<script type="module">
const view = document.getElementById("wf-jupyter-view");
async function unpacked(id) {{
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}}
try {{
  const code = new Blob([await unpacked("wf-jupyter-code")], {{ type: "text/javascript" }});
  const {{ replay }} = await import(URL.createObjectURL(code));
  const recording = JSON.parse(await unpacked("wf-jupyter-recording"));
  view.replaceChildren();
  replay(view, recording);
}} catch (error) {{
  view.textContent = `The run cannot be shown: ${{error.message}}`;
}}
</script>
</body>
</html>
"""


def standalone_html(title: str, code: str, recording: bytes, picture: str) -> str:
    """The file, from the view's code, a recording as JSON (`Recorded` in the view's `widget.ts`) and an SVG picture."""
    return _PAGE.format(
        policy=escape(_POLICY),
        title=escape(title),
        code=_pack_text(code.encode()),
        recording=_pack_text(recording),
        # HTML knows the elements of SVG by itself, and the file names no address at all.
        picture=picture.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1),
    )


def _pack_text(data: bytes) -> str:
    # Without a time stamp: the same run gives the same file.
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode("ascii")
