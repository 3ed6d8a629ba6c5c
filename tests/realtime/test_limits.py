"""Limits of connections, namespaces and messages. Proves rule 95.10."""

import asyncio
import base64
import itertools
import json
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest
import redis

from service.realtime import connections, emitter, replay, sockets
from tests.conftest import ServiceFactory
from tests.support import servers
from tests.support.sockets import Town

HANDSHAKE = """GET /socket.io/?EIO=4&transport=websocket HTTP/1.1
Host: localhost
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: {key}
Sec-WebSocket-Extensions: permessage-deflate

"""
# Headers of a proxy on this machine for a client at an address.
POLLING = b"""GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r
Host: localhost\r
X-Forwarded-For: 198.51.100.%d\r
\r
"""
ADDRESSES = itertools.cycle(range(256))
# First and next frames of a message, each of 4,080 bytes under a zero mask. HUGE is the head of a
# frame of a gigabyte.
FIRST = b"\x01\xfe\x0f\xf0\0\0\0\0" + b"4" + b"x" * 4079
NEXT = b"\x00\xfe\x0f\xf0\0\0\0\0" + b"x" * 4080
HUGE = b"\x81\xff" + (2**30).to_bytes(8, "big") + b"\0\0\0\0" + b"4"
TOO_LARGE = b"\x03\xf1Message exceeds the maximum size (16384 bytes)"


@pytest.fixture
def town(run_service: ServiceFactory) -> Iterator[Town]:
    town = Town([run_service()], is_relayed=False)
    yield town
    town.close()


def url(service: servers.Service) -> str:
    return f"{service.origin}/socket.io/?EIO=4&transport=websocket"


@asynccontextmanager
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as opened:
        yield opened


async def opened(client: aiohttp.ClientSession, town: Town) -> aiohttp.ClientWebSocketResponse:
    """Returns a connection from another address that has not joined anything."""
    headers = {"X-Forwarded-For": f"192.0.2.{next(ADDRESSES)}"}
    socket = await client.ws_connect(url(town.service), headers=headers)
    assert (await socket.receive()).data[:1] == "0"
    return socket


async def answer(
    client: aiohttp.ClientSession, town: Town, group_id: str, auth: str = ""
) -> tuple[str, aiohttp.ClientWebSocketResponse]:
    """Returns what a new connection hears when it wants to join a group: "40", "44", or nothing."""
    socket = await opened(client, town)
    await socket.send_str(f"40/groups/{group_id},{auth}")
    message = await socket.receive(10)
    return (message.data[:2] if message.type == aiohttp.WSMsgType.TEXT else ""), socket


