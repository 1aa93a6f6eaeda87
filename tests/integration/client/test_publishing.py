"""A workflow that was published is executed by name, with JSON, wherever it runs."""

from __future__ import annotations

import pytest

import wf_jupyter as wf
from tests.sample_workflows import doubling
from wf_jupyter.client.publishing import parameters

pytestmark = pytest.mark.usefixtures("place")


def test_a_published_workflow_is_executed_by_its_name():
    doubling().publish("double them")
    assert "double them" in wf.workflows()
    execution = wf.execute("double them", {"numbers": [1, 2]})
    assert execution.workflow == "double them"
    assert execution.result(timeout=60) == 6


def test_inputs_that_do_not_fit_are_named_when_it_is_executed():
    doubling().publish()
    with pytest.raises(wf.InputError, match="numbers"):
        wf.execute("doubled", {"numbers": "three"})
    with pytest.raises(wf.InputError, match="digits"):
        wf.execute("doubled", {"digits": []})


def test_the_inputs_are_described_as_json_schema():
    @wf.workflow
    def w(cities: list[str], strict: bool = False, anything=None, *rest):
        return 1

    assert parameters(w) == {
        "type": "object",
        "properties": {
            "cities": {"type": "array", "items": {"type": "string"}},
            "strict": {"type": "boolean", "default": False},
            "anything": {"default": None},
        },
        "required": ["cities"],
        "additionalProperties": False,
    }


def test_code_that_cannot_travel_cannot_be_published():
    lock = __import__("threading").Lock()

    @wf.workflow
    def w():
        return lock

    with pytest.raises(wf.WorkflowDefinitionError, match="'w' cannot be published"):
        w.publish()
