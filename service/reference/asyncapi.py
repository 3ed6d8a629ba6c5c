"""AsyncAPI document of the sockets, built from the event types and the shapes of HTTP."""

import datetime
import functools
import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import orjson
import pydantic
from starlette.requests import Request
from starlette.responses import Response

from gen import registries
from gen.jobs import models
from service.http import request
from service.realtime import emitter, sockets
from service.reference import examples, shapes

Json = dict[str, Any]


class Removal(pydantic.BaseModel):
    """Data of an event about a deletion or removal."""

    id: uuid.UUID
    deleted_at: datetime.datetime


class Resync(pydantic.BaseModel):
    """Payload of a resync. The client reloads over HTTP, and continues after this id."""

    event_id: str


class Credentials(pydantic.BaseModel):
    """Auth of a client that connects. Without a token, only public content is readable."""

    token: str | None = None
    last_event_id: str | int | None = None


class ConnectError(pydantic.BaseModel):
    """Reason why a client may not connect."""

    message: Literal["unauthenticated", "not_found"]


_SHAPES: Final[dict[str, type[pydantic.BaseModel]]] = {
    "post": models.ApiPost,
    "comment": models.ApiComment,
    "reaction": models.ApiReaction,
    "attachment": models.ApiMedia,
    "group": models.ApiGroup,
    "member": models.ApiMember,
}
# Events that members receive, by type: the shape of their data, and a summary.
EVENTS: Final[dict[str, tuple[type[pydantic.BaseModel], str]]] = {
    kind: (Removal if event.ends_subject else _SHAPES[kind.partition(".")[0]], event.summary)
    for kind, event in registries.EVENT_TYPES.items()
    if event.is_streamed
}
# Types of the subject of an event, if its name does not contain the type.
_SUBJECTS: Final = {"reaction": ("post", "comment"), "attachment": ("post", "comment", "group")}
_IN_POSTS: Final = ("post", "comment", "reaction")
_INTRODUCTION: Final = f"""\
Live updates of groups and posts, by Socket.IO (protocol 5, websocket) at `{sockets.PATH}`.

- A **channel** is a Socket.IO namespace. One connection may have
  {sockets.NAMESPACES_PER_CONNECTION}.
- To **connect**, send `auth: {{token, last_event_id}}`. Clients that may see the content over HTTP
  may connect. Others receive a `connect_error`.
- An **event** has the name of its message here and one argument, the payload.
- A client that connects with its **`last_event_id`** first receives the events that it missed, each
  once, in order, with current `data`. If they are no longer kept, it receives one
  `resync_required`.
- `data` has the shape of HTTP. Fields that depend on the viewer (`role`, `reacted`) are null.
- A client that loses access is **disconnected** from the namespace.

HTTP is described by [the OpenAPI document](/openapi.json).
"""
_CHANNELS: Final = {
    "group": "Every event of a group.",
    "post": "The events with the `post_id` of a post.",
}


@functools.cache
def document() -> bytes:
    """Returns the document as JSON."""
    payloads = {_name(kind): _payload(kind) for kind in EVENTS}
    schemas = shapes.schemas([*payloads.values(), Resync, ConnectError], [Credentials])
    # Events have no viewer.
    schemas["ReactionCount"]["properties"]["reacted"] = {"type": "null"}
    schemas["Group"]["properties"]["role"] = {"type": "null"}
    examples.add_to(schemas)
    return orjson.dumps(
        {
            "asyncapi": "3.0.0",
            "info": {
                "title": "Communities, live",
                "version": request.BASE.rpartition("/")[2],
                "description": _INTRODUCTION,
                "contact": {"name": "The Communities authors"},
                "license": {"name": "MIT"},
            },
            "defaultContentType": "application/json",
            "servers": {
                "service": {
                    "host": "{host}",
                    "pathname": f"{sockets.PATH}/",
                    "protocol": "ws",
                    "description": "This service; behind TLS the protocol is wss.",
                    "variables": {"host": {"default": "127.0.0.1:8000"}},
                    "security": [_ref("securitySchemes", "token")],
                }
            },
            "channels": {kind: _channel(kind) for kind in _CHANNELS},
            "operations": {
                name: operation for kind in _CHANNELS for name, operation in _operations(kind)
            },
            "components": {
                "schemas": schemas,
                "messages": _messages(schemas),
                "securitySchemes": {
                    "token": {
                        "type": "http",
                        "scheme": "bearer",
                        "bearerFormat": "JWT",
                        "description": "The same token as over HTTP, as `token` in `auth`.",
                    }
                },
            },
        }
    )


