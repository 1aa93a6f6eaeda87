"""Tasks: functions that a workflow calls.

Outside a workflow's body a task is the function it decorates, so that it can be tested and reused as
such. Inside one, calling it records a node.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, Unpack, cast, overload

from wf_jupyter.dsl import tracing
from wf_jupyter.dsl.calls import AdaptedCall
from wf_jupyter.dsl.mapping import Mapped, as_list, check_lengths, mapped_arguments, sources
from wf_jupyter.dsl.nodes import Node
from wf_jupyter.dsl.options import TASK_OPTIONS, TaskSettings, task_settings
from wf_jupyter.dsl.signatures import takes_options, takes_the_parameters
from wf_jupyter.errors import WorkflowDefinitionError

if TYPE_CHECKING:
    from wf_jupyter.dsl.keywords import TaskKeywords

P = ParamSpec("P")
#: Other parameters: all but those that an overload names.
Q = ParamSpec("Q")
R = TypeVar("R", covariant=True)
T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

_ANYTHING = inspect.Signature(
    [
        inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
        inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
    ]
)
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultedTypeVar

    # Whoever writes `BoundWorkflow` alone means one of any result.
    G = DefaultedTypeVar("G", covariant=True, default=Any)
else:
    G = TypeVar("G", covariant=True)


class Expandable(Generic[G]):
    """A graph that a task may return instead of a value: its result, an `R`, becomes the task's."""


