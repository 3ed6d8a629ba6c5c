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
from service.realtime import access, connections, listeners, reader, replay, survey, telling

PATH: Final = "/socket.io"
NAMESPACES_PER_CONNECTION: Final = 50
CONNECTIONS_PER_USER: Final = 100
PING_INTERVAL: Final = 20  # seconds
PING_TIMEOUT: Final = 20  # seconds
# The clock is looked at again after so many seconds: it may have been set.
LOOK: Final = 60.0
_LAST: Final = re.compile(r"([0-9]{1,20})(?:-0)?", re.ASCII)


class Server(socketio.AsyncServer):  # type: ignore[misc]  # it has no types
    """The Socket.IO server; a polling client that goes doesn't leave its request behind."""

    opens: Callable[[str, Mapping[str, Any]], bool]  # whether a new connection is taken
    closes: Callable[[str], None]

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> bool | None:
        if not self.opens(eio_sid, environ):
            return False
        await super()._handle_eio_connect(eio_sid, environ)
        return None

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        await super()._handle_eio_disconnect(eio_sid, reason)
        self.closes(eio_sid)
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None:
            # Behind a last word to the client, if there is one: nothing ends the request else.
            asyncio.get_running_loop().call_soon(socket.queue.put_nowait, None)


class Sockets:
    """An ASGI application for everything under PATH."""

    def __init__(
        self,
        authenticator: authentication.Authenticator,
        asked: access.Access,
        source: streams.Feed,
        signer: signed_urls.Signer,
        measured: request_metrics.Metrics,
        anonymous: int,
        tracer: telemetry.Tracer | None,
    ) -> None:
        logger = logging.getLogger("socketio")
        logger.setLevel(logging.ERROR)
        self._server = Server(
            async_mode="asgi",
            namespaces="*",
            # No cookie opens anything here, a token does: every page may connect.
            cors_allowed_origins="*",
            cors_credentials=False,
            # What clients send is thrown away where it arrives.
            async_handlers=False,
            max_http_buffer_size=connections.MESSAGE,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            logger=logger,
            engineio_logger=logger,
        )
        self._server.on("connect", namespace="*", handler=self._connect)
        self._server.on("disconnect", namespace="*", handler=self._disconnect)
        self._authenticator = authenticator
        self._access = asked
        self._teller = telling.Teller(self._server, signer, measured)
        self._server.opens = self._teller.begin
        self._server.closes = self._teller.end
        self._anonymous = anonymous
        surveyed = survey.Survey(source)
        self.reader = reader.Reader(source, asked, self._teller, surveyed, tracer)
        self._replay = replay.Replay(asked, self._teller, self.reader, surveyed)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a websocket or a request of a polling client."""
        if scope["type"] != "websocket":
            await self._answer(scope, receive, send)
            return
        session = self._teller.connections.begin(scope, send)
        limited = connections.limited(receive, send, self._teller.count_noise)
        try:
            await self._server.handle_request(scope, limited, send)
        except Exception as error:
            # A client that doesn't speak the protocol.
            structlog.get_logger().info("websocket failed", error=type(error).__name__)
            self._abandon(session, scope)
        finally:
            self._teller.connections.end(session)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request of a client that polls, if it doesn't say too much."""
        session = connections.session_of(scope) or ""
        if scope["method"] == "POST" and session in self._server.eio.sockets:
            body = await connections.body_of(receive)
            if not self._teller.hears(session, body):
                await responses.Response(status_code=400)(scope, receive, send)
                return
            receive = connections.received(body or b"", receive)
        await self._server.handle_request(scope, receive, send)

    async def run(self) -> None:
        """Tells sockets what happens until it is cancelled."""
        try:
            await self.reader.run()
        finally:
            await cancellation.cancel_all(*self._tasks)
            await self._server.shutdown()

    async def leave(self) -> None:
        """Cuts all connections; their clients come back by themselves, to another process."""
        # Who is quick would come back here: by polling, and keep the process from its end.
        self._teller.is_leaving = True
        for connection in list(self._server.eio.sockets):
            self._teller.drop(connection, "stopping")
        await self._teller.closed()

    async def _connect(
        self, namespace: str, sid: str, environ: dict[str, Any], credentials: object = None
    ) -> None:
        connection = self._server.manager.eio_sid_from_sid(sid, namespace)
        try:
            channel = listeners.Channel.of(namespace)
            token, last = _credentials(credentials)
            user, expires = listeners.NOBODY, listeners.NEVER
            if token is not None:
                user, expires = await self._authenticator.holder(token)
            place = self.reader.place if self.reader.started.is_set() else -1
            actor = None if user == listeners.NOBODY else user
            group_id = await self._access.enter(actor, channel)
            # Without a pause from here to where it is counted: many may come at once.
            self._check_limits(connection, user)
        except ValueError:
            raise exceptions.ConnectionRefusedError("not_found") from None
        except access.Refused as refusal:
            raise exceptions.ConnectionRefusedError(str(refusal)) from None
        except problems.Problem as problem:
            if problem.code == "unauthenticated":
                raise exceptions.ConnectionRefusedError("unauthenticated") from None
            self._give_up(connection, "unavailable")
        except (outages.StoreUnavailable, psycopg.Error):
            self._give_up(connection, "unavailable")
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
                place=place,
                group_id=group_id,
            )
            self._teller.add(listener)
            self._expire(listener)
            self._start(listener, last)

    def _check_limits(self, connection: str, user: uuid.UUID) -> None:
        registry = self._teller.registry
        if len(registry.of_connection(connection)) >= NAMESPACES_PER_CONNECTION:
            raise ValueError("too many namespaces")
        others = registry.connections_of(user)
        if connection in others:
            return
        if user == listeners.NOBODY and len(others) >= self._anonymous:
            self._give_up(connection, "anonymous")
        if user != listeners.NOBODY and len(others) >= CONNECTIONS_PER_USER:
            raise ValueError("too many connections")

    def _give_up(self, connection: str, reason: str) -> NoReturn:
        # Clients come back by themselves to a connection that was lost, but not where one of the
        # two refusals was told.
        self._teller.drop(connection, reason)
        raise exceptions.ConnectionRefusedError("not_found")

    async def _disconnect(self, namespace: str, sid: str, _reason: str) -> None:
        listener = self._teller.registry.find(namespace, sid)
        if listener is not None:
            self._teller.forget(listener)

    def _start(self, listener: listeners.Listener, last: int | None) -> None:
        task = asyncio.create_task(self._replay.bring(listener, last))
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            structlog.get_logger().error("replay failed", error=repr(error))

    def _expire(self, listener: listeners.Listener) -> None:
        if listener.gone or listener.expires == listeners.NEVER:
            return
        rest = listener.expires - time.time()
        if rest > 0:
            loop = asyncio.get_running_loop()
            listener.timer = loop.call_later(min(rest, LOOK), self._expire, listener)
            return
        task = asyncio.create_task(self._teller.expel(listener, "token"))
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _abandon(self, session: str | None, scope: Scope) -> None:
        if session is None:
            session = next(
                (
                    one
                    for one, environ in self._server.environ.items()
                    if environ.get("asgi.scope") is scope
                ),
                None,
            )
        if session is not None:
            self._teller.drop(session, "noisy")


@contextlib.asynccontextmanager
async def opened(
    configuration: settings.ServiceSettings,
    pool: database.Pool,
    authenticator: authentication.Authenticator,
    signer: signed_urls.Signer,
    measured: request_metrics.Metrics,
    tracer: telemetry.Tracer | None,
) -> AsyncIterator[Sockets]:
    """Sockets that are told what happens until the end."""
    async with streams.opened(configuration) as source:
        sockets = Sockets(
            authenticator,
            access.Access(pool),
            source,
            signer,
            measured,
            configuration.sockets_anonymous,
            tracer,
        )
        running = asyncio.create_task(sockets.run())
        try:
            yield sockets
        finally:
            await cancellation.cancel_all(running)


def _credentials(given: object) -> tuple[object, int | None]:
    """Returns the token and the last position of a client. Raises ValueError for no object.

    The position is None without a last_event_id, UNKNOWN for one that the service never sent.
    """
    if given is None:
        return None, None
    if not isinstance(given, dict):
        raise ValueError("is not an object")  # noqa: TRY004
    last = given.get("last_event_id")
    if last is None:
        return given.get("token"), None
    match = _LAST.fullmatch(last) if isinstance(last, str) else None
    return given.get("token"), int(match[1]) if match else replay.UNKNOWN
