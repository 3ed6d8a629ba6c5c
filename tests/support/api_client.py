"""Requests to a service: from a user's client, or over a bare socket."""

import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

BASE = "/api/communities/v1"
NEW_GROUP = {"name": "A group", "visibility": "public"}


@dataclass(frozen=True)
class User:
    """User with a token."""

    id: uuid.UUID
    client: httpx.Client

    def make_group(self, visibility: str = "public", **fields: Any) -> str:
        """Returns the id of a new group."""
        return self._create("/groups", {**NEW_GROUP, "visibility": visibility, **fields})

    def make_post(self, group_id: str, body: str = "A post") -> str:
        """Returns the id of a new post."""
        return self._create(f"/groups/{group_id}/posts", {"body": body})

    def make_comment(self, post_id: str, body: str = "A comment") -> str:
        """Returns the id of a new comment."""
        return self._create(f"/posts/{post_id}/comments", {"body": body})

    def _create(self, path: str, body: Any) -> str:
        response = self.client.post(path, json=body)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])


@dataclass(frozen=True)
class Reply:
    """Response over a bare socket."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True)
class RawClient:
    """Client that sends requests which a client library would refuse to send."""

    port: int

    def send(
        self,
        method: str,
        path: str,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Reply:
        """Sends one request on its own connection. Returns the response.

        The caller gives all headers, including the length of the body.
        """
        lines = [f"{method} {path} HTTP/1.1", "Host: test", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers]
        request = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request)
            return _parse(_receive_all(connection))


def problem(response: httpx.Response | Reply, status: int, code: str) -> dict[str, Any]:
    """Returns the problem in a response, and asserts the fields that every problem has."""
    seen = response.status_code if isinstance(response, httpx.Response) else response.status
    content: dict[str, Any] = response.json()
    assert (seen, content["code"]) == (status, code), content
    assert response.headers["content-type"] == "application/problem+json"
    assert content["status"] == status
    assert content["request_id"] == response.headers["x-request-id"]
    assert content["type"]
    assert content["title"]
    assert content["detail"]
    assert ("errors" in content) == (code == "validation_failed")
    assert ("www-authenticate" in response.headers) == (status == 401)
    return content


def fields(response: httpx.Response | Reply) -> list[str]:
    """Returns the names of the invalid fields."""
    errors = problem(response, 400, "validation_failed")["errors"]
    assert all(error["message"] for error in errors)
    return [error["field"] for error in errors]


def _receive_all(connection: socket.socket) -> bytes:
    received = bytearray()
    while chunk := connection.recv(65536):
        received += chunk
    return bytes(received)


def _parse(received: bytes) -> Reply:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    return Reply(int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, body)
