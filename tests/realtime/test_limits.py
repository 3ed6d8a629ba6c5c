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
import pytest
import redis

from service.realtime import connections, emitter, replay, sockets
from tests.conftest import ServiceFactory
from tests.support.sockets import Instance

HANDSHAKE = """GET /socket.io/?EIO=4&transport=websocket HTTP/1.1
Host: localhost
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: {key}
Sec-WebSocket-Extensions: permessage-deflate

"""
# A local proxy's request for a client at this address.
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
def instance(run_service: ServiceFactory) -> Iterator[Instance]:
    instance = Instance([run_service()], is_relayed=False)
    yield instance
    instance.close()


@asynccontextmanager
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as opened:
        yield opened


async def opened(
    client: aiohttp.ClientSession, instance: Instance
) -> aiohttp.ClientWebSocketResponse:
    """Returns a connection from another address that has not joined anything."""
    headers = {"X-Forwarded-For": f"192.0.2.{next(ADDRESSES)}"}
    socket = await client.ws_connect(instance.service.websocket_url, headers=headers)
    assert (await socket.receive()).data[:1] == "0"
    return socket


async def answer(
    client: aiohttp.ClientSession, instance: Instance, group_id: str, auth: str = ""
) -> tuple[str, aiohttp.ClientWebSocketResponse]:
    """Returns the answer to a new connection that joins a group: "40", "44", or nothing."""
    socket = await opened(client, instance)
    await socket.send_str(f"40/groups/{group_id},{auth}")
    message = await socket.receive(10)
    return (message.data[:2] if message.type == aiohttp.WSMsgType.TEXT else ""), socket


async def dropped(instance: Instance, reason: str) -> float:
    sample = f'communities_sockets_dropped_total{{reason="{reason}"}}'
    return await asyncio.to_thread(instance.service.metric, sample)


