"""What can be configured: every setting of the orchestrator that is an operator's to make."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from traitlets import TraitError
from traitlets.config import Config

from wf_jupyter.server.extension import WorkflowExtension
from wf_jupyter.service.config import RuntimeConfig

#: Measured once and the same for everybody; and that a server has no caller's thread.
FIXED = {
    *("inline_limit", "size_limit", "idle_seconds", "grace", "mailbox_limit", "gap_limit"),
    "has_inline",
}


def test_every_setting_of_the_orchestrator_is_a_trait_or_fixed_for_a_reason() -> None:
    settings = {field.name for field in dataclasses.fields(RuntimeConfig)}
    assert settings - FIXED <= set(WorkflowExtension.class_trait_names(config=True))


def test_every_trait_of_ours_says_what_it_is_for() -> None:
    for name, trait in WorkflowExtension.class_own_traits(config=True).items():
        assert len(trait.help) > 20, name


def test_every_trait_is_documented() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "settings.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert set(WorkflowExtension.class_own_traits(config=True)) <= documented


def test_resources_are_numbers_by_name() -> None:
    given = Config({"WorkflowExtension": {"resources": {"gpu": 2, "licence": 0.5}}})
    assert WorkflowExtension(config=given).resources == {"gpu": 2, "licence": 0.5}
    with pytest.raises(TraitError):
        WorkflowExtension(config=Config({"WorkflowExtension": {"resources": {"gpu": -1}}}))
