"""Workflows: functions whose body, run once per submission with the real inputs, draws the graph."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, Unpack, overload

from wf_jupyter import launch
from wf_jupyter.context import current_task
from wf_jupyter.dsl import tracing
from wf_jupyter.dsl.inputs import bound_inputs, has_nodes, mask_defaults
from wf_jupyter.dsl.options import EXECUTION_OPTIONS, check_name, execution_options, is_async
from wf_jupyter.dsl.signatures import takes_options, takes_the_parameters
from wf_jupyter.dsl.task import Expandable, G, Task
from wf_jupyter.errors import InputError, WorkflowDefinitionError
from wf_jupyter.model.draft import Draft
from wf_jupyter.model.policy import ExecutionOptions

if TYPE_CHECKING:
    from wf_jupyter.client.execution import Execution
    from wf_jupyter.dsl.keywords import ExecutionKeywords, WorkflowKeywords

P = ParamSpec("P")
R = TypeVar("R", covariant=True)
T = TypeVar("T")


class Workflow(Generic[P, R]):
    """A workflow. Made by `@wf.workflow`; `function` is the plain body, `options` those of its executions."""

    __wf_workflow__ = True

    function: Callable[P, R]
    name: str
    options: ExecutionOptions
    __name__: str

    def __init__(self, function: Callable[P, R], name: str | None, options: Mapping[str, object]) -> None:
        self._set(function, check_name(name, "workflow", function), dict(options))

    def _set(self, function: Callable[P, R], name: str, options: dict[str, object]) -> None:
        self.function = function
        self.name = name
        self._given = options
        self.options = execution_options(options, name)
        self.__wrapped__ = function
        self.__name__ = getattr(function, "__name__", name)
        self.__qualname__ = getattr(function, "__qualname__", name)
        self.__module__ = getattr(function, "__module__", None) or __name__
        self.__doc__ = function.__doc__

    @property
    def signature(self) -> inspect.Signature:
        """The signature of the body: the workflow's inputs."""
        return inspect.signature(self.function)

    @takes_the_parameters
    def bind(self, /, *args: P.args, **inputs: P.kwargs) -> BoundWorkflow[R]:
        """Trace the body with these inputs. The result shows the graph, and `.submit()` runs it.

        A task that returns a bound workflow is replaced by that graph.
        """
        return self._bind(args, inputs)

    @takes_the_parameters
    def submit(self, /, *args: P.args, **inputs: P.kwargs) -> Execution[R]:
        """Start an execution with these inputs and return it at once."""
        return self._bind(args, inputs).submit()

    def __call__(self, /, *args: P.args, **inputs: P.kwargs) -> R:
        """Run to the end and return the result; inside another workflow's body: become a part of it."""
        trace = tracing.current()
        if trace is not None:
            return self._inline(trace, args, inputs)
        bound = self._bind(args, inputs)
        result: R = launch.launcher().run(bound, bound.options)
        return result

    @takes_options(EXECUTION_OPTIONS)
    def with_options(self, **options: Unpack[ExecutionKeywords]) -> Workflow[P, R]:
        """Copy the workflow with options of its executions changed: `executor`, `max_parallel`, `on_failure`."""
        return Workflow(self.function, self.name, {**self._given, **options})

    def publish(self, name: str | None = None) -> None:
        """Store the workflow where executions run, so that `wf.execute` and the REST interface know it by name."""
        launch.launcher().publish(self, None if name is None else check_name(name, "workflow", self.function))

    def form(self) -> Any:
        """A form for the inputs, made from the signature, with a Run button that shows the live view below."""
        return launch.launcher().form(self)

    def _bind(self, args: tuple[object, ...], inputs: Mapping[str, object]) -> BoundWorkflow[R]:
        outer = tracing.current()
        if outer is not None:
            raise WorkflowDefinitionError(
                f"{self.name!r} cannot be bound or submitted inside the body of {outer.workflow!r}, which is being "
                f"traced: call it, {self.name}(...), to make it a part of that workflow"
            )
        bound = bound_inputs(self.name, self.function, self.signature, args, inputs)
        # What a task returns runs where that task runs, whatever its own options say.
        task = current_task()
        inline = self.options.executor == "inline" or (task is not None and task.is_inline)
        with tracing.tracing(self.name, inline=inline) as trace:
            if has_nodes(bound):
                raise WorkflowDefinitionError(
                    f"an input of {self.name!r} is a node of another workflow: nodes can only be used inside the "
                    "body that made them"
                )
            trace.know(bound)
            with trace.body(self.function, self.name):
                draft = trace.finish(_check_result(self.name, self.function(*bound.args, **bound.kwargs)))
        draft.inputs = trace.previews(bound)
        return BoundWorkflow(self, draft, bound)

    def _inline(self, trace: tracing.Trace, args: tuple[object, ...], inputs: Mapping[str, object]) -> R:
        bound = bound_inputs(self.name, self.function, self.signature, args, inputs)
        trace.know(bound)
        with trace.body(self.function, self.name), trace.scope(self.name):
            return _check_result(self.name, self.function(*bound.args, **bound.kwargs))

    def __repr__(self) -> str:
        return f"<workflow {self.name}{mask_defaults(self.signature)}>"

    # As for tasks: what travels is what the author wrote.
    def __getstate__(self) -> tuple[Callable[P, R], str, dict[str, object]]:
        return self.function, self.name, self._given

    def __setstate__(self, state: tuple[Callable[P, R], str, dict[str, object]]) -> None:
        self._set(*state)


