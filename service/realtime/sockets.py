"""Socket.IO server: clients connect to namespaces, and lose them with their token or access.

Implements rules 95.1, 95.9 and 95.12.
"""

import asyncio
import contextlib
import logging
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, NoReturn

import psycopg
import socketio
import structlog
from socketio import exceptions
from starlette import responses
from starlette.types import Receive, Scope, Send

from common import cancellation, database, outages, settings, streams, telemetry
from service.http import authentication, problems
from service.media import signed_urls
from service.operations import request_metrics
from service.realtime import (
    access,
    connections,
    current_state,
    emitter,
    history,
    listeners,
    reader,
    replay,
)

PATH: Final = "/socket.io"
NAMESPACES_PER_CONNECTION: Final = 50
CONNECTIONS_PER_USER: Final = 100
PING_INTERVAL_SECONDS: Final = 20
PING_TIMEOUT_SECONDS: Final = 20
# Interval of checks for expired tokens, because the clock may be set.
EXPIRY_CHECK_SECONDS: Final = 60.0
_LAST_EVENT_ID: Final = re.compile(r"([0-9]{1,20})(?:-0)?", re.ASCII)


class Server(socketio.AsyncServer):  # type: ignore[misc]  # it has no types
    """Socket.IO server that limits connections and ends the requests of polling clients."""

    accept_connection: Callable[[str, Mapping[str, Any]], bool]
    end_connection: Callable[[str], None]

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> bool | None:
        if not self.accept_connection(eio_sid, environ):
            return False
        await super()._handle_eio_connect(eio_sid, environ)
        return None

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        await super()._handle_eio_disconnect(eio_sid, reason)
        self.end_connection(eio_sid)
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None:
            # After the last packet to the client. Nothing else ends the pending request.
            asyncio.get_running_loop().call_soon(socket.queue.put_nowait, None)


