"""Follows a group live: shows its newest posts, then every event, until Ctrl-C.

    TOKEN=… python follow.py http://127.0.0.1:8000 GROUP_ID

After an interruption it resumes after the last event that it received. When the service no longer
has the missed events, it reads the posts over HTTP again.
"""

import argparse
import asyncio
import os
from typing import Any

import httpx
import socketio

CONNECTED, ENDED = "connected", "ended"


class Follower:
    """Posts of a group, kept up to date by its events."""

    def __init__(self, origin: str, group_id: str, token: str | None) -> None:
        self._group_id = group_id
        self._token = token
        self._last_event_id: str | None = None
        # Events wait here while posts are read: they are newer, or repeat the posts.
        self._events: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._http = httpx.AsyncClient(
            base_url=f"{origin}/api/communities/v1",
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        self._origin = origin
        self.posts: dict[str, dict[str, Any]] = {}

    async def follow(self) -> None:
        namespace = f"/groups/{self._group_id}"
        client = socketio.AsyncClient(reconnection_delay_max=5)
        client.on("connect", self._connected, namespace=namespace)
        client.on("connect_error", self._refused, namespace=namespace)
        client.on("disconnect", self._disconnected, namespace=namespace)
        client.on("*", self._receive, namespace=namespace)
        # The client calls `auth` for each connection, so it sends the latest id.
        await client.connect(
            self._origin, namespaces=[namespace], auth=self._auth, transports=["websocket"]
        )
        async with self._http:
            while (event := await self._events.get())[0] != ENDED:
                await self._handle(*event)

    def _auth(self) -> dict[str, str]:
        auth = {"token": self._token, "last_event_id": self._last_event_id}
        return {name: value for name, value in auth.items() if value is not None}

    async def _connected(self) -> None:
        print(
            "connected", f"after {self._last_event_id}" if self._last_event_id else "", flush=True
        )
        if self._last_event_id is None:
            self._events.put_nowait((CONNECTED, {}))

    async def _refused(self, error: Any) -> None:
        # The code of a refusal (not_found or unauthenticated), or a connection error.
        print("not connected:", error["message"] if isinstance(error, dict) else error, flush=True)

    async def _disconnected(self, reason: str) -> None:
        print(reason, flush=True)
        if reason == socketio.AsyncClient.reason.SERVER_DISCONNECT:
            # The user has lost access to the group, or the token has expired.
            self._events.put_nowait((ENDED, {}))

    async def _receive(self, kind: str, event: dict[str, Any]) -> None:
        self._last_event_id = event["event_id"]
        self._events.put_nowait((kind, event))

    async def _handle(self, kind: str, event: dict[str, Any]) -> None:
        if kind in (CONNECTED, "resync_required"):
            await self._read()
            return
        data = event["data"]
        print(event["event_id"], kind, data.get("body") or data["id"], flush=True)
        if kind == "post.deleted":
            self.posts.pop(data["id"], None)
        elif kind.startswith("post.") and "body" in data:
            self.posts[data["id"]] = data

    async def _read(self) -> None:
        """Reads the newest posts, and retries while the service starts."""
        while True:
            try:
                answer = await self._http.get(f"/groups/{self._group_id}/posts")
            except httpx.TransportError:
                await asyncio.sleep(1)
                continue
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(float(answer.headers["retry-after"]))
        answer.raise_for_status()
        self.posts = {post["id"]: post for post in answer.json()["items"]}
        print("read", *(post["body"] for post in self.posts.values()), sep="\n  ", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("origin", help="URL of the service, for example http://127.0.0.1:8000")
    parser.add_argument("group_id")
    arguments = parser.parse_args()
    follower = Follower(arguments.origin, arguments.group_id, os.environ.get("TOKEN"))
    try:
        asyncio.run(follower.follow())
    except KeyboardInterrupt:
        pass
    except socketio.exceptions.ConnectionError as error:
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