class BoundWorkflow(Expandable[G]):
    """A workflow with its inputs: a graph that has not run. Shown as a picture of that graph."""

    #: Recognised by this attribute where importing the class would cost too much.
    __wf_bound__ = True

    def __init__(self, workflow: Workflow[..., G], draft: Draft, arguments: inspect.BoundArguments) -> None:
        self.workflow = workflow
        self.draft = draft
        self._arguments = arguments

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.workflow.name

    @property
    def inputs(self) -> Mapping[str, str]:
        """The inputs as bounded texts."""
        return self.draft.inputs

    @property
    def options(self) -> ExecutionOptions:
        """The options that an execution will have."""
        return self.workflow.options

    def submit(self) -> Execution[G]:
        """Start an execution and return it at once."""
        outer = tracing.current()
        if outer is not None:
            raise WorkflowDefinitionError(f"{self.name!r} cannot be submitted while {outer.workflow!r} is being traced")
        execution: Execution[G] = launch.launcher().submit(self, self.options)
        return execution

    def with_inputs(self, **inputs: object) -> BoundWorkflow[G]:
        """Copy the workflow with some inputs changed, traced again; errors as those of `Workflow.bind`."""
        signature = self._arguments.signature
        unknown = [name for name in inputs if name not in signature.parameters]
        if unknown:
            known = ", ".join(signature.parameters)
            raise InputError(f"workflow {self.name!r} has no input {unknown[0]!r}; it has {known}", unknown[0])
        changed = inspect.BoundArguments(signature, type(self._arguments.arguments)(self._arguments.arguments))
        changed.arguments.update(inputs)
        return self.workflow._bind(changed.args, changed.kwargs)

    def without_graph(self) -> BoundWorkflow:
        """Workflow and inputs only, for `with_inputs`: the bytes of large arguments need not be held for that."""
        return BoundWorkflow(self.workflow, Draft(self.draft.workflow, inputs=self.draft.inputs), self._arguments)

    def to_svg(self) -> str:
        """The graph as an SVG image."""
        return launch.pictures().draft_svg(self.draft)

    def __repr__(self) -> str:
        return launch.pictures().draft_text(self.draft)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        # No HTML: viewers prefer it to SVG, and then strip its pictures. Those that refuse SVG have the text.
        pictures = launch.pictures()
        svg = pictures.draft_svg(self.draft)
        # nbconvert has Inkscape make a PDF of an SVG with none beside it, and gives up where there is no Inkscape.
        pdf = pictures.encode_pdf(svg)
        return {"text/plain": pictures.draft_text(self.draft), "image/svg+xml": svg, "application/pdf": pdf}


@overload
def workflow(function: Callable[P, T], /) -> Workflow[P, T]: ...
@overload
def workflow(**options: Unpack[WorkflowKeywords]) -> Callable[[Callable[P, T]], Workflow[P, T]]: ...
@takes_options(EXECUTION_OPTIONS)
def workflow(function: Any = None, /, *, name: str | None = None, **options: Any) -> Any:
    """Make a function the body of a workflow: `@wf.workflow`, or `@wf.workflow(name="nightly")`.

    Args:
        name: the workflow's name; the function's when not given.
        options: as for `Workflow.with_options`.
    """
    if function is None:
        return lambda decorated: _workflow(decorated, name, options)
    if isinstance(function, str):
        raise WorkflowDefinitionError(f"@wf.workflow({function!r}): write @wf.workflow(name={function!r})")
    return _workflow(function, name, options)


def _workflow(function: Any, name: str | None, options: Mapping[str, object]) -> Workflow[..., Any]:
    if isinstance(function, Workflow | Task):
        raise WorkflowDefinitionError(f"{function!r} cannot be decorated with @wf.workflow again")
    if not callable(function):
        raise WorkflowDefinitionError(f"@wf.workflow decorates functions, not a {type(function).__name__}")
    quoted = repr(check_name(name, "workflow", function))
    if is_async(function):
        raise WorkflowDefinitionError(
            f"the body of the workflow {quoted} is `async def`, but a body only draws the graph and must be a plain "
            "`def`; its tasks may be `async def`"
        )
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise WorkflowDefinitionError(f"the body of the workflow {quoted} is a generator: `return` instead of `yield`")
    return Workflow(function, name, options)


def _check_result(name: str, result: T) -> T:
    if isinstance(result, Task | Workflow | BoundWorkflow):
        raise WorkflowDefinitionError(f"the body of the workflow {name!r} returns {result!r} itself: call it")
    return result
