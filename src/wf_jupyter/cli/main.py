"""The command line: what can be asked, and how errors are told (one line, exit status 1 or 2)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from wf_jupyter.cli import commands, notebooks
from wf_jupyter.cli.servers import announce
from wf_jupyter.client import session
from wf_jupyter.errors import WorkflowError
from wf_jupyter.version import VERSION

_ABOUT = """Run workflows, and look at their executions, from a terminal.

Talks to the Jupyter server of this user that was started last; without one, workflows run inside
this process, and executions are read from the data directory.
"""

#: Commands for which nothing has to run: this process would end before it.
_LOOKING = (
    commands.list_executions,
    commands.show,
    commands.export,
    commands.logs,
    commands.cancel,
    commands.pause,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    asked = parser().parse_args(arguments)
    try:
        if asked.command in (commands.doctor, notebooks.plan):
            # They ask no server, and must work where none would start.
            return int(asked.command(asked))
        if asked.command in _LOOKING and not getattr(asked, "follow", False):
            session.observe()
        if asked.url or asked.mode:
            session.connect(asked.url, asked.token, asked.mode)
        else:
            announce(os.environ)
        status: int = asked.command(asked)
        return status
    except WorkflowError as error:
        print(f"jupyter wf: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has seen enough; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    """Everything that can be asked."""
    whole = argparse.ArgumentParser(
        prog="jupyter wf", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    whole.add_argument("--version", action="version", version=VERSION)
    whole.add_argument("--url", help="address of a Jupyter server")
    whole.add_argument("--token", help="that server's token; better in WF_JUPYTER_TOKEN, where others cannot see it")
    whole.add_argument("--mode", choices=("auto", "server", "embedded"), help="insist on a server, or on none")
    parts = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")

    _add_run(parts)
    listing = parts.add_parser("list", help="list executions, newest first")
    listing.add_argument("--status", help="only those in this status")
    listing.add_argument("--workflow", help="only those of this workflow")
    listing.add_argument("--limit", type=int, default=20, help="at most so many (default 20)")
    listing.set_defaults(command=commands.list_executions)

    for name, command, help_text in (
        ("show", commands.show, "show an execution as it stands"),
        ("watch", commands.watch, "tell what happens until an execution has ended"),
        ("cancel", commands.cancel, "stop an execution"),
        ("retry", commands.retry, "run what did not succeed again"),
        ("pause", commands.pause, "start no more tasks of an execution"),
        ("resume", commands.resume, "undo a pause"),
    ):
        part = parts.add_parser(name, help=help_text)
        part.add_argument("id", metavar="ID")
        part.set_defaults(command=command)

    export = parts.add_parser("export", help="write an execution to one HTML file, with its view and replay")
    export.add_argument("id", metavar="ID")
    export.add_argument("file", metavar="FILE", help="for example run.html")
    export.set_defaults(command=commands.export)

    logs = parts.add_parser("logs", help="print what the tasks of an execution printed")
    logs.add_argument("id", metavar="ID")
    logs.add_argument("task", metavar="TASK", nargs="?", help="only this task, for example 'fetch[3]'")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the execution has ended")
    logs.set_defaults(command=commands.logs)

    doctor = parts.add_parser("doctor", help="check a data directory, and change nothing")
    doctor.add_argument("--data-dir", metavar="DIRECTORY", help="not the one of this user, but this one")
    doctor.set_defaults(command=commands.doctor)
    return whole


def _add_run(parts: Any) -> None:
    run = parts.add_parser("run", help="run a workflow from a file or module, or a notebook")
    run.add_argument("workflow", metavar="FILE_OR_MODULE:WORKFLOW|NOTEBOOK.ipynb")
    run.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help="an input; JSON or text"
    )
    run.add_argument("--executor", choices=("local", "inline", "dask"), help="where the tasks run")
    run.add_argument("--watch", action="store_true", help="tell what happens until it has ended")
    run.add_argument("-o", "--output", metavar="FILE", help="of a notebook: write the executed notebook there")
    how = run.add_mutually_exclusive_group()
    for mode, help_text in (
        ("fresh", "of a notebook: run every cell, and keep what they do for the next time"),
        ("in-order", "of a notebook: run every cell, as any other tool does"),
    ):
        how.add_argument(f"--{mode}", dest="mode_of_cells", action="store_const", const=mode, help=help_text)
    how.add_argument(
        "--check", action="store_true", help="of a notebook: run it in order as well, and name the cells that differ"
    )
    run.set_defaults(command=commands.run)

    plan = parts.add_parser("plan", help="say what a run of a notebook would do, and why")
    plan.add_argument("workflow", metavar="NOTEBOOK.ipynb")
    plan.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help="as for run")
    plan.set_defaults(command=notebooks.plan)


if __name__ == "__main__":
    sys.exit(main())
