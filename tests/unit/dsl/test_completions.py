"""What Tab offers in a notebook."""

from __future__ import annotations

import pytest

import wf_jupyter as wf


@wf.task
def fetch(city: str, tries: int = 3) -> str:
    return city


@wf.workflow
def weather(cities: list[str], strict: bool = False):
    return fetch.map(cities)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("@wf.task(retr", ["retries=", "retry_backoff=", "retry_delay=", "retry_jitter=", "retry_on="]),
        ("fetch.with_options(time", ["timeout="]),
        ("@wf.workflow(on_", ["on_failure="]),
        ("weather.with_options(exec", ["executor="]),
        ("weather.submit(ci", ["cities="]),
        ("weather.submit(['Oslo'], str", ["strict="]),
        ("weather.bind(ci", ["cities="]),
        ("weather(ci", ["cities="]),
        ("fetch(tr", ["tries="]),
        ("fetch.map(ci", ["city="]),
        ("fetch.partial(tr", ["tries="]),
    ],
)
def test_tab_completes_options_and_inputs(typed: str, offered: list[str]) -> None:
    completer = pytest.importorskip("IPython.core.completer")
    tab = completer.IPCompleter(namespace={"wf": wf, "fetch": fetch, "weather": weather}, use_jedi=False)
    with completer.provisionalcompleter():
        found = [each.text for each in tab.completions(typed, len(typed))]
    assert [text for text in found if text.endswith("=")] == offered
