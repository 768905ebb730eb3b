from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from tests.unit.server.fake import Served, eventually

URL = "http://localhost/exec/default/t1/main"


async def talk(served: Served, query: str, *sent: bytes, url: str = URL) -> tuple[list[bytes], str | None]:
    connector = aiohttp.UnixConnector(str(served.path))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.ws_connect(f"{url}?{query}", protocols=("v5.channel.k8s.io", "v4.channel.k8s.io")) as socket,
    ):
        for message in sent:
            await socket.send_bytes(message)
        return [message.data async for message in socket], socket.protocol


def status(message: bytes) -> Any:
    assert message[0] == 3
    return json.loads(message[1:])


def test_stdin_goes_in_and_stdout_comes_out(served: Served) -> None:
    messages, protocol = asyncio.run(talk(served, "command=cat&stdin=1", b"\x00hello", b"\x00 you", b"\xff\x00"))
    assert messages[:-1] == [b"\x01hello", b"\x01 you"]
    assert status(messages[-1]) == {"metadata": {}, "status": "Success"}
    assert protocol == "v5.channel.k8s.io"


def test_a_container_is_attached_to_in_the_same_way(served: Served) -> None:
    url = URL.replace("/exec/", "/attach/")
    messages, _ = asyncio.run(talk(served, "stdin=1", b"\x00hello", b"\xff\x00", url=url))
    assert messages[0] == b"\x01hello"
    assert status(messages[-1]) == {"metadata": {}, "status": "Success"}
    (refused,), _ = asyncio.run(talk(served, "stdin=1", url=url.replace("t1/main", "classic/nginx")))
    assert status(refused)["message"] == 'container "nginx" has no stdin'


def test_stderr_and_the_exit_code(served: Served) -> None:
    messages, _ = asyncio.run(talk(served, "command=fail&command=3"))
    assert messages[:-1] == [b"\x01out\n", b"\x02err\n"]
    assert status(messages[-1])["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]


def test_sizes_reach_the_command_and_junk_does_not_hurt(served: Served) -> None:
    size = b'\x04{"Width":80,"Height":24}'
    messages, _ = asyncio.run(talk(served, "command=size&tty=1&stdin=1", b"\x04junk", b"\x09?", size, b"\xff\x00"))
    assert messages[0] == b"\x0180x24\n"


def test_without_stdin_the_command_reads_end_of_file(served: Served) -> None:
    messages, _ = asyncio.run(talk(served, "command=cat"))
    assert status(messages[0])["status"] == "Success"


@pytest.mark.parametrize("command", ["sleep", "yes"])
def test_the_command_is_killed_when_the_client_goes(
    served: Served, command: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave() -> None:
        connector = aiohttp.UnixConnector(str(served.path))
        async with aiohttp.ClientSession(connector=connector) as session:
            socket = await session.ws_connect(f"{URL}?command={command}")
            await asyncio.to_thread(eventually, lambda: bool(served.node.sessions))
            assert not served.node.sessions[0].killed
            await socket.close()

    asyncio.run(leave())
    eventually(lambda: served.node.sessions[0].killed)
    assert caplog.text == ""


def test_a_command_that_cannot_be_started_is_told_like_an_end(served: Served) -> None:
    messages, _ = asyncio.run(talk(served, "command=nowhere"))
    assert [status(message)["message"] for message in messages] == ['container "main" in pod "t1-peer" does not run']


@pytest.mark.parametrize("query", ["", "stdin=1"])
def test_a_refusal_comes_before_the_upgrade(served: Served, query: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        asyncio.run(talk(served, query))
    assert caught.value.status == 400


def test_a_message_that_is_too_big_ends_it(served: Served) -> None:
    with suppress(ConnectionError):  # the server may hang up while the message is still being sent
        asyncio.run(talk(served, "command=cat&stdin=1", b"\x00" + b"x" * 2_000_000))
    eventually(lambda: served.node.sessions[0].killed)