async def answer_document(_request: Request) -> Response:
    """Answers GET /asyncapi.json."""
    return Response(document(), media_type="application/json")


def _payload(kind: str) -> type[pydantic.BaseModel]:
    """Returns the model of an event's payload."""
    noun = kind.partition(".")[0]
    subjects = _SUBJECTS.get(noun, (noun,))
    shape = EVENTS[kind][0]
    data: Any = shape if shape is Removal else shapes.refined(shape)
    post_id: Any = uuid.UUID if noun in _IN_POSTS else uuid.UUID | None
    if noun in ("group", "member"):
        post_id = None
    if shape is not Removal:
        # A late event about a subject that has been deleted since is a removal (rule 95.6).
        data = data | Removal
    fields: dict[str, Any] = {
        "event_id": Annotated[str, pydantic.Field(pattern=r"^[0-9]+-0$")],
        "type": Literal[kind],
        "group_id": uuid.UUID,
        "post_id": post_id,
        "subject_type": Literal[subjects],
        "subject_id": uuid.UUID,
        # Null if no user caused the event.
        "actor_id": uuid.UUID | None,
        "occurred_at": datetime.datetime,
        "data": data,
    }
    return pydantic.create_model(_name(kind), __doc__=EVENTS[kind][1], **fields)


def _name(kind: str) -> str:
    return "".join(word.capitalize() for word in kind.replace(".", "_").split("_")) + "Event"


def _messages(schemas: Json) -> Json:
    events = {
        kind: _message(kind, summary, _name(kind), schemas) for kind, (_, summary) in EVENTS.items()
    }
    resync = "Missed events are no longer kept. Reload over HTTP."
    return {
        **events,
        emitter.RESYNC: _message(emitter.RESYNC, resync, "Resync", schemas),
        "connect": _message("connect", "A client connects.", "Credentials", schemas),
        "connected": {"name": "connected", "summary": "The client receives events from now on."},
        "connect_error": _message(
            "connect_error", "The client may not connect.", "ConnectError", schemas
        ),
        "disconnect": {"name": "disconnect", "summary": "The client has lost access."},
    }


def _message(name: str, summary: str, schema: str, schemas: Json) -> Json:
    return {
        "name": name,
        "summary": summary,
        "payload": _ref("schemas", schema),
        "examples": [{"payload": example} for example in schemas[schema]["examples"]],
    }


def _channel(kind: str) -> Json:
    every = [*_events(kind), emitter.RESYNC, "connect", "connected", "connect_error", "disconnect"]
    return {
        "address": f"/{kind}s/{{{kind}_id}}",
        "description": _CHANNELS[kind],
        "parameters": {f"{kind}_id": {"description": f"The {kind}'s id, a UUID."}},
        "messages": {name: _ref("messages", name) for name in every},
    }


def _events(kind: str) -> Sequence[str]:
    """Returns the types of the events of a channel."""
    if kind == "group":
        return [*EVENTS]
    return [event for event in EVENTS if event.partition(".")[0] not in ("group", "member")]


def _operations(kind: str) -> Sequence[tuple[str, Json]]:
    channel = {"$ref": f"#/channels/{kind}"}

    def operation(action: str, summary: str, *messages: str) -> Json:
        refs = [{"$ref": f"#/channels/{kind}/messages/{name}"} for name in messages]
        return {"action": action, "channel": channel, "summary": summary, "messages": refs}

    enter = operation("receive", f"A client connects to a {kind}.", "connect")
    answers = operation("send", "", "connected", "connect_error")
    enter["reply"] = {"channel": channel, "messages": answers["messages"]}
    emit = operation(
        "send", f"The service sends the events of a {kind}.", *_events(kind), emitter.RESYNC
    )
    end = operation("send", f"The service ends the access to a {kind}.", "disconnect")
    return [(f"enter_{kind}", enter), (f"emit_{kind}", emit), (f"end_{kind}", end)]


def _ref(section: str, name: str) -> Json:
    return {"$ref": f"#/components/{section}/{name}"}
