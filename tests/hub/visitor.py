"""What a user of a Hub runs, and sees of it."""

from __future__ import annotations

from typing import Any

from tests.browser import texts
from tests.jupyter_process import until

from .hub import Hub

FLOW = """
import wf_jupyter as wf
@wf.task
def one(x):
    print("one", x)
    return x + 1
@wf.task
def slow(x, seconds):
    import time
    time.sleep(seconds)
    return x * 2
@wf.workflow
def flow(x: int, seconds: float = 0.1):
    return slow(one(x), seconds)
"""
START = FLOW + "e = flow.submit(x=1, seconds=300.0); print(wf.connection().place, e.id)"


def log_in(page: Any, hub: Hub, user: str) -> None:
    page.set_default_timeout(60_000)
    page.goto(f"{hub.url}hub/login")
    page.fill("#username_input", user)
    page.fill("#password_input", "x")
    page.click("#login_submit")
    page.wait_for_url(lambda url: "login" not in url)


def is_live(page: Any) -> bool:
    """Whether the view shows a run without any word about its connection."""
    # JupyterLab has that word in a corner, too.
    told = " ".join(page.locator(".wfj-root").all_inner_texts())
    return "Running" in told and not page.locator(".wfj-badge:visible").count()


def comes_to_live(page: Any, seconds: float = 40) -> None:
    until(lambda: (page.wait_for_timeout(100), is_live(page))[1], f"not live: {texts(page)[:300]}", seconds)
