"""AsyncAPI document, compared with the events of the rulebook.

Proves rules 00.19, 06.1 and 06.12.
"""

import json
import re
from typing import Any

import httpx
import jsonschema
import orjson
import pytest

from development import databases
from gen.jobs import models
from service.reference import asyncapi, shapes
from tests.support import nodes, servers

Json = dict[str, Any]

# Names of the events that functions emit.
EMITTED = r"""
select distinct matched[1]
from pg_proc as p
cross join lateral regexp_matches(p.prosrc, '''([a-z_]+\.[a-z_]+)''', 'g') as matched
where p.pronamespace = 'api'::regnamespace and p.prosrc ~ '(emit|record\w*)\('
"""


@pytest.fixture(scope="module")
def document() -> Json:
    made: Json = orjson.loads(asyncapi.document())
    return made


def test_document_is_valid(document: Json) -> None:
    schema = nodes.installed("tests/npm") / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
    jsonschema.Draft7Validator(json.loads(schema.read_text())).validate(document)


def test_every_reference_has_a_target(document: Json) -> None:
    references = set(re.findall(r'"\$ref":"(.*?)"', asyncapi.document().decode()))
    assert references
    for reference in references:
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found


def test_document_has_exactly_the_events_that_members_receive(
    database: databases.Database,
) -> None:
    with database.connect() as connection:
        emitted = {name for (name,) in connection.execute(EMITTED).fetchall()}
        received = {
            name
            for name in emitted
            for subject in ("post", "comment")
            if connection.execute("select api.stream_of(%s, %s)", [name, subject]).fetchone()
            != (None,)
        }
    assert received == asyncapi.EVENTS.keys()


def test_every_event_is_a_message_with_an_example_of_its_schema(document: Json) -> None:
    messages = document["components"]["messages"]
    assert asyncapi.EVENTS.keys() < messages.keys()
    for name, message in messages.items():
        assert message["name"] == name
        assert message["summary"].endswith(".")
        if "payload" in message:
            for example in message["examples"]:
                jsonschema.Draft7Validator(
                    {**message["payload"], "components": document["components"]}
                ).validate(example["payload"])
    assert messages.keys() - {name for name in messages if "payload" in messages[name]} == {
        "connected",
        "disconnect",
    }


def test_event_shapes_equal_the_http_shapes_without_a_viewer(document: Json) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["Group"]["properties"]["role"] == {"type": "null"}
    assert schemas["ReactionCount"]["properties"]["reacted"] == {"type": "null"}
    for name in ("Post", "Comment", "Member", "Media", "Reaction"):
        schema = {key: value for key, value in schemas[name].items() if key != "examples"}
        model = getattr(models, f"Api{name}")
        assert schema == shapes.schemas([shapes.refined(model)])[name]


def test_asyncapi_document_is_served_and_linked(
    document: Json, shared_service: servers.Service
) -> None:
    answer = httpx.get(f"{shared_service.origin}/asyncapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document
    described = httpx.get(f"{shared_service.origin}/openapi.json").json()
    assert "(/asyncapi.json)" in described["info"]["description"]
