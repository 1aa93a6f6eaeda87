"""Names who runs and who draws workflows: the package root loads this, so that `launch` need not know them."""

from __future__ import annotations

from wf_jupyter import launch


def _client() -> launch.Launcher:
    from wf_jupyter.client import api

    return api


def _pictures() -> launch.Pictures:
    from wf_jupyter.render import picture

    return picture


launch.provide(_client, _pictures)
