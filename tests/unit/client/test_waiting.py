"""What a client does when something between it and the server has less patience than the two of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wf_jupyter.client import remote
from wf_jupyter.client.discovery import Endpoint, choose
from wf_jupyter.client.http import HttpSession
from wf_jupyter.errors import InputError, NotPermitted, ServerUnavailable, WorkflowError
from wf_jupyter.protocol.rest import EventsQuery, ExecutionsQuery

Answer = Callable[[str], Awaitable[tuple[int, str]]]


def answered(answer: Answer, story: Callable[[HttpSession], Awaitable[Any]], headers: str = "") -> list[str]:
    """Play a story against a server whose answers the test gives; returns the requests' targets."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            asked.append(head.split(" ")[1].removeprefix("/wf-jupyter/api/v1/"))
            status, body = await answer(asked[-1])
            if status:
                writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n{headers}\r\n{body}".encode())
                await writer.drain()
        finally:
            writer.close()

    async def play() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            session = HttpSession(lambda: Endpoint(f"http://127.0.0.1:{port}/"))
            try:
                await story(session)
            finally:
                session.close()

    asyncio.run(play())
    return asked


@pytest.mark.parametrize("status", [504, 502, 0])
def test_a_wait_that_was_cut_is_asked_again_for_a_shorter_time_and_is_no_lost_server(status: int) -> None:
    async def cut(target: str) -> tuple[int, str]:
        wait = float(target.partition("wait=")[2] or 0)
        await asyncio.sleep(min(wait, 1.1))
        return (status, "<html>") if wait > 1.1 else (200, "{}")

    async def story(session: HttpSession) -> None:
        assert await session.request("GET", "events?after=1", wait=8.0, patience=0.0) == b"{}"
        assert await session.request("GET", "events?after=2", wait=8.0, patience=0.0) == b"{}"

    waits = ["events?after=1&wait=8", "events?after=1&wait=4", "events?after=1&wait=2", "events?after=1&wait=1"]
    assert answered(cut, story) == [*waits, "events?after=2&wait=1"]


def test_a_gateway_that_answers_at_once_did_not_cut_a_wait() -> None:
    async def refuse(target: str) -> tuple[int, str]:
        return 502, ""

    async def story(session: HttpSession) -> None:
        with pytest.raises(ServerUnavailable, match="answered 502 to GET events"):
            await session.request("GET", "events?after=1", wait=8.0, patience=0.0)

    assert answered(refuse, story) == ["events?after=1&wait=8"]


@pytest.mark.parametrize(
    ("status", "again", "told"),
    [
        (503, True, ""),
        (502, False, "may have been done"),
        (504, False, "may have been done"),
        (401, False, "credentials"),
        (413, False, "413"),
    ],
)
def test_what_a_proxy_did_not_pass_on_is_sent_again_and_nothing_else(status: int, again: bool, told: str) -> None:
    seen: list[str] = []

    async def refuse_once(target: str) -> tuple[int, str]:
        seen.append(target)
        return (status, "<html>") if len(seen) == 1 else (200, "{}")

    async def story(session: HttpSession) -> None:
        if again:
            assert await session.request("POST", "executions", body=b"{}") == b"{}"
            return
        with pytest.raises(WorkflowError, match=told):
            await session.request("POST", "executions", body=b"{}")

    assert len(answered(refuse_once, story)) == 1 + again


def test_a_stopped_server_of_a_hub_and_a_login_page_are_told_apart() -> None:
    async def stopped(target: str) -> tuple[int, str]:
        return 424, "{}"

    async def told(session: HttpSession) -> None:
        with pytest.raises(ServerUnavailable, match="was stopped: start it again"):
            await session.request("GET", "hello", patience=0.0)

    answered(stopped, told)

    async def moved(target: str) -> tuple[int, str]:
        return 302, ""

    async def refused(session: HttpSession) -> None:
        with pytest.raises(NotPermitted, match="https://hub.example/login") as error:
            await session.request("GET", "hello", patience=0.0)
        assert "hidden" not in str(error.value)

    answered(moved, refused, "Location: https://hub.example/login?state=hidden\r\n")


def test_an_address_is_taken_as_people_copy_it_but_for_what_may_hold_a_token() -> None:
    assert choose({"WF_JUPYTER_URL": "http://host/our place/ä/"}).url == "http://host/our%20place/%C3%A4/"
    assert choose({"WF_JUPYTER_URL": "https://[::1]:8888/a%20b/"}).url == "https://[::1]:8888/a%20b/"
    with pytest.raises(InputError, match="WF_JUPYTER_TOKEN") as error:
        choose({"WF_JUPYTER_URL": "http://host/lab?token=hidden"})
    assert "hidden" not in str(error.value)


def test_a_question_says_only_what_differs_from_what_is_usual() -> None:
    """`wait` is added where a request is sent, and nothing may be given twice."""
    assert remote._query(EventsQuery(after=3)) == "?after=3"
    assert remote._query(EventsQuery()) == remote._query(None) == ""
    assert remote._query(ExecutionsQuery(workflow="a b", limit=3)) == "?workflow=a+b&limit=3"