async def dropped(town: Town, reason: str) -> float:
    text = (await asyncio.to_thread(httpx.get, f"{town.service.origin}/metrics")).text
    found = re.search(
        rf'^communities_sockets_dropped_total{{reason="{reason}"}} (.*)$', text, re.MULTILINE
    )
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize("frames", [[FIRST, *[NEXT] * 4], [HUGE, b"x" * 20_000]])
async def test_oversized_message_is_refused_before_it_is_complete(
    town: Town, frames: list[bytes]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", town.service.port)
    key = base64.b64encode(b"sixteen bytes in").decode()
    writer.write(HANDSHAKE.format(key=key).replace("\n", "\r\n").encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in head
    # Of compressed messages the size is known too late.
    assert b"permessage-deflate" not in head
    writer.write(b"".join(frames))
    async with asyncio.timeout(30):
        assert TOO_LARGE in await reader.read()
    writer.close()
    await writer.wait_closed()
    assert await dropped(town, "noisy") == 1


async def test_message_may_be_as_large_as_the_limit(town: Town) -> None:
    group_id = town.group("public")
    rest = connections.MAX_MESSAGE_BYTES - len(f'40/groups/{group_id},{{"pad":""}}')
    async with session() as client:
        for more, expected in ((0, "40"), (1, "")):
            pad = "x" * (rest + more)
            heard, socket = await answer(client, town, group_id, f'{{"pad":"{pad}"}}')
            assert heard == expected
            await socket.close()
        assert socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_number_of_connections_of_a_user_is_limited(town: Town) -> None:
    group_id = town.group("public")
    auth = f'{{"token":"{town.service.token(town.user("owner").id)}"}}'
    async with session() as client:
        # All at once, so that none is counted before another one is looked at.
        many = await asyncio.gather(
            *(
                answer(client, town, group_id, auth)
                for _ in range(sockets.CONNECTIONS_PER_USER + 20)
            )
        )
        heard = [text for text, _ in many]
        assert heard.count("40") == sockets.CONNECTIONS_PER_USER
        assert heard.count("44") == 20


async def test_anonymous_connections_beyond_the_limit_are_dropped_without_an_answer(
    run_service: ServiceFactory,
) -> None:
    town = Town([run_service(SOCKETS_ANONYMOUS="3")], is_relayed=False)
    group_id, other = town.group("public"), town.group("public")
    auth = f'{{"token":"{town.service.token(town.user("owner").id)}"}}'
    async with session() as client:
        many = await asyncio.gather(*(answer(client, town, group_id) for _ in range(10)))
        taken = [socket for text, socket in many if text == "40"]
        assert sorted(text for text, _ in many) == [""] * 7 + ["40"] * 3
        assert await dropped(town, "anonymous") == 7
        # Who is there may join more, and who has a token isn't meant.
        await taken[0].send_str(f"40/groups/{other},")
        assert (await taken[0].receive(10)).data[:2] == "40"
        assert (await answer(client, town, group_id, auth))[0] == "40"
        await taken[1].close()
        async with asyncio.timeout(10):
            while (await answer(client, town, group_id))[0] != "40":
                pass
    town.close()


@pytest.mark.slow
async def test_connection_without_a_namespace_is_dropped(town: Town) -> None:
    group_id = town.group("private", "member")
    member = town.client(f"/groups/{group_id}", "member")
    auth = f'{{"token":"{member.token}"}}'
    async with session() as client, town.client(f"/groups/{group_id}", "owner") as stays:
        idle, refused = await opened(client, town), await opened(client, town)
        await refused.send_str(f"40/groups/{group_id},")
        assert (await refused.receive(10)).data[:2] == "44"
        _, left = await answer(client, town, group_id, auth)
        await left.send_str(f"41/groups/{group_id},")
        for socket in (idle, refused, left):
            message = await socket.receive(connections.JOIN_TIMEOUT_SECONDS + 10)
            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert not stays.disconnected.is_set()
        assert await dropped(town, "unjoined") == 3


async def test_number_of_connections_without_a_namespace_is_limited(town: Town) -> None:
    group_id = town.group("public")
    async with session() as client:
        idle = await opened(client, town)
        reader, writer = await asyncio.open_connection("127.0.0.1", town.service.port)
        # In one breath, for those that came first have to be there still at the end.
        count = connections.MAX_UNJOINED_PER_ADDRESS
        addresses = connections.MAX_UNJOINED // count
        writer.write(b"".join((POLLING % address) * count for address in range(addresses)))
        statuses = [await status(reader) for _ in range(connections.MAX_UNJOINED)]
        assert statuses == [200] * (connections.MAX_UNJOINED - 1) + [401]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.ws_connect(url(town.service))
        assert await dropped(town, "crowded") == 2
        # Who joins makes room.
        await idle.send_str(f"40/groups/{group_id},")
        assert (await idle.receive(10)).data[:2] == "40"
        assert (await answer(client, town, group_id))[0] == "40"
        writer.close()
        await writer.wait_closed()


async def test_number_of_unjoined_connections_of_an_address_is_limited(town: Town) -> None:
    async with session() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", town.service.port)
        count = connections.MAX_UNJOINED_PER_ADDRESS
        writer.write((POLLING % 1) * (count + 3))
        statuses = [await status(reader) for _ in range(count + 3)]
        assert statuses == [200] * count + [401] * 3
        assert await dropped(town, "crowded") == 3
        # There is room for another client.
        socket = await opened(client, town)
        await socket.close()
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("prefix", ["", "d="])
async def test_noisy_polling_client_is_dropped(town: Town, prefix: str) -> None:
    group_id = town.group("public")
    polling = f"{town.service.origin}/socket.io/?EIO=4&transport=polling"
    async with session() as client:
        answered = await client.get(polling)
        polling += f"&sid={json.loads((await answered.text())[1:])['sid']}"
        assert (await client.post(polling, data=f"40/groups/{group_id},")).ok
        said = prefix + "\x1e".join([f'42/groups/{group_id},["noise"]'] * 16)
        answers = [(await client.post(polling, data=said)).status for _ in range(100)]
        assert (
            answers.index(400) <= connections.MESSAGE_BURST // 16 + connections.MESSAGES_PER_SECOND
        )
        assert set(answers[answers.index(400) :]) == {400}
        assert await dropped(town, "noisy") == 1
        async with town.client(f"/groups/{group_id}"):
            pass


def publish(redis_url: str, *entries: tuple[str, dict[str, Any]]) -> None:
    """Puts these payloads of groups into an empty stream, as a relay would."""
    with redis.Redis.from_url(redis_url) as client, client.pipeline() as pipeline:
        for place, (group_id, data) in enumerate(entries, 1):
            payload = {"event_id": f"{place}-0", "subject_id": data["id"], "data": data}
            fields = {"type": "post.updated", "group_id": group_id, "payload": json.dumps(payload)}
            pipeline.xadd("comm:post", fields, id=f"{place}-0")
        pipeline.execute()


async def test_resuming_clients_read_only_their_own_events(
    run_service: ServiceFactory, redis_url: str
) -> None:
    town = Town([run_service()], is_relayed=False)
    group_id = town.group("public")
    theirs = (str(uuid.uuid4()), {"id": str(uuid.uuid4())})
    ours = (group_id, {"id": str(uuid.uuid4())})
    publish(redis_url, *[theirs] * 2000, ours, *[theirs] * 2000, ours)
    # This one has seen nothing of it yet.
    town.services.append(run_service())

    async def resume() -> None:
        async with town.client(f"/groups/{group_id}", last="0", service=1) as client:
            await client.hears("post.updated", 2)
            assert client.ids == ["2001-0", "4002-0"]

    await resume()
    with redis.Redis.from_url(redis_url) as client:
        places = [f"{place}-0" for place in range(1, 4002) if place != 2001]
        client.xdel("comm:post", *places)
    # What the first has made known isn't read again: it isn't even there.
    await asyncio.gather(*(resume() for _ in range(20)))
    town.close()


async def test_long_replay_has_each_event_once_and_in_order(town: Town, redis_url: str) -> None:
    group_id, other = town.group("public"), str(uuid.uuid4())
    # More than a client is ever behind.
    count = 3 * emitter.MAX_QUEUED_PACKETS
    groups = [group_id if place % 3 else other for place in range(1, count + 1)]
    publish(redis_url, *[(group, {"id": str(uuid.uuid4())}) for group in groups])
    ours = [f"{place}-0" for place, group in enumerate(groups, 1) if group == group_id]
    async with town.client(f"/groups/{group_id}", last="0") as client:
        await client.hears("post.updated", len(ours))
        assert client.ids == ours


async def test_slow_client_does_not_delay_others(town: Town, redis_url: str) -> None:
    busy, group_id = town.group("public"), town.group("public")
    much = {"id": town.user("owner").make_post(busy, "x" * 20_000)}
    publish(redis_url, *[(busy, much)] * 1500, (group_id, {"id": str(uuid.uuid4())}))
    async with session() as client:
        slow = [
            await answer(client, town, busy, '{"last_event_id":"0"}')
            for _ in range(replay.MAX_CONCURRENT)
        ]
        for _, socket in slow:
            assert socket._response.connection is not None
            transport = socket._response.connection.transport
            assert transport is not None
            transport.pause_reading()
        async with town.client(f"/groups/{group_id}", last="0") as other:
            await other.hears("post.updated")


async def status(reader: asyncio.StreamReader) -> int:
    """Returns the status of the next answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = re.search(r"^content-length: (\d+)", head, re.MULTILINE | re.IGNORECASE)
    if length is not None:
        await reader.readexactly(int(length[1]))
    else:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    return int(head.split()[1])
