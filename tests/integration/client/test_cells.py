"""Tasks of cells, as IPython compiles them: what their failures show, and what a worker has not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

RUNNER = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
for cell in json.load(sys.stdin):
    shell.run_cell(cell, store_history=True).raise_error()
"""
FIRST = '''
import json, sys
import wf_jupyter as wf
told = {}
def tell(name, function, **options):
    """Keeps what a task of this function returned or how it failed, and its log."""
    @wf.workflow
    def flow():
        return wf.task(name="t")(function)()
    execution = (flow.with_options(**options) if options else flow).submit()
    try:
        told[name] = execution.result(60), execution.tasks["t"].logs()
    except wf.TaskFailed as error:
        told[name] = str(error), execution.tasks["t"].logs()
'''
LAST = "print('told', json.dumps(told))"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory):
    """Runs cells in an IPython of its own; what each `tell` told."""

    def run(*texts: str) -> dict[str, list[str]]:
        place = tmp_path_factory.mktemp("cells")
        variables = {**os.environ, "WF_JUPYTER_DATA_DIR": str(place), "IPYTHONDIR": str(place)}
        variables["WF_JUPYTER_MODE"] = "embedded"
        given = json.dumps([FIRST, *map(textwrap.dedent, texts), LAST])
        ended = subprocess.run(
            [sys.executable, "-c", RUNNER], input=given, env=variables, cwd=place, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        told: dict[str, list[str]] = json.loads(ended.stdout.rpartition("told ")[2])
        return told

    return run


@pytest.fixture(scope="module")
def failures(cells):
    return cells(
        """
        def helper(n):
            return 1 / n      # helper's line
        class Box:
            def open(self):
                return helper(0)
        """,
        """
        import functools, warnings, threading
        def wrapping(function):
            @functools.wraps(function)
            def wrapper():
                return function()      # wrapper's line
            return wrapper
        @wrapping
        def task():
            def inner():
                return [Box().open() for _ in range(1)]     # inner's line
            return (lambda: inner())()
        tell("nested", task)
        def changed():
            raise ValueError("old text")
        tell("before", changed)
        """,
        """
        def changed():
            raise ValueError("new text")
        tell("after", changed)
        def again(n=0):
            return again(n)
        tell("recursion", again)
        def ping(n):
            return pong(n + 1)
        def pong(n):
            return ping(n + 1)
        tell("mutual", lambda: ping(0))
        tell("long line", lambda: [LONG][5000])
        tell("compile", lambda: compile("a b", "<mine>", "exec"))
        def chained():
            try:
                helper(0)
            except ZeroDivisionError as error:
                raise ExceptionGroup("several", [ValueError(1)]) from error
        tell("chained", chained)
        def warned():
            warnings.warn("odd")      # the warning's line
        tell("warned", warned)
        def threaded():
            thread = threading.Thread(target=helper, args=(0,), name="mine")
            thread.start()
            thread.join()
        tell("threaded", threaded)
        async def awaited():
            return helper(0)
        tell("async", awaited)
        """.replace("LONG", ", ".join(["1"] * 1000)),
        """\
        %%time
        def timed():
            return helper(0)      # timed line
        tell("timed", timed)
        """,
    )


def test_a_traceback_names_cells_by_their_numbers_and_shows_their_lines(failures) -> None:
    text = failures["nested"][0]
    assert "dynamic-code" not in text and "wf_jupyter" not in text
    places = [line.strip() for line in text.splitlines() if line.startswith("  Cell ")]
    assert places[0] == "Cell In[3], line 5, in wrapper"
    assert places[-1] == "Cell In[2], line 2, in helper"
    for line in ("wrapper", "inner", "helper"):
        assert f"# {line}'s line" in text
    assert "line 2, in helper\n    return 1 / n      # helper" in text


def test_a_cell_that_is_changed_and_run_again_shows_both_texts(failures) -> None:
    assert 'raise ValueError("old text")' in failures["before"][0]
    assert 'Cell In[4], line 2, in changed\n    raise ValueError("new text")' in failures["after"][0]


def test_long_tracebacks_and_long_lines_are_shortened(failures) -> None:
    assert "Previous line repeated" in failures["recursion"][0]
    assert "more frames ...]" in failures["mutual"][0]
    assert max(map(len, failures["long line"][0].splitlines())) < 500
    assert all(len(str(text)) < 20_000 for text, _ in failures.values())


def test_errors_of_compilers_and_causes_and_groups_are_told(failures) -> None:
    assert 'File "<mine>", line 1\n    a b' in failures["compile"][0]
    assert "Cell In[2], line 2, in helper" in failures["chained"][0]
    assert "direct cause of the following exception" in failures["chained"][0]
    assert "  | ExceptionGroup: several (1 sub-exception)" in failures["chained"][0]


def test_warnings_and_threads_name_the_cell(failures) -> None:
    log = failures["warned"][1]
    assert "Cell In[4], line " in log and ": UserWarning: odd\n" in log and "# the warning's line" in log
    log = failures["threaded"][1]
    assert log.startswith(
        "Exception in thread mine:\nTraceback (most recent call last):\n  Cell In[2], line 2, in helper"
    )


def test_an_async_task_begins_at_its_own_frame(failures) -> None:
    assert "(most recent call last):\n  Cell In[4], line " in failures["async"][0]


def test_a_task_defined_under_a_cell_magic_shows_its_lines(failures) -> None:
    assert "# timed line" in failures["timed"][0]


def test_lines_that_only_ipython_understands_are_named_and_work_inline(cells) -> None:
    told = cells(
        """
        import IPython, subprocess
        def ls():
            found = !echo hi
            return list(found)
        tell("!", ls)
        tell("! inline", ls, executor="inline")
        def timed():
            %time sum(range(10))
            return 5
        tell("%", timed)
        shell = get_ipython()
        tell("global", lambda: shell.system("ls"))
        tell("asked", lambda: [type(get_ipython()).__name__, hasattr(get_ipython(), "kernel")])
        """,
        """
        from IPython import get_ipython
        tell("imported", lambda: get_ipython().system("ls"))
        """,
    )
    assert "RuntimeError: `!echo hi` is a shell line of IPython: a task runs in a worker" in told["!"][0]
    assert "subprocess.run('echo hi'" in told["!"][0]
    assert told["! inline"][0] == ["hi"]
    assert "`%time sum(range(10))` is a magic of IPython" in told["%"][0]
    assert "`!ls` is a shell line" in told["global"][0]
    assert told["asked"][0] == ["NoShell", False]
    assert "get_ipython() is None: a task runs in a worker, which has no IPython" in told["imported"][0]


def test_asking_for_input_says_where_that_works(cells) -> None:
    told = cells(
        """
        import getpass, os, pdb
        def stopping():
            pdb.set_trace()
            return 1
        def off():
            os.environ["PYTHONBREAKPOINT"] = "0"
            breakpoint()
            return 1
        for name, function in {
            "breakpoint()": lambda: breakpoint(),
            "input()": lambda: input("name? "),
            "getpass()": lambda: getpass.getpass(),
            "reading sys.stdin": lambda: sys.stdin.read(),
            "the debugger": stopping,
        }.items():
            tell(name, function)
        tell("off", off)
        tell("a child's", lambda: __import__("subprocess").run(["cat"]).returncode)
        tell("isatty", lambda: sys.stdin.isatty())
        """
    )
    for name in ("breakpoint()", "input()", "getpass()", "reading sys.stdin", "the debugger"):
        text = told[name][0]
        assert f"RuntimeError: {name} needs somebody at a keyboard" in text
        assert 'executor="inline"' in text and 'execution.tasks["t"].debug()' in text
    assert told["off"][0] == 1
    assert told["a child's"][0] == 0
    assert told["isatty"][0] is False
