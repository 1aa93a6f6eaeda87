"""Real kernels of a real server: they find it by themselves, and a restart loses nothing."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from tests.jupyter_process import until

WORKFLOW = """
import wf_jupyter as wf

@wf.task
def wait(path):
    import pathlib, time
    while not pathlib.Path(path).exists():
        time.sleep(0.01)
    return "through"

@wf.workflow
def waiting(path: str):
    return wait(path)
"""


class Kernel:
    def __init__(self, server):
        self.server = server
        self.id = server.ask("POST", "api/kernels", {"name": "python3"})["id"]
        self.client: Any = None
        self.attach()

    def attach(self):
        file = self.server.runtime_directory / f"kernel-{self.id}.json"
        path = until(lambda: file.exists() and str(file), "no kernel file")
        until(lambda: self._connected(path), "the kernel does not answer", 90)

    def _connected(self, path):
        self.client = BlockingKernelClient(connection_file=path)
        self.client.load_connection_file()
        self.client.start_channels()
        try:
            self.client.wait_for_ready(timeout=60)
        except RuntimeError:
            # A kernel that is just being restarted misses a heartbeat and counts as dead.
            self.client.stop_channels()
            return False
        return True

    def restart(self):
        self.client.stop_channels()
        self.server.ask("POST", f"api/kernels/{self.id}/restart")
        self.attach()

    def run(self, code):
        """What the code printed; fails with its traceback."""
        printed = []
        messages = []

        def heard(message):
            messages.append(message)
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = self.client.execute_interactive(
            textwrap.dedent(code), timeout=120, output_hook=heard, allow_stdin=False
        )
        assert reply["content"]["status"] == "ok", "\n".join(reply["content"].get("traceback", []))
        self.messages = messages
        return "".join(printed)

    def end(self):
        self.client.stop_channels()
        self.server.ask("DELETE", f"api/kernels/{self.id}")


@pytest.fixture
def kernel(server):
    running = Kernel(server)
    yield running
    running.end()


@pytest.mark.place("plain, on one address", "kernel")
def test_a_kernel_finds_its_server_and_a_restart_gives_the_run_back(kernel, tmp_path):
    gate = tmp_path / "gate"
    said = kernel.run(f"""{textwrap.indent(WORKFLOW, " " * 8)}
        execution = waiting.submit(path={str(gate)!r})
        print(execution.id, execution.connection.server_id)
    """)
    name, server_id = said.split()
    assert server_id == kernel.server.ask("GET", "wf-jupyter/api/v1/hello")["server_id"]

    kernel.restart()
    gate.touch()
    said = kernel.run(f"""
        import wf_jupyter as wf
        execution = wf.get_execution({name!r})
        print(execution.workflow, execution.result(timeout=60), execution.tasks["wait"].attempts)
    """)
    assert said == "waiting through 1\n"


def test_await_works_at_the_top_of_a_cell(kernel, tmp_path):
    gate = tmp_path / "gate"
    gate.touch()
    assert kernel.run(f"{WORKFLOW}\nprint(await waiting.submit(path={str(gate)!r}))") == "through\n"


def test_an_interrupt_ends_the_waiting_and_not_the_run(kernel, tmp_path):
    gate = tmp_path / "gate"
    kernel.run(f"{WORKFLOW}\nexecution = waiting.submit(path={str(gate)!r})")
    entered = tmp_path / "entered"
    # `stop_on_error` would make the kernel refuse, for a moment, what it is asked next.
    code = f"import pathlib; pathlib.Path({str(entered)!r}).touch(); execution.result()"
    message = kernel.client.execute(code, stop_on_error=False)
    until(entered.exists, "the cell does not start")
    kernel.server.ask("POST", f"api/kernels/{kernel.id}/interrupt")
    reply = until(lambda: _reply(kernel.client, message), "the interrupt is not heard", 60)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    gate.touch()
    assert kernel.run("print(execution.result(timeout=60))") == "through\n"


def _reply(client, message):
    reply = client.get_shell_msg(timeout=60)
    return reply if reply["parent_header"].get("msg_id") == message else None


def test_an_execution_at_the_end_of_a_cell_is_a_widget_with_a_still_picture(kernel, tmp_path):
    gate = tmp_path / "gate"
    kernel.run(f"{WORKFLOW}\nexecution = waiting.submit(path={str(gate)!r})\nexecution")
    (shown,) = [m["content"]["data"] for m in kernel.messages if m["msg_type"] == "execute_result"]
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert shown["text/plain"].startswith("waiting: 1 task")
    assert "running" not in shown["text/plain"] + shown["text/html"]
    (opened,) = [
        m["content"]["data"]["state"]
        for m in kernel.messages
        if m["msg_type"] == "comm_open" and "execution_id" in m["content"]["data"]["state"]
    ]
    assert opened["server_id"] == kernel.server.ask("GET", "wf-jupyter/api/v1/hello")["server_id"]
    assert opened["execution_id"]
    assert "export default" in opened["_esm"] or "export{" in opened["_esm"]
    gate.touch()
    kernel.run("execution.wait(timeout=60)\nexecution")
    (shown,) = [m["content"]["data"] for m in kernel.messages if m["msg_type"] == "execute_result"]
    # The text is the same however far it is, so that nbval can compare it; the outcome is in the richer types.
    assert shown["text/plain"].startswith("waiting: 1 task")
    assert "succeeded" in shown["text/html"]
    json.dumps(shown)
