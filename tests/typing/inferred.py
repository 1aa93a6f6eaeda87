"""What people write, as pyright and mypy --strict must understand it. Checked, never run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar, assert_type

import wf_jupyter as wf
from wf_jupyter.dsl.workflow import BoundWorkflow
from wf_jupyter.errors import TaskError

X = TypeVar("X")


class Frame:
    rows: int


class Report:
    text: str


@wf.task
def fetch(city: str) -> Frame:
    return Frame()


@wf.task(retries=2, timeout=30, retry_delay=[1, 2.5], retry_on=(OSError, ValueError), cache=3600, tags=["net"])
def clean(frame: Frame, strict: bool = False) -> Frame:
    return frame


@wf.task(trigger_rule="all_done", cache_version=2, resources={"gpu": 1}, max_parallel=3, name="make report")
def report(frames: Sequence[Frame], *, strict: bool = False) -> Report:
    return Report()


@wf.task()
async def download(url: str, tries: int = 3) -> bytes:
    return b""


@wf.task(outputs=2)
def split(frame: Frame) -> tuple[Frame, list[int]]:
    return frame, []


@wf.task
def add(x: float, y: float, z: float = 0) -> float:
    return x + y + z


@wf.task
def total(*numbers: int) -> int:
    return sum(numbers)


@wf.task
def keyword(*, city: str, n: int = 3) -> int:
    return n


@wf.task
def nothing(frame: Frame) -> None: ...


@wf.task
def anything(x: Any) -> Any:
    return x


@wf.task
def is_big(frame: Frame) -> bool:
    return True


@wf.task
def cities_of(country: str) -> list[str]:
    return []


@wf.task
def options_of(name: str) -> dict[str, int]:
    return {}


class Model:
    @wf.task
    def fit(self, frame: Frame, depth: int = 3) -> float:
        return 1.0

    @wf.task(retries=1)
    async def score(self, frame: Frame) -> float:
        return 1.0


@wf.workflow
def weather(cities: list[str], strict: bool = False) -> Report:
    frames = clean.map(fetch.map(cities))
    assert_type(fetch.map(cities), list[Frame])
    assert_type(frames, list[Frame])
    return report(frames, strict=strict)


@wf.workflow(name="nightly", executor="local", max_parallel=4, on_failure="fail_fast")
def nightly(countries: Sequence[str] = ("NO",), *, limit: int | None = None) -> dict[str, Frame]:
    return {"a": fetch("Oslo")}


@wf.workflow()
def untyped_return(n: int):  # type: ignore[no-untyped-def]
    return add(n, 1)


@wf.task
def converge(x: float) -> float | BoundWorkflow[float]:
    return x if x < 1 else halved.bind(x)


@wf.workflow
def halved(x: float) -> float:
    return converge(x / 2)


@wf.workflow
def every_construct(cities: list[str], country: str) -> tuple[Frame, Report | None]:
    frame = fetch("Oslo")
    assert_type(frame, Frame)
    assert_type(fetch(city="Oslo"), Frame)
    assert_type(download("url"), bytes)
    assert_type(download.map(cities), list[bytes])
    assert_type(download.map(url=cities), list[bytes])
    assert_type(download.map(cities, [1, 2]), list[bytes])
    assert_type(download.partial(tries=1).map(cities), list[bytes])
    assert_type(download.with_options(retries=1)("url"), bytes)
    first, second = split(frame)
    assert_type(first, Frame)
    assert_type(second, list[int])
    assert_type(add.map([1, 2], [3.0, 4.0]), list[float])
    assert_type(add.map([1], [2], [3]), list[float])
    assert_type(add.map([1], y=[2]), list[float])
    assert_type(add.map(x=[1], y=[2]), list[float])
    assert_type(add.partial(y=1).map([1, 2]), list[float])
    assert_type(add.partial(1)(2), float)
    assert_type(add.map(range(3), (1, 2, 3)), list[float])
    assert_type(total(1, 2, 3), int)
    assert_type(total.map([1, 2], [3, 4]), list[int])
    assert_type(keyword(city="Oslo"), int)
    assert_type(keyword.map(city=cities), list[int])
    assert_type(fetch.map(cities_of(country)), list[Frame])
    assert_type(fetch.map([cities_of(c)[0] for c in cities]), list[Frame])
    assert_type(options_of("x")["depth"], int)
    assert_type(Model().fit(frame, depth=2), float)
    assert_type(Model().fit.map([frame]), list[float])
    assert_type(Model().fit.with_options(timeout=3)(frame), float)
    assert_type(Model().score(frame), float)
    assert_type(fetch.with_options(retries=3, name="again")("Oslo"), Frame)
    assert_type(fetch.with_options(cache=True).map(cities), list[Frame])
    assert_type(anything(3), Any)
    assert_type(weather(cities), Report)
    assert_type(nightly(), dict[str, Frame])
    assert_type(halved(3), float)
    assert_type(converge(3), float)
    assert_type(converge.map([1, 2]), list[float])
    with wf.when(is_big(frame)):
        big = clean(frame)
    with wf.unless(is_big(frame)):
        small = fetch("small")
    assert_type(wf.coalesce(big, small), Frame)
    assert_type(wf.coalesce(big, small, frame), Frame)
    assert_type(wf.coalesce(big, None), Frame | None)
    assert_type(wf.allow_failure(frame), Frame | TaskError)
    notified = nothing.after(frame)(frame)
    assert_type(notified, None)
    assert_type(fetch.after(frame, big).map(cities), list[Frame])
    return wf.coalesce(big, small), report([frame])


@wf.workflow
def returns_inside_a_condition(n: int) -> float:
    with wf.when(is_big(fetch("Oslo"))):
        return add(n, 1)


@wf.task
def counts(numbers: list[int]) -> int:
    for number in wf.track(numbers, text="counting"):
        assert_type(number, int)
    for line in wf.track(lines()):
        assert_type(line, str)
    wf.progress(1, 2, "half")
    context = wf.current_task()
    if context is not None:
        assert_type(context.attempt, int)
        assert_type(context.index, int | None)
    return 1


def lines() -> Iterator[str]:
    yield ""


async def at_the_end_of_a_cell() -> None:
    execution = weather.submit(cities=["Oslo", "Rome"])
    assert_type(execution, wf.Execution[Report])
    assert_type(execution.result(timeout=60), Report)
    assert_type(await execution, Report)
    assert_type(execution.result().text, str)
    assert_type(weather(["Oslo"]), Report)
    assert_type(weather.submit(["Oslo"], strict=True).result(), Report)
    assert_type(weather.bind(cities=[]).submit().result(), Report)
    assert_type(weather.bind(cities=[]).with_inputs(strict=True).submit(), wf.Execution[Report])
    assert_type(weather.with_options(executor="dask", max_parallel=2).submit(cities=[]).result(), Report)
    assert_type(nightly.submit().result(), dict[str, Frame])
    assert_type(nightly.submit(limit=3).rerun(from_="fetch").result(), dict[str, Frame])
    assert_type(every_construct.submit([], "NO").result(), tuple[Frame, Report | None])
    task = execution.tasks["fetch[0]"]
    assert_type(task.attempts, int)
    assert_type(task.duration, float | None)
    assert_type(task.result(), Any)
    assert_type(task.inputs(), dict[str, Any])
    assert_type(task.call(), Any)
    assert_type(task.debug(), Any)
    assert_type(list(execution.tasks), list[str])
    assert_type([event.seq for event in execution.events()], list[int])
    for event in execution.events(follow=True):
        assert_type(event.seq, int)
    for piece in execution.logs(follow=True):
        assert_type(piece, str)
    assert_type(wf.get_execution("id"), wf.Execution[Any])
    assert_type(wf.execute("nightly", {"limit": 3}), wf.Execution[Any])
    assert_type(wf.workflows(), list[str])
    wf.connect(mode="embedded")
    held: list[wf.Execution] = [execution, wf.get_execution("id")]
    takes_any(held[0])
    # Outside a body a task is the function; an `async def` one is awaited by its function.
    assert_type(fetch("Oslo"), Frame)
    assert_type(await download.function("url"), bytes)
    assert_type(clean.function(Frame()), Frame)


def takes_any(execution: wf.Execution) -> Future[Report]:
    raise NotImplementedError
