"""What must be an error in the editor. Each marked line is one, in both checkers. Checked, never run."""

from __future__ import annotations

import wf_jupyter as wf


@wf.task
def fetch(city: str, n: int = 1) -> int:
    return n


@wf.task
async def download(url: str) -> bytes:
    return b""


@wf.task(outputs=2)
def split(n: int) -> tuple[int, str]:
    return n, ""


@wf.task
def add(x: float, y: float) -> float:
    return x + y


class Model:
    @wf.task
    def fit(self, n: int) -> float:
        return n


@wf.workflow
def weather(cities: list[str], strict: bool = False) -> int:
    return fetch(cities[0])


@wf.workflow
def body(cities: list[str]) -> int:
    fetch(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fetch("x", m=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    fetch()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    fetch(city=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fetch.map([1, 2])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    fetch.map(3)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    fetch.map(city=3)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    fetch.map(download("url").decode)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    add(fetch("x"), "y")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    add(1, download("url"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    add.map([1], ["a"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    download(3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    download("x", tries=3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    fetch.with_options(retris=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    fetch.with_options(retries="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fetch.with_options(trigger_rule="all_succes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fetch.with_options(timeout="30")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    fetch("x").upper()  # type: ignore[attr-defined]  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
    Model().fit("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    first, second, third = split(3)  # type: ignore[misc]  # pyright: ignore[reportAssignmentType, reportUnusedVariable, reportUnknownVariableType]
    weather(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    weather(citis=cities)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    for number in wf.track(3):  # type: ignore[var-annotated, arg-type]  # pyright: ignore[reportUnknownVariableType, reportArgumentType]
        del number
    wf.progress("half")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return download("url")  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@wf.task(retris=3)  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportCallIssue, reportUntypedFunctionDecorator]
def misspelt(n: int) -> int:
    return n


@wf.task(trigger_rule="all")  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportArgumentType]
def no_such_rule(n: int) -> int:
    return n


@wf.task(tags="net")  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportArgumentType]
def one_text(n: int) -> int:
    return n


@wf.workflow(executer="dask")  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportCallIssue, reportUntypedFunctionDecorator]
def misspelt_too(n: int) -> int:
    return n


@wf.workflow(executor="dusk")  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportArgumentType]
def no_such_executor(n: int) -> int:
    return n


def in_a_cell() -> None:
    weather.submit(citis=["Oslo"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    weather.submit(cities="Oslo")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    weather.submit()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    weather.submit(["Oslo"], strict=True, timeout=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    weather.bind(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    weather.with_options(on_failur="fail_fast")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    weather.with_options(on_failure="stop")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    weather.with_options(retries=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    execution = weather.submit(["Oslo"])
    text: str = execution.result()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    execution.result(timout=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    execution.tasks["fetch"].statu  # type: ignore[attr-defined]  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
    execution.tasks[3]  # type: ignore[index]  # pyright: ignore[reportArgumentType]
    execution.resul()  # type: ignore[attr-defined]  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
    execution.view(tab=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    wf.connect(mode="inline")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    wf.execute(weather)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    wf.get_execution(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    wf.submit(weather)  # type: ignore[attr-defined]  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
    wf.exectue("weather")  # type: ignore[attr-defined]  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
    wf.Excution  # type: ignore[attr-defined]  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
    print(text)