class Task(Generic[P, R]):
    """A function with options. Made by `@wf.task`; `function` is the plain function.

    To a type checker a call gives what the function returns (an `async def` one: what it gives when it is
    awaited; one that returns `other.bind(...)`: what that graph returns), because that is what the next task
    receives. Inside a body it is a node all the same. A unit test of an `async def` task awaits `task.function(...)`.
    """

    function: Callable[P, R]
    __name__: str

    def __init__(self, function: Callable[P, R], options: Mapping[str, object]) -> None:
        self._set(function, dict(options))

    def _set(self, function: Callable[P, R], options: dict[str, object]) -> None:
        self.function = function
        self._given = options
        self._earlier: tuple[object, ...] = ()
        self._settings: TaskSettings = task_settings(function, options)
        self._signature: inspect.Signature | None = None
        self._positions: range | None = None
        self.__wrapped__ = function
        self.__name__ = getattr(function, "__name__", self.name)
        self.__qualname__ = getattr(function, "__qualname__", self.name)
        self.__module__ = getattr(function, "__module__", None) or __name__
        self.__doc__ = function.__doc__

    @property
    def name(self) -> str:
        """The task's name: the first part of its keys."""
        return self._settings.name

    @property
    def signature(self) -> inspect.Signature:
        """The function's signature; one that takes anything when it has none."""
        if self._signature is None:
            try:
                self._signature = inspect.signature(self.function)
            except (ValueError, TypeError):
                self._signature = _ANYTHING
        return self._signature

    @overload
    def __call__(self: Task[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    def __call__(self: Task[P, T | Expandable[T]], *args: P.args, **kwargs: P.kwargs) -> T: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        trace = tracing.current()
        if trace is None:
            _refuse_nodes(self.name, args, kwargs)
            return self.function(*args, **kwargs)
        if kwargs or not self._takes(len(args)):
            self._bind(args, kwargs, "")
        return self._record(trace, self._call(args, kwargs))

    @overload
    def map(
        self: Task[Concatenate[A, Q], Coroutine[Any, Any, T]], a: Iterable[A], /, **named: Iterable[Any]
    ) -> list[T]: ...
    @overload
    def map(
        self: Task[Concatenate[A, B, Q], Coroutine[Any, Any, T]],
        a: Iterable[A],
        b: Iterable[B],
        /,
        **named: Iterable[Any],
    ) -> list[T]: ...
    @overload
    def map(self: Task[P, Coroutine[Any, Any, T]], /, **named: Iterable[Any]) -> list[T]: ...
    @overload
    def map(self: Callable[Concatenate[A, ...], T], a: Iterable[A], /, **named: Iterable[Any]) -> list[T]: ...
    @overload
    def map(
        self: Callable[Concatenate[A, B, ...], T], a: Iterable[A], b: Iterable[B], /, **named: Iterable[Any]
    ) -> list[T]: ...
    @overload
    def map(
        self: Callable[Concatenate[A, B, C, ...], T],
        a: Iterable[A],
        b: Iterable[B],
        c: Iterable[C],
        /,
        *more: Iterable[Any],
        **named: Iterable[Any],
    ) -> list[T]: ...
    @overload
    def map(self, /, **named: Iterable[Any]) -> list[R]: ...
    @takes_the_parameters
    def map(self, /, *lists: Any, **named: Any) -> Any:
        """One task per entry of the lists: the first of each, the second of each, and so on.

        Inside a body the result is a node whose value is the list of results; a list may be a node.
        Outside of one the function is called at once for each entry, and a list is returned.
        """
        return self._map((), {}, lists, named)

    @overload
    def partial(self: Task[P, Coroutine[Any, Any, T]], /, *args: Any, **kwargs: Any) -> PartialTask[T]: ...
    @overload
    def partial(self, /, *args: Any, **kwargs: Any) -> PartialTask[R]: ...
    @takes_the_parameters
    def partial(self, /, *args: Any, **kwargs: Any) -> Any:
        """The task with some arguments fixed, for `partial(...).map(...)`: they are the same for every item."""
        self._bind(args, kwargs, ".partial", is_partial=True)
        return PartialTask(self, args, kwargs)

    @takes_options(TASK_OPTIONS)
    def with_options(self, **options: Unpack[TaskKeywords]) -> Task[P, R]:
        """Copy the task with some options changed, for one call: `fetch.with_options(retries=3)(url)`."""
        return self._copy_with({**self._given, **options}, self._earlier)

    def after(self, /, *nodes: object) -> Task[P, R]:
        """Copy the task so that it starts only when those of `nodes` have ended well: `report.after(check)(rows)`.

        It declares what `report(rows).after(check)` declares, and reads well to a type checker, to which
        `report(rows)` is the report and has no `after`.
        """
        return self._copy_with(self._given, (*self._earlier, *nodes))

    def _copy_with(self, options: Mapping[str, object], earlier: tuple[object, ...]) -> Task[P, R]:
        changed = type(self)(self.function, options)
        changed._earlier = earlier
        return changed

    def _record(self, trace: tracing.Trace, call: tracing.Call) -> Node:
        node = trace.record(call)
        return node.after(*self._earlier) if self._earlier else node

    def _map(
        self,
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        lists: tuple[object, ...],
        named: Mapping[str, object],
    ) -> object:
        bound = self._bind(
            (*args, *map(Mapped, lists)),
            {**kwargs, **{name: Mapped(values) for name, values in named.items()}},
            ".map",
        )
        mapped = mapped_arguments(bound)
        plain = {name: value for name, value in kwargs.items() if name not in named}
        trace = tracing.current()
        if trace is None:
            _refuse_nodes(self.name, (*args, *lists), {**plain, **named})
            return self._map_now(args, plain, lists, named)
        over = sources(trace, self.name, mapped.over)
        call = self._call(args, plain, mapped.positional)
        call.over = over
        return self._record(trace, call)

    def _map_now(
        self,
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        lists: tuple[object, ...],
        named: Mapping[str, object],
    ) -> list[object]:
        columns = {str(index): as_list(values, self.name, f"argument {index}") for index, values in enumerate(lists)}
        columns.update((name, as_list(values, self.name, name)) for name, values in named.items())
        check_lengths(self.name, {name: len(values) for name, values in columns.items()})
        function = cast("Callable[..., object]", self.function)
        rows = zip(*columns.values(), strict=True)
        return [
            function(*args, *row[: len(lists)], **kwargs, **dict(zip(named, row[len(lists) :], strict=True)))
            for row in rows
        ]

    def _call(
        self, args: tuple[object, ...], kwargs: Mapping[str, object], positional: tuple[str, ...] = ()
    ) -> tracing.Call:
        settings = self._settings
        function: Callable[..., object] = self.function
        if positional or settings.outputs is not None:
            function = AdaptedCall(settings.name, function, positional, settings.outputs)
        return tracing.Call(
            name=settings.name,
            function=function,
            args=args,
            kwargs=kwargs,
            options=settings.options,
            retry_on=settings.retry_on,
            outputs=settings.outputs,
        )

    def _takes(self, many: int) -> bool:
        """Whether so many arguments by position, and no others, surely fit; `bind` takes as long as all the rest."""
        if self._positions is None:
            kinds = [(each.kind, each.default is each.empty) for each in self.signature.parameters.values()]
            by_position = [is_needed for kind, is_needed in kinds if kind in _BY_POSITION]
            others = any(is_needed for kind, is_needed in kinds if kind is inspect.Parameter.KEYWORD_ONLY)
            self._positions = range(0) if others else range(sum(by_position), len(by_position) + 1)
        return many in self._positions

    def _bind(
        self, args: tuple[object, ...], kwargs: Mapping[str, object], how: str, is_partial: bool = False
    ) -> inspect.BoundArguments:
        bind = self.signature.bind_partial if is_partial else self.signature.bind
        try:
            return bind(*args, **kwargs)
        except TypeError as error:
            raise WorkflowDefinitionError(
                f"task {self.name}{how}(...): {error}; its signature is {self.name}{self.signature}"
            ) from None

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Task[P, R]: ...
    @overload
    def __get__(self: Task[Concatenate[A, Q], T], instance: A, owner: type | None = None) -> Task[Q, T]: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """A task in a class body is a method: its instance is the first argument."""
        return self if instance is None else PartialTask(self, (instance,), {})

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    # Only these two travel: what is derived from them may differ between processes, and then the
    # same task would have two digests.
    def __getstate__(self) -> tuple[Callable[P, R], dict[str, object]]:
        return self.function, self._given

    def __setstate__(self, state: tuple[Callable[P, R], dict[str, object]]) -> None:
        self._set(*state)


class PartialTask(Generic[R]):
    """A task with some arguments fixed."""

    def __init__(self, task: Task[..., R], args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        self.task = task
        self.args = args
        self.kwargs = dict(kwargs)

    def __call__(self, /, *args: Any, **kwargs: Any) -> R:
        return self.task(*self.args, *args, **{**self.kwargs, **kwargs})

    def map(self, /, *lists: Iterable[Any], **named: Iterable[Any]) -> list[R]:
        """As `Task.map`, with the fixed arguments the same for every item."""
        return cast("list[R]", self.task._map(self.args, self.kwargs, lists, named))

    def partial(self, /, *args: Any, **kwargs: Any) -> PartialTask[R]:
        """Fix more arguments."""
        return self.task.partial(*self.args, *args, **{**self.kwargs, **kwargs})

    def with_options(self, **options: Unpack[TaskKeywords]) -> PartialTask[R]:
        """As `Task.with_options`."""
        return PartialTask(self.task.with_options(**options), self.args, self.kwargs)

    def after(self, /, *nodes: object) -> PartialTask[R]:
        """As `Task.after`."""
        return PartialTask(self.task.after(*nodes), self.args, self.kwargs)

    def __repr__(self) -> str:
        return f"<task {self.task.name} with some arguments fixed>"


@overload
def task(function: Callable[P, T], /) -> Task[P, T]: ...


@overload
def task(**options: Unpack[TaskKeywords]) -> Callable[[Callable[P, T]], Task[P, T]]: ...


@takes_options(TASK_OPTIONS)
def task(function: Any = None, /, **options: Any) -> Any:
    """Make a function a task: `@wf.task`, or `@wf.task(retries=2, timeout=30)`.

    Args:
        name: the first part of the task's keys; the function's name when not given.
        retries: attempts after the first.
        retry_delay: seconds before the first retry, or a sequence of them, one per retry.
        retry_backoff: what each further wait is multiplied by.
        retry_jitter: the share by which a wait is spread at random.
        retry_on: the exceptions that are worth another attempt.
        timeout: seconds that an attempt may take.
        cache: reuse a result for the same code and inputs: True, or for how many seconds.
        cache_version: change it to forget cached results.
        trigger_rule: `all_success`, `all_done` or `one_failed`.
        max_parallel: how many items of one mapped task run at a time.
        resources: what an attempt takes from the pool, by name: `{"gpu": 1}` devices of its own, `{"memory": "8GB"}`
            memory, of which it may hold no more, and whatever else the server's settings name.
        threads: how many threads numeric libraries start in it.
        tags: texts to find tasks by.
        executor: where it runs (`local`, `dask`, or a `concurrent.futures.Executor`), when not where the rest of the
            execution does.
        outputs: how many values, or under which names, a node can be unpacked into.

    Raises `InputError` for an option that is out of range, `WorkflowDefinitionError` for one that
    does not exist or a function that cannot be a task.
    """
    if function is None:
        return lambda decorated: _task(decorated, options)
    if isinstance(function, str):
        raise WorkflowDefinitionError(f"@wf.task({function!r}): write @wf.task(name={function!r})")
    return _task(function, options)


def _task(function: Any, options: Mapping[str, object]) -> Task[..., Any]:
    if isinstance(function, Task):
        raise WorkflowDefinitionError(f"{function.name!r} is a task already: use .with_options(...) to change options")
    if hasattr(function, "__wf_workflow__"):
        raise WorkflowDefinitionError(f"{function!r} is a workflow, not a function: call it inside another workflow")
    if not callable(function):
        raise WorkflowDefinitionError(f"@wf.task decorates functions, not a {type(function).__name__}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise WorkflowDefinitionError(
            f"task {getattr(function, '__name__', function)!r} is a generator, and a result must be a value: "
            "return a list instead of using `yield`"
        )
    given = {name: value for name, value in options.items() if not (name == "resources" and value is None)}
    return Task(function, given)


def _refuse_nodes(name: str, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
    for value in (*args, *kwargs.values()):
        if isinstance(value, Node):
            raise tracing.foreign(value)