class Sockets:
    """ASGI application for everything under PATH."""

    def __init__(
        self,
        authenticator: authentication.Authenticator,
        access_: access.Access,
        feed: streams.Feed,
        signer: signed_urls.Signer,
        metrics: request_metrics.Metrics,
        max_anonymous: int,
        tracer: telemetry.Tracer | None,
    ) -> None:
        logger = logging.getLogger("socketio")
        logger.setLevel(logging.ERROR)
        self._server = Server(
            async_mode="asgi",
            namespaces="*",
            # Clients authenticate by token and not by cookie, so every origin may connect.
            cors_allowed_origins="*",
            cors_credentials=False,
            # Events from clients are discarded on arrival (rule 95.12).
            async_handlers=False,
            max_http_buffer_size=connections.MAX_MESSAGE_BYTES,
            ping_interval=PING_INTERVAL_SECONDS,
            ping_timeout=PING_TIMEOUT_SECONDS,
            logger=logger,
            engineio_logger=logger,
        )
        self._server.on("connect", namespace="*", handler=self._connect)
        self._server.on("disconnect", namespace="*", handler=self._disconnect)
        self._authenticator = authenticator
        self._access = access_
        self._emitter = emitter.Emitter(self._server, signer, metrics)
        self._server.accept_connection = self._emitter.accept
        self._server.end_connection = self._emitter.end
        self._max_anonymous = max_anonymous
        history_ = history.History(feed)
        state = current_state.CurrentState(access_, history_)
        self.reader = reader.Reader(feed, access_, self._emitter, history_, state, tracer)
        self._replay = replay.Replay(access_, self._emitter, self.reader, history_, state)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a websocket or a request of a polling client."""
        if scope["type"] != "websocket":
            await self._answer(scope, receive, send)
            return
        session = self._emitter.connections.begin(scope, send)
        limited = connections.limited(receive, send, self._emitter.count_noise)
        try:
            await self._server.handle_request(scope, limited, send)
        except Exception as error:
            # The client violated the protocol.
            structlog.get_logger().info("websocket failed", error=type(error).__name__)
            self._drop_violator(session, scope)
        finally:
            self._emitter.connections.end(session)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the request of a polling client, or drops one that sends too much."""
        session = connections.session_of(scope) or ""
        if scope["method"] == "POST" and session in self._server.eio.sockets:
            body = await connections.body_of(receive)
            if not self._emitter.allows(session, body):
                await responses.Response(status_code=400)(scope, receive, send)
                return
            receive = connections.received(body or b"", receive)
        await self._server.handle_request(scope, receive, send)

    async def run(self) -> None:
        """Sends events to clients until it is cancelled."""
        try:
            await self.reader.run()
        finally:
            await cancellation.cancel_all(*self._tasks)
            await self._server.shutdown()

    async def leave(self) -> None:
        """Drops all connections; their clients reconnect to another process."""
        # A client that reconnects here at once would delay the end of this process.
        self._emitter.is_stopping = True
        for connection in list(self._server.eio.sockets):
            self._emitter.drop(connection, "stopping")
        await self._emitter.closed()

    async def _connect(
        self, namespace: str, sid: str, environ: dict[str, Any], credentials: object = None
    ) -> None:
        connection = self._server.manager.eio_sid_from_sid(sid, namespace)
        try:
            channel = listeners.Channel.of(namespace)
            token, last = _credentials(credentials)
            user, expires = listeners.ANONYMOUS, listeners.NEVER
            if token is not None:
                user, expires = await self._authenticator.holder(token)
            position = self.reader.position if self.reader.started.is_set() else -1
            actor = None if user == listeners.ANONYMOUS else user
            group_id = await self._access.enter(actor, channel)
            # No await from here to the registration, because many may connect at once.
            self._check_limits(connection, user)
        except ValueError:
            raise exceptions.ConnectionRefusedError("not_found") from None
        except access.Refused as refusal:
            raise exceptions.ConnectionRefusedError(str(refusal)) from None
        except problems.Problem as problem:
            if problem.code == "unauthenticated":
                raise exceptions.ConnectionRefusedError("unauthenticated") from None
            self._drop_and_refuse(connection, "unavailable")
        except (outages.StoreUnavailable, psycopg.Error):
            self._drop_and_refuse(connection, "unavailable")
        except exceptions.ConnectionRefusedError:
            raise
        except Exception as error:
            structlog.get_logger().exception("connect failed")
            raise exceptions.ConnectionRefusedError("not_found") from error
        else:
            listener = listeners.Listener(
                sid=sid,
                connection=connection,
                namespace=namespace,
                channel=channel,
                user=user,
                expires=expires,
                position=position,
                group_id=group_id,
            )
            self._emitter.add(listener)
            self._expire(listener)
            self._start(listener, last)

    def _check_limits(self, connection: str, user: uuid.UUID) -> None:
        registry = self._emitter.registry
        if len(registry.of_connection(connection)) >= NAMESPACES_PER_CONNECTION:
            raise ValueError("too many namespaces")
        others = registry.connections_of(user)
        if connection in others:
            return
        if user == listeners.ANONYMOUS and len(others) >= self._max_anonymous:
            self._drop_and_refuse(connection, "anonymous")
        if user != listeners.ANONYMOUS and len(others) >= CONNECTIONS_PER_USER:
            raise ValueError("too many connections")

    def _drop_and_refuse(self, connection: str, reason: str) -> NoReturn:
        # Clients reconnect after a lost connection, but not after a refusal.
        self._emitter.drop(connection, reason)
        raise exceptions.ConnectionRefusedError("not_found")

    async def _disconnect(self, namespace: str, sid: str, _reason: str) -> None:
        listener = self._emitter.registry.find(namespace, sid)
        if listener is not None:
            self._emitter.remove(listener)

    def _start(self, listener: listeners.Listener, last: int | None) -> None:
        task = asyncio.create_task(self._replay.run(listener, last))
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            structlog.get_logger().error("replay failed", error=repr(error))

    def _expire(self, listener: listeners.Listener) -> None:
        if listener.is_removed or listener.expires == listeners.NEVER:
            return
        seconds = listener.expires - time.time()
        if seconds > 0:
            loop = asyncio.get_running_loop()
            listener.timer = loop.call_later(
                min(seconds, EXPIRY_CHECK_SECONDS), self._expire, listener
            )
            return
        task = asyncio.create_task(self._emitter.evict(listener, "token"))
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _drop_violator(self, session: str | None, scope: Scope) -> None:
        if session is None:
            session = next(
                (
                    session_
                    for session_, environ in self._server.environ.items()
                    if environ.get("asgi.scope") is scope
                ),
                None,
            )
        if session is not None:
            self._emitter.drop(session, "noisy")


@contextlib.asynccontextmanager
async def opened(
    configuration: settings.ServiceSettings,
    pool: database.Pool,
    authenticator: authentication.Authenticator,
    signer: signed_urls.Signer,
    metrics: request_metrics.Metrics,
    tracer: telemetry.Tracer | None,
) -> AsyncIterator[Sockets]:
    """Yields the sockets, and sends events to them until the end."""
    async with streams.opened(configuration) as feed:
        sockets = Sockets(
            authenticator,
            access.Access(pool),
            feed,
            signer,
            metrics,
            configuration.sockets_anonymous,
            tracer,
        )
        running = asyncio.create_task(sockets.run())
        try:
            yield sockets
        finally:
            await cancellation.cancel_all(running)


def _credentials(given: object) -> tuple[object, int | None]:
    """Returns the token and last position of a client. Raises ValueError for another type.

    The position is None without a last_event_id, and UNKNOWN for one that the service never sent.
    """
    if given is None:
        return None, None
    if not isinstance(given, dict):
        raise ValueError("is not an object")  # noqa: TRY004
    last = given.get("last_event_id")
    if last is None:
        return given.get("token"), None
    match = _LAST_EVENT_ID.fullmatch(last) if isinstance(last, str) else None
    return given.get("token"), int(match[1]) if match else replay.UNKNOWN
