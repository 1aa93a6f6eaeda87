from __future__ import annotations

import asyncio
import functools
import inspect
import math

import cloudpickle
import pytest

import wf_jupyter as wf
from tests.drafts import unpacked
from wf_jupyter.dsl.options import TASK_OPTIONS


@wf.task
def double(x: int) -> int:
    """Twice as much."""
    return 2 * x


@wf.task
def add(a, b=0, *, c=0):
    return a + b + c


def test_outside_a_workflow_a_task_is_the_function_it_decorates():
    assert double(4) == 8
    assert double.__name__ == "double"
    assert double.__doc__ == "Twice as much."
    assert str(inspect.signature(double)) == "(x: 'int') -> 'int'"
    with pytest.raises(TypeError):
        double()  # type: ignore[call-arg]


def test_outside_a_workflow_map_calls_the_function_for_each_entry():
    assert double.map([1, 2, 3]) == [2, 4, 6]
    assert add.partial(b=10).map([1, 2], c=[100, 200]) == [111, 212]
    assert double.map([]) == []


def test_an_async_task_is_a_coroutine_function_outside_a_workflow():
    @wf.task
    async def later(x):
        return x + 1

    assert asyncio.run(later(1)) == 2

    @wf.workflow
    def one():
        return later(1)

    assert one.bind().draft.nodes[0].options.is_async


def test_options_are_kept_for_one_call_with_with_options():
    @wf.task(retries=2, timeout=30, tags=["io"], resources={"gpu": 1})
    def fetch(x):
        return x

    @wf.workflow
    def both():
        fetch(1)
        fetch.with_options(retries=5, name="again", timeout=None)(2)

    first, second = both.bind().draft.nodes
    assert (first.key, first.options.retries, first.options.timeout, first.options.tags) == ("fetch", 2, 30.0, ("io",))
    assert (second.key, second.options.retries, second.options.timeout) == ("again", 5, None)
    assert second.options.resources == {"gpu": 1.0}


def test_retry_delay_may_be_a_sequence_and_retry_on_a_class_or_a_tuple():
    @wf.task(retries=3, retry_delay=[1, 5, 30], retry_on=(OSError, ValueError))
    def fetch():
        pass

    @wf.workflow
    def one():
        fetch()
        fetch.with_options(retry_on=KeyError)()

    first, second = one.bind().draft.nodes
    assert first.options.retry_delays == (1.0, 5.0, 30.0)
    assert first.retry_on == (OSError, ValueError)
    assert second.retry_on == (KeyError,)


@pytest.mark.parametrize(
    ("options", "field", "allowed"),
    [
        ({"retries": -1}, "retries", "0 or more"),
        ({"retries": "3"}, "retries", "expected int, got str"),
        ({"retries": True}, "retries", "expected int, got bool"),
        ({"retries": 10**30}, "retries", "at most 1,000,000"),
        ({"retry_delay": -1}, "retry_delay", "0 or more"),
        ({"retry_delay": 1e300}, "retry_delay", "at most a year"),
        ({"retry_backoff": math.inf}, "retry_backoff", "at most 1000"),
        ({"timeout": math.inf}, "timeout", "at most a year"),
        ({"max_parallel": 10**30}, "max_parallel", "at most 1,000,000"),
        ({"retry_delay": [1, "x"]}, "retry_delay", "expected float, got str"),
        ({"retry_delay": []}, "retry_delay", "at least one"),
        ({"retry_backoff": 0.5}, "retry_backoff", "1 or more"),
        ({"retry_jitter": 2}, "retry_jitter", "between 0 and 1"),
        ({"retry_on": "ValueError"}, "retry_on", "an exception class or a tuple"),
        ({"timeout": 0}, "timeout", "more than 0 seconds"),
        ({"timeout": math.nan}, "timeout", "more than 0 seconds"),
        ({"cache": "yes"}, "cache", "bool | float"),
        ({"cache": -1}, "cache", "seconds to live"),
        ({"trigger_rule": "any"}, "trigger_rule", "all_success, all_done, one_failed"),
        ({"executor": "cloud"}, "executor", "one of local, dask, or None"),
        ({"max_parallel": 0}, "max_parallel", "1 or more"),
        ({"resources": {"gpu": 0}}, "resources['gpu']", "more than 0"),
        ({"outputs": 0}, "outputs", "1 or more"),
        ({"outputs": ("a", "a")}, "outputs", "twice"),
        ({"outputs": "ab"}, "outputs", "a tuple of names"),
        ({"tags": "io"}, "tags", "list of texts"),
    ],
)
def test_a_wrong_option_is_refused_naming_the_field_and_what_it_may_be(options, field, allowed):
    with pytest.raises(wf.InputError) as caught:
        wf.task(**options)(double.function)
    assert caught.value.field == field
    assert allowed in str(caught.value)
    assert "'double'" in str(caught.value)


