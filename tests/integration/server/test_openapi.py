"""The OpenAPI document is true: it names what the server has, and the server does what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from tests.jupyter_process import JupyterProcess, until
from wf_jupyter.protocol.openapi import document
from wf_jupyter.protocol.operations import OPERATIONS
from wf_jupyter.protocol.rest import MSGPACK, PREFIX
from wf_jupyter.server.endpoints import ENDPOINTS
from wf_jupyter.server.routes import routes
from wf_jupyter.service.queries.answers import ANSWERS

SCHEMA = schemathesis.openapi.from_dict(document("/", "0"))


def test_every_operation_has_a_route_and_one_place_that_answers_it() -> None:
    for operation in OPERATIONS:
        assert (operation.name in ANSWERS) + (operation.name in ENDPOINTS) == bool(operation.path), operation.name
        if operation.path:
            path = f"/{PREFIX}/" + re.sub(r"\{\w+\}", "x", operation.path)
            (options,) = next(more for pattern, _, *more in routes() if re.fullmatch(pattern, path))
            assert options["operations"][operation.verb] is operation
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
    assert {*ANSWERS, *ENDPOINTS} <= {operation.name for operation in OPERATIONS}


def test_programs_made_from_the_document_get_good_names() -> None:
    told = [operation for path in document("/", "0")["paths"].values() for operation in path.values()]
    assert all(re.fullmatch(r"[a-z_]+", operation["operationId"]) and len(operation["tags"]) == 1 for operation in told)


async def test_the_server_tells_its_own_address(wire: Any) -> None:
    answer = await wire.ask("GET", "openapi.json")
    assert answer.json["servers"] == [{"url": f"{wire.base_url}wf-jupyter/api/v1"}]
    assert answer.json["info"]["version"] == (await wire.ask("GET", "hello")).json["version"]


async def test_an_unknown_method_is_answered_with_those_that_there_are(wire: Any) -> None:
    answer = await wire.ask("PUT", "executions/unknown", body=b"{}")
    assert answer.status == 405
    assert {"GET", "DELETE"} <= set(answer.headers["Allow"].split(", "))


# -- the server against its document -----------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    """A real server with two executions and a published workflow."""
    options = ("--WorkflowExtension.execution_rate=0", "--WorkflowExtension.max_workers=1")
    server = JupyterProcess(tmp_path_factory.mktemp("openapi"), options=options).start()
    try:
        _fill(server)
        yield server
    finally:
        server.stop()


def _fill(server: JupyterProcess) -> None:
    import subprocess
    import sys

    script = (
        "import wf_jupyter as wf\n"
        "@wf.task\n"
        "def divide(a, b):\n    print(a)\n    return a / b\n"
        "@wf.workflow\n"
        "def dividing(b: int):\n    return divide(1, b)\n"
        f"wf.connect(url={server.url!r}, token={server.token!r})\n"
        "dividing.publish()\n"
        "for b in (0, 1):\n    dividing.submit(b=b).wait()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env=server.environment, timeout=120)
    until(lambda: len(server.get(f"{PREFIX}/executions")["executions"]) == 2, "there are no executions")


@schemathesis.serializer("application/msgpack")
def _as_they_are(ctx: Any, value: Any) -> Any:
    return value if isinstance(value, bytes) else str(value).encode()


#: What requests name that ask for something that exists.
KNOWN = {"key": "divide", "name": "dividing"}


# threads of earlier tests in this process draw their jitter while the requests are made up
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@SCHEMA.parametrize()
# the same requests each time: what a new one finds is no reason to doubt the change that was just made
@settings(max_examples=15, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_server_does_what_its_document_says(case: Any, server: JupyterProcess) -> None:
    if "execution_id" in case.path_parameters and len(case.path_parameters["execution_id"]) % 2:
        if known := server.get(f"{PREFIX}/executions")["executions"]:
            case.path_parameters["execution_id"] = known[0]["id"]
            case.path_parameters.update({name: KNOWN[name] for name in KNOWN if name in case.path_parameters})
    # The document says of these only that they are bytes: most are refused as MessagePack, and none at all as a part.
    is_bytes = case.media_type in (MSGPACK, "application/octet-stream")
    left_out = [CHECKS.get_one("positive_data_acceptance")] if is_bytes else []
    case.call_and_validate(
        base_url=f"{server.url}{PREFIX}",
        headers={"Authorization": f"token {server.token}"},
        excluded_checks=left_out,
        timeout=60,
    )