@pytest.mark.parametrize("frames", [[FIRST, *[NEXT] * 4], [HUGE, b"x" * 20_000]])
async def test_oversized_message_is_refused_before_it_is_complete(
    instance: Instance, frames: list[bytes]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", instance.service.port)
    key = base64.b64encode(b"sixteen bytes in").decode()
    writer.write(HANDSHAKE.format(key=key).replace("\n", "\r\n").encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in head
    # The size of a compressed message is known only after the message was decompressed.
    assert b"permessage-deflate" not in head
    writer.write(b"".join(frames))
    async with asyncio.timeout(30):
        assert TOO_LARGE in await reader.read()
    writer.close()
    await writer.wait_closed()
    assert await dropped(instance, "noisy") == 1


async def test_message_may_be_as_large_as_the_limit(instance: Instance) -> None:
    group_id = instance.group("public")
    rest = connections.MAX_MESSAGE_BYTES - len(f'40/groups/{group_id},{{"pad":""}}')
    async with session() as client:
        for more, expected in ((0, "40"), (1, "")):
            pad = "x" * (rest + more)
            received, socket = await answer(client, instance, group_id, f'{{"pad":"{pad}"}}')
            assert received == expected
            await socket.close()
        assert socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_number_of_connections_of_a_user_is_limited(instance: Instance) -> None:
    group_id = instance.group("public")
    auth = f'{{"token":"{instance.service.token(instance.user("owner").id)}"}}'
    async with session() as client:
        # Concurrent, so that each is checked before the others are counted.
        many = await asyncio.gather(
            *(
                answer(client, instance, group_id, auth)
                for _ in range(sockets.CONNECTIONS_PER_USER + 20)
            )
        )
        received = [text for text, _ in many]
        assert received.count("40") == sockets.CONNECTIONS_PER_USER
        assert received.count("44") == 20


async def test_anonymous_connections_beyond_the_limit_are_dropped_without_an_answer(
    run_service: ServiceFactory,
) -> None:
    instance = Instance([run_service(SOCKETS_ANONYMOUS="3")], is_relayed=False)
    group_id, other = instance.group("public"), instance.group("public")
    auth = f'{{"token":"{instance.service.token(instance.user("owner").id)}"}}'
    async with session() as client:
        many = await asyncio.gather(*(answer(client, instance, group_id) for _ in range(10)))
        taken = [socket for text, socket in many if text == "40"]
        assert sorted(text for text, _ in many) == [""] * 7 + ["40"] * 3
        assert await dropped(instance, "anonymous") == 7
        # A connected client may join more namespaces, and the limit spares clients with a token.
        await taken[0].send_str(f"40/groups/{other},")
        assert (await taken[0].receive(10)).data[:2] == "40"
        assert (await answer(client, instance, group_id, auth))[0] == "40"
        await taken[1].close()
        async with asyncio.timeout(10):
            while (await answer(client, instance, group_id))[0] != "40":
                pass
    instance.close()


@pytest.mark.slow
async def test_connection_without_a_namespace_is_dropped(instance: Instance) -> None:
    group_id = instance.group("private", "member")
    member = instance.client(f"/groups/{group_id}", "member")
    auth = f'{{"token":"{member.token}"}}'
    async with session() as client, instance.client(f"/groups/{group_id}", "owner") as stays:
        idle, refused = await opened(client, instance), await opened(client, instance)
        await refused.send_str(f"40/groups/{group_id},")
        assert (await refused.receive(10)).data[:2] == "44"
        _, left = await answer(client, instance, group_id, auth)
        await left.send_str(f"41/groups/{group_id},")
        for socket in (idle, refused, left):
            message = await socket.receive(connections.JOIN_TIMEOUT_SECONDS + 10)
            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert not stays.disconnected.is_set()
        assert await dropped(instance, "unjoined") == 3


async def test_number_of_connections_without_a_namespace_is_limited(instance: Instance) -> None:
    group_id = instance.group("public")
    async with session() as client:
        idle = await opened(client, instance)
        reader, writer = await asyncio.open_connection("127.0.0.1", instance.service.port)
        # In one write, so that the first connections are still open at the end.
        count = connections.MAX_UNJOINED_PER_ADDRESS
        addresses = connections.MAX_UNJOINED // count
        writer.write(b"".join((POLLING % address) * count for address in range(addresses)))
        statuses = [await status(reader) for _ in range(connections.MAX_UNJOINED)]
        assert statuses == [200] * (connections.MAX_UNJOINED - 1) + [401]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.ws_connect(instance.service.websocket_url)
        assert await dropped(instance, "crowded") == 2
        # A connection that joins a namespace no longer counts.
        await idle.send_str(f"40/groups/{group_id},")
        assert (await idle.receive(10)).data[:2] == "40"
        assert (await answer(client, instance, group_id))[0] == "40"
        writer.close()
        await writer.wait_closed()


async def test_number_of_unjoined_connections_of_an_address_is_limited(instance: Instance) -> None:
    async with session() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", instance.service.port)
        count = connections.MAX_UNJOINED_PER_ADDRESS
        writer.write((POLLING % 1) * (count + 3))
        statuses = [await status(reader) for _ in range(count + 3)]
        assert statuses == [200] * count + [401] * 3
        assert await dropped(instance, "crowded") == 3
        # Another address may still connect.
        socket = await opened(client, instance)
        await socket.close()
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("prefix", ["", "d="])
async def test_noisy_polling_client_is_dropped(instance: Instance, prefix: str) -> None:
    group_id = instance.group("public")
    polling = f"{instance.service.origin}/socket.io/?EIO=4&transport=polling"
    async with session() as client:
        answered = await client.get(polling)
        polling += f"&sid={json.loads((await answered.text())[1:])['sid']}"
        assert (await client.post(polling, data=f"40/groups/{group_id},")).ok
        messages = prefix + "\x1e".join([f'42/groups/{group_id},["noise"]'] * 16)
        answers = [(await client.post(polling, data=messages)).status for _ in range(100)]
        assert (
            answers.index(400) <= connections.MESSAGE_BURST // 16 + connections.MESSAGES_PER_SECOND
        )
        assert set(answers[answers.index(400) :]) == {400}
        assert await dropped(instance, "noisy") == 1
        async with instance.client(f"/groups/{group_id}"):
            pass


def publish(redis_url: str, *entries: tuple[str, dict[str, Any]]) -> None:
    """Adds these payloads of groups to an empty stream, as the relay does."""
    with redis.Redis.from_url(redis_url) as client, client.pipeline() as pipeline:
        for position, (group_id, data) in enumerate(entries, 1):
            payload = {"event_id": f"{position}-0", "subject_id": data["id"], "data": data}
            fields = {"type": "post.updated", "group_id": group_id, "payload": json.dumps(payload)}
            pipeline.xadd("comm:post", fields, id=f"{position}-0")
        pipeline.execute()


async def test_resuming_clients_read_only_their_own_events(
    run_service: ServiceFactory, redis_url: str
) -> None:
    instance = Instance([run_service()], is_relayed=False)
    group_id = instance.group("public")
    foreign = (str(uuid.uuid4()), {"id": str(uuid.uuid4())})
    own = (group_id, {"id": str(uuid.uuid4())})
    publish(redis_url, *[foreign] * 2000, own, *[foreign] * 2000, own)
    # The second service has read none of these events.
    instance.services.append(run_service())

    async def resume() -> None:
        async with instance.client(f"/groups/{group_id}", last="0", service=1) as client:
            await client.receives("post.updated", 2)
            assert client.ids == ["2001-0", "4002-0"]

    await resume()
    with redis.Redis.from_url(redis_url) as client:
        positions = [f"{position}-0" for position in range(1, 4002) if position != 2001]
        client.xdel("comm:post", *positions)
    # Later clients use the positions that the service has cached: other entries are deleted.
    await asyncio.gather(*(resume() for _ in range(20)))
    instance.close()


async def test_long_replay_has_each_event_once_and_in_order(
    instance: Instance, redis_url: str
) -> None:
    group_id, other = instance.group("public"), str(uuid.uuid4())
    # More events than a client's queue holds.
    count = 3 * emitter.MAX_QUEUED_PACKETS
    groups = [group_id if position % 3 else other for position in range(1, count + 1)]
    publish(redis_url, *[(group, {"id": str(uuid.uuid4())}) for group in groups])
    own = [f"{position}-0" for position, group in enumerate(groups, 1) if group == group_id]
    async with instance.client(f"/groups/{group_id}", last="0") as client:
        await client.receives("post.updated", len(own))
        assert client.ids == own


async def test_slow_client_does_not_delay_others(instance: Instance, redis_url: str) -> None:
    busy_group, group_id = instance.group("public"), instance.group("public")
    large_post = {"id": instance.user("owner").make_post(busy_group, "x" * 20_000)}
    publish(redis_url, *[(busy_group, large_post)] * 1500, (group_id, {"id": str(uuid.uuid4())}))
    async with session() as client:
        slow = [
            await answer(client, instance, busy_group, '{"last_event_id":"0"}')
            for _ in range(replay.MAX_CONCURRENT)
        ]
        for _, socket in slow:
            assert socket._response.connection is not None
            transport = socket._response.connection.transport
            assert transport is not None
            transport.pause_reading()
        async with instance.client(f"/groups/{group_id}", last="0") as other:
            await other.receives("post.updated")


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
