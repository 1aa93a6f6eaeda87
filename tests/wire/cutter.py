"""A proxy that cuts connections in the middle of whatever they carry."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct


class Cutter:
    """Forwards TCP from a port of its own to `target`, and cuts each connection after some bytes or some time.

    Cuts go both ways: with a reset, so that neither side gets a goodbye, in the middle of a frame.
    """

    def __init__(self, target: int, chance: random.Random, longest: float, most_bytes: int) -> None:
        self.target = target
        self.port = 0
        self.cuts = 0
        self.is_cutting = True
        self._chance = chance
        self._longest = longest
        self._most_bytes = most_bytes
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Cutter:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        ends = [writer]
        pipes: list[asyncio.Task[None]] = []
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
            ends.append(far_writer)
            allowed = self._chance.randint(1, self._most_bytes) if self.is_cutting else None
            pipes = [
                asyncio.ensure_future(self._pipe(reader, far_writer, None)),
                asyncio.ensure_future(self._pipe(far_reader, writer, allowed)),
            ]
            patience = self._chance.uniform(0, self._longest) if self.is_cutting else None
            done, _ = await asyncio.wait(pipes, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if allowed is not None and not done or any(pipe.exception() for pipe in done):
                self.cuts += 1
        except OSError:
            pass
        finally:
            for pipe in pipes:
                pipe.cancel()
            for end in ends:
                _reset(end)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, allowed: int | None) -> None:
        while data := await reader.read(65536):
            if allowed is not None:
                writer.write(data[:allowed])
                allowed -= len(data)
                if allowed <= 0:
                    await writer.drain()
                    raise ConnectionAbortedError("cut")
            else:
                writer.write(data)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