def test_an_unknown_option_is_refused_with_the_nearest_known_one():
    with pytest.raises(
        wf.WorkflowDefinitionError, match="'retires' is not an option of a task: did you mean 'retries'"
    ):
        wf.task(retires=3)(double.function)  # type: ignore[call-overload]
    with pytest.raises(wf.WorkflowDefinitionError, match="there are name, retry_on"):
        double.with_options(zzz=3)  # type: ignore[call-arg]


def test_the_options_of_the_decorator_are_those_of_the_contract():
    assert set(TASK_OPTIONS) == {
        *("name", "retries", "retry_delay", "retry_backoff", "retry_jitter", "retry_on", "timeout", "cache"),
        *("cache_version", "trigger_rule", "max_parallel", "resources", "tags", "outputs", "executor", "threads"),
    }


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a[0]", "a\nb", "\ud800", 3])
def test_a_name_that_would_make_keys_ambiguous_is_refused(name):
    with pytest.raises(wf.WorkflowDefinitionError, match="name"):
        wf.task(name=name)(double.function)
    with pytest.raises(wf.WorkflowDefinitionError, match="name"):
        wf.workflow(name=name)(double.function)


@pytest.mark.parametrize("name", ["x" * 300, "naïve – 抽出 🚀", "a <b>", "שלום"])
def test_a_name_may_be_any_other_text(name):
    assert wf.task(name=name)(double.function).name == name


def test_what_cannot_be_a_task_is_refused():
    def numbers():
        yield 1

    for wrong, reason in [
        (numbers, "return a list"),
        (double, "a task already"),
        (wf.workflow(lambda: None), "is a workflow"),
        (3, "decorates functions"),
        ("fetch", "name='fetch'"),
    ]:
        with pytest.raises(wf.WorkflowDefinitionError, match=reason):
            wf.task(wrong)  # type: ignore[call-overload]


def test_lambdas_partials_builtins_and_callable_objects_can_be_tasks():
    class Scale:
        def __call__(self, x):
            return x * 3

    tasks = [wf.task(lambda x: x), wf.task(functools.partial(add.function, 1)), wf.task(math.sqrt), wf.task(Scale())]

    @wf.workflow
    def all_of_them():
        return [task(4) for task in tasks]

    assert [node.key for node in all_of_them.bind().draft.nodes] == ["lambda", "partial", "sqrt", "Scale"]


def test_a_method_can_be_a_task_with_its_object_as_first_argument():
    class Model:
        def __init__(self, k):
            self.k = k

        @wf.task
        def scale(self, x):
            return self.k * x

    assert Model(3).scale(2) == 6

    @wf.workflow
    def flow():
        return Model(2).scale.map([1, 2])

    (node,) = unpacked(flow.bind().draft)
    assert node.function(*node.args, x=5) == 10


def test_a_task_survives_pickling_and_its_bytes_do_not_depend_on_its_use():
    before = cloudpickle.dumps(double)

    @wf.workflow
    def flow():
        double(1)

    flow.bind()
    assert cloudpickle.dumps(double) == before
    again = cloudpickle.loads(before)
    assert again(3) == 6
    assert again.with_options(retries=1).name == "double"


def test_representations_hold_no_addresses():
    assert repr(double) == "<task double>"
    assert repr(double.partial(x=1)) == "<task double with some arguments fixed>"
    assert repr(wf.workflow(name="w")(add.function)) == "<workflow w(a, b=0, *, c=0)>"
