"""The orchestrator under many more faults than the suite has time for; see `tests/property/test_fault_machine.py`.

`WF_JUPYTER_FAULT_EXAMPLES` changes how many histories are played.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property import test_fault_machine as machine

HISTORIES = int(os.environ.get("WF_JUPYTER_FAULT_EXAMPLES", "1500"))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_faults_at_every_place_park_no_execution_for_good_and_lose_nothing() -> None:
    machine.met.clear()
    machine.played.clear()
    play = settings(machine.TestFaults.settings, max_examples=HISTORIES, derandomize=False)
    run_state_machine_as_test(machine.FaultMachine, settings=play)
    print(f"\n{machine.table()}")
    unmet = {*machine.STORE, *machine.EXECUTOR} - {place for place, _ in machine.met}
    assert not unmet, f"nothing failed at {unmet}"
