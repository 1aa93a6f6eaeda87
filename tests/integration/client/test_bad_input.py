"""Everything a caller can get wrong has a clear error that names it, and hurts nothing else."""

from __future__ import annotations

import threading

import pytest

import wf_jupyter as wf
from tests.sample_workflows import doubling

pytestmark = pytest.mark.usefixtures("place")


def returning(value_of):
    @wf.task
    def make():
        return value_of()

    @wf.workflow
    def w():
        return make()

    return w


def test_an_input_that_cannot_be_pickled_names_task_and_parameter():
    @wf.task
    def use(lock):
        return 1

    @wf.workflow
    def w(lock):
        return use(lock)

    with pytest.raises(wf.InputError, match=r"'lock' of task 'use'") as caught:
        w.submit(lock=threading.Lock())
    assert caught.value.field == "lock"


def test_a_result_that_cannot_be_pickled_fails_its_task_by_name_and_type():
    execution = returning(lambda: __import__("threading").Lock()).submit()
    with pytest.raises(wf.TaskFailed, match="make.*lock") as caught:
        execution.result(timeout=30)
    assert caught.value.task == "make"


def test_a_task_that_exits_fails_and_says_so():
    with pytest.raises(wf.TaskFailed, match=r"sys\.exit\(3\)"):
        returning(lambda: __import__("sys").exit(3)).submit().result(timeout=30)


def test_a_crashed_worker_fails_only_its_own_task():
    @wf.task
    def crash():
        import ctypes

        ctypes.string_at(0)

    @wf.task
    def live(n):
        return n

    @wf.workflow
    def w():
        return wf.allow_failure(crash()), live.map([1, 2, 3])

    @wf.task
    def tell(error):
        return str(error)

    failure, others = w.submit().result(timeout=60)
    assert isinstance(failure, wf.TaskError)
    assert "SIGSEGV" in str(failure)
    assert others == [1, 2, 3]
    assert doubling().submit(numbers=[1]).result(timeout=30) == 2


def test_mapping_over_a_result_that_is_no_list_names_task_and_type():
    @wf.task
    def number():
        return 7

    @wf.task
    def use(x):
        return x

    @wf.workflow
    def w():
        return use.map(number())

    with pytest.raises(wf.TaskFailed, match="int"):
        w.submit().result(timeout=30)


def test_results_of_unequal_lengths_name_both():
    @wf.task
    def numbers(n):
        return list(range(n))

    @wf.task
    def add(a, b):
        return a + b

    @wf.workflow
    def w():
        return add.map(numbers(2), numbers(3))

    with pytest.raises(wf.TaskFailed, match=r"(?s)2.*3"):
        w.submit().result(timeout=30)


def test_inputs_that_do_not_fit_the_signature_are_named():
    with pytest.raises(wf.InputError, match="numbers"):
        doubling().submit()
    with pytest.raises(wf.InputError, match="numbers"):
        doubling().submit(numbers="one")
    with pytest.raises(wf.InputError, match="digits"):
        doubling().submit(numbers=[1], digits=2)


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_workflow_name_is_refused(name):
    with pytest.raises(wf.WorkflowDefinitionError, match="name"):
        wf.workflow(name=name)(lambda: 1)
    with pytest.raises(wf.InputError, match="name") as caught:
        wf.execute(name)
    assert caught.value.field == "name"


def test_unknown_names_and_ids_are_named():
    with pytest.raises(wf.WorkflowNotFound, match="nothing-of-this-name"):
        wf.execute("nothing-of-this-name", {})
    with pytest.raises(wf.ExecutionNotFound, match="0123-unknown"):
        wf.get_execution("0123-unknown")
    with pytest.raises(wf.ExecutionNotFound):
        wf.get_execution("../../etc/passwd")
    with pytest.raises(wf.InputError, match="id"):
        wf.get_execution("")
    with pytest.raises(wf.InputError, match="succeeded"):
        wf.executions(status="done")
    with pytest.raises(wf.InputError, match="limit"):
        wf.executions(limit=0)


def test_after_all_that_everything_still_works():
    assert doubling().submit(numbers=list(range(50))).result(timeout=30) == 2450


def test_arguments_of_the_wrong_kind_are_named():
    execution = doubling().submit(numbers=[1])
    execution.wait(timeout=30)
    for wrong, field in (
        (lambda: wf.executions(limit="many"), "limit"),  # type: ignore[arg-type]
        (lambda: wf.execute("doubled", [1]), "inputs"),  # type: ignore[arg-type]
        (lambda: execution.rerun(inputs=[1]), "inputs"),
    ):
        with pytest.raises(wf.InputError, match=f"{field}=.* is not allowed") as caught:
            wrong()
        assert caught.value.field == field
