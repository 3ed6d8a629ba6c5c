"""OpenAPI document and its page, compared with a running service.

Proves rules 00.19 and 00.20.
"""

import contextlib
import re
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import httpx
import jsonschema
import openapi_spec_validator
import orjson
import pytest
from starlette.routing import Route

from development import databases
from service import routes
from service.http import request
from service.http.endpoints import Endpoint
from service.reference import openapi
from tests import conftest
from tests.support import indexing, servers

Json = dict[str, Any]
Operation = tuple[str, str, Json]

EXAMPLE_USERS = orjson.dumps(
    [{"name": "Ada", "id": str(uuid.UUID(int=1)), "token": "a.development.token"}]
).decode()
CHECKS = """
select relname::text, pg_get_constraintdef(c.oid)
from pg_constraint as c join pg_class as t on t.oid = c.conrelid
where contype = 'c' and connamespace = 'public'::regnamespace
"""
# The table whose CHECK lists the values of a field.
CHOICES = {
    ("Group", "visibility"): "group_entity",
    ("NewGroup", "visibility"): "group_entity",
    ("GroupPatch", "visibility"): "group_entity",
    ("Group", "role"): "group_member",
    ("Member", "role"): "group_member",
    ("NewRole", "role"): "group_member",
    ("Invite", "role"): "group_invite",
    ("NewInvite", "role"): "group_invite",
    ("JoinRequest", "status"): "join_request",
    ("Reaction", "subject_type"): "reaction",
    ("Media", "subject_type"): "media_attachment",
    ("NewAttachment", "subject_type"): "media_attachment",
    ("NewUpload", "purpose"): "presigned_upload",
}


@pytest.fixture(scope="module")
def document() -> Json:
    made: Json = orjson.loads(openapi.document(routes.table()))
    return made


def operations(document: Json) -> Iterator[Operation]:
    """Yields method, path and description of each operation of the API."""
    for path, methods in document["paths"].items():
        if "servers" not in methods:
            for method, operation in methods.items():
                yield method.upper(), path, operation


def validator(document: Json, name: str) -> jsonschema.Draft202012Validator:
    """Returns a validator that refuses fields which the schema does not name."""
    closed = orjson.loads(orjson.dumps(document["components"]))
    for schema in closed["schemas"].values():
        schema["additionalProperties"] = False
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": closed},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


def name_of(content: Json) -> str:
    [media] = content.values()
    return str(media["schema"]["$ref"]).rpartition("/")[2]


def test_document_is_valid(document: Json) -> None:
    openapi_spec_validator.validate(document)
    assert document["openapi"].startswith("3.1")


def test_document_has_every_route_and_no_other(document: Json) -> None:
    served = set()
    for route in routes.table():
        assert isinstance(route, Route)
        if isinstance(route.endpoint, Endpoint):
            path = route.path.removeprefix(request.BASE)
            served |= {(method.lower(), path) for method in route.endpoint.operations}
        elif route.include_in_schema:
            served.add(("get", route.path))
    described = {
        (method, path)
        for path, methods in document["paths"].items()
        for method in methods.keys() - {"servers"}
    }
    assert described == served


def test_every_operation_has_a_unique_name_and_a_description(document: Json) -> None:
    every = [operation for _, _, operation in operations(document)]
    names = [operation["operationId"] for operation in every]
    assert len(set(names)) == len(names)
    for operation in every:
        assert operation["summary"]
        assert operation["description"].endswith(".")
        assert not re.search(r"rules? \d|Raises|as JSON", operation["description"])


def test_every_parameter_has_a_description(document: Json) -> None:
    shared = document["components"]["parameters"]
    for _, _, operation in operations(document):
        for parameter in operation["parameters"]:
            known = (
                shared[parameter["$ref"].rpartition("/")[2]] if "$ref" in parameter else parameter
            )
            assert known["description"].endswith("."), known


def test_every_body_has_an_example(document: Json) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method == "servers":
                continue
            asked = operation.get("requestBody")
            for described in [*operation["responses"].values(), *([asked] if asked else [])]:
                for content in described.get("content", {}).values():
                    assert content.get("examples") or content.get("example"), (method, path)
    for example in document["components"]["examples"].values():
        assert example["value"]


def test_every_tag_is_described(document: Json) -> None:
    used = {
        tag
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if method != "servers"
        for tag in operation["tags"]
    }
    assert {tag["name"] for tag in document["tags"] if tag["description"]} == used


def test_documented_errors_equal_the_registry(document: Json, database: databases.Database) -> None:
    with database.connect() as connection:
        rows = connection.execute("select code, status, title from api.error_codes").fetchall()
    schemas = document["components"]["schemas"]
    examples = {
        name: example
        for name, example in document["components"]["examples"].items()
        if name not in schemas
    }
    assert {code: (status, title) for code, status, title in rows} == {
        code: (example["value"]["status"], example["value"]["detail"])
        for code, example in examples.items()
    }
    used = set()
    for _, _, operation in operations(document):
        for status, response in operation["responses"].items():
            if status < "300":
                continue
            codes = response["content"]["application/problem+json"]["examples"]
            assert {examples[code]["value"]["status"] for code in codes} == {int(status)}
            used |= codes.keys()
    # No operation answers this code, for it is about a missing operation.
    assert examples.keys() - used == {"method_not_allowed"}


def test_documented_choices_equal_the_check_constraints(
    document: Json, database: databases.Database
) -> None:
    with database.connect() as connection:
        checks = connection.execute(CHECKS).fetchall()
    for (schema, field), table in CHOICES.items():
        [values] = {
            tuple(re.findall(r"'(\w+)'::text", check))
            for relation, check in checks
            if relation == table and re.match(rf"CHECK \(\({field} = ANY", check)
        }
        described = document["components"]["schemas"][schema]["properties"][field]
        described = described.get("anyOf", [described])[0]
        assert tuple(described["enum"]) == values


def test_every_example_follows_its_schema(document: Json) -> None:
    for name, schema in document["components"]["schemas"].items():
        [example] = schema["examples"]
        validator(document, name).validate(example)
    for name, example in document["components"]["examples"].items():
        shape = name if name in document["components"]["schemas"] else "Problem"
        validator(document, shape).validate(example["value"])


def test_every_documented_query_parameter_is_read(
    document: Json, shared_service: servers.Service
) -> None:
    with shared_service.client(uuid.uuid4()) as client:
        for method, path, operation in operations(document):
            for name in query_names(operation):
                response = client.request(method, f"{filled(path)}?{name}=1&{name}=2")
                errors = response.json()["errors"]
                assert [error["field"] for error in errors] == [name]


def query_names(operation: Json) -> Iterator[str]:
    """Yields the names of an operation's query parameters, also those inside an object."""
    for parameter in operation["parameters"]:
        if parameter.get("in") == "query":
            yield from parameter["schema"].get("properties", {parameter["name"]: {}})


def test_page_has_at_most_one_cursor(document: Json, shared_service: servers.Service) -> None:
    cursor = document["components"]["examples"]["PostPage"]["value"]["next_cursor"]
    both = {"before": cursor, "after": cursor}
    with shared_service.client(uuid.uuid4()) as client:
        stage = Stage(client)
        for method, path, operation in operations(document):
            for parameter in operation["parameters"]:
                if parameter.get("name") != "position":
                    continue
                position = jsonschema.Draft202012Validator(parameter["schema"])
                assert position.is_valid({"before": cursor})
                assert not position.is_valid(both)
                refusal = client.request(method, stage.path(path), params=both).json()
                assert {error["field"] for error in refusal["errors"]} == {"before"}


@pytest.mark.slow
def test_documented_limits_are_the_limits_of_the_rulebook(
    document: Json, shared_service: servers.Service
) -> None:
    with shared_service.client(uuid.uuid4()) as client:
        stage = Stage(client)
        for method, path, operation in operations(document):
            if "requestBody" not in operation:
                continue
            body = name_of(operation["requestBody"]["content"])
            for field, schema in document["components"]["schemas"][body]["properties"].items():
                for value, is_valid in boundaries(schema):
                    sent = stage.body(body) | {field: value}
                    assert validator(document, body).is_valid(sent) == is_valid, (body, field)
                    answer = client.request(method, stage.path(path), json=sent)
                    refused = {each["field"] for each in answer.json().get("errors", ())}
                    assert (field in refused) == (not is_valid), (body, field, value, answer.text)


def boundaries(schema: Json) -> Iterator[tuple[Any, bool]]:
    """Yields values at the limits of a field and just beyond them, with their validity."""
    known = schema.get("anyOf", [schema])[0]
    if "maxLength" in known:
        minimum = known.get("minLength", 0)
        yield "e" * known["maxLength"], True
        yield "e" * (known["maxLength"] + 1), False
        if minimum:
            yield "e" * minimum, True
            yield "e" * (minimum - 1), False
            for invisible in (" ", "\u200b", "\u2800", "\u3164", "\u001e", "\u0085"):
                yield invisible * max(minimum, 3), False
        middle = known["maxLength"] // 2
        for inside in ("\0", "\u202e", "\u2066", "\t", "\u200d"):
            text = "e" * (middle - 1) + inside + "e" * (known["maxLength"] - middle)
            yield text, jsonschema.Draft202012Validator(known).is_valid(text)
    if "minimum" in known and known["minimum"] > -(2**31):
        yield known["minimum"], True
        yield known["minimum"] - 1, False
    if "maximum" in known and known["maximum"] < 2**31 - 1:
        yield known["maximum"], True
        yield known["maximum"] + 1, False
    if "maxItems" in known:
        yield [f"tag {number}" for number in range(known["maxItems"])], True
        yield [f"tag {number}" for number in range(known["maxItems"] + 1)], False
        for item, is_valid in boundaries(known["items"]):
            yield [item], is_valid
    if "anyOf" not in schema:
        yield None, False


class Stage:
    """Group with a post and a comment of one user, and valid bodies of this user."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        group = self._made("/groups", {"name": "Chess", "visibility": "public"})
        post = self._made(f"/groups/{group}/posts", {"body": "Who plays?"})
        comment = self._made(f"/posts/{post}/comments", {"body": "I do"})
        self._ids = {"group_id": group, "post_id": post, "comment_id": comment}
        self._post = post

    def path(self, template: str) -> str:
        return re.sub(r"{(\w+)}", lambda m: self._ids.get(m[1]) or str(uuid.uuid4()), template)

    def body(self, name: str) -> Json:
        """Returns a valid body of this name."""
        later = "2100-01-01T00:00:00Z"
        bodies: dict[str, Json] = {
            "NewGroup": {"name": "Chess", "visibility": "public"},
            "NewRole": {"role": "member"},
            "Mute": {"until": later},
            "NewPost": {"body": "text"},
            "NewComment": {"body": "text"},
            "NewReaction": {"emoji": "👍"},
            "NewUpload": {"purpose": "post", "mime": "image/png", "size_bytes": 3},
            "NewTag": {"tag": uuid.uuid4().hex},
        }
        if name == "NewAttachment":
            upload = self._client.post("/uploads/presign", json=bodies["NewUpload"]).json()
            httpx.put(upload["url"], content=b"png", headers=upload["headers"]).raise_for_status()
            # Each attachment gets its own post because of the limit.
            post = self._made(f"/groups/{self._ids['group_id']}/posts", bodies["NewPost"])
            return {"key": upload["key"], "subject_type": "post", "subject_id": post}
        return bodies.get(name, {})

    def _made(self, path: str, body: Json) -> str:
        return str(self._client.post(path, json=body).raise_for_status().json()["id"])


def test_token_is_required_exactly_by_the_documented_operations(
    document: Json, shared_service: servers.Service
) -> None:
    with shared_service.client() as client:
        for method, path, operation in operations(document):
            status = client.request(method, filled(path)).status_code
            assert (status == 401) == (operation["security"] == [{"bearer": []}]), (method, path)


def test_answers_of_the_service_follow_their_schemas(
    document: Json, shared_service: servers.Service
) -> None:
    owner, guest = uuid.uuid4(), uuid.uuid4()
    seen: set[str] = set()
    with shared_service.client(owner) as mine, shared_service.client(guest) as theirs:
        ask = CheckedClient(document, seen)
        group = ask(mine, "POST", "/groups", {"name": "Chess", "visibility": "private"})
        at = {"group_id": group["id"], "user_id": guest}
        ask(theirs, "POST", "/groups/{group_id}/join", **at)
        ask(mine, "GET", "/groups/{group_id}/join-requests", **at)
        ask(mine, "POST", "/groups/{group_id}/join-requests/{user_id}/approve", **at)
        ask(mine, "GET", "/groups/{group_id}/members", **at)
        ask(mine, "PUT", "/groups/{group_id}/members/{user_id}", {"role": "moderator"}, **at)
        ask(mine, "PATCH", "/groups/{group_id}", {"visibility": "public"}, **at)
        ask(mine, "POST", "/groups/{group_id}/invites", {}, **at)
        ask(mine, "GET", "/groups/{group_id}/invites", **at)
        new = {"title": "Friday", "body": "Who plays?", "topic_tags": [f"chess-{owner}"]}
        post = ask(mine, "POST", "/groups/{group_id}/posts", new, **at)
        at |= {"post_id": post["id"]}
        comment = ask(theirs, "POST", "/posts/{post_id}/comments", {"body": "I do"}, **at)
        reply = {"body": "So do I", "parent_id": comment["id"]}
        ask(mine, "POST", "/posts/{post_id}/comments", reply, **at)
        at |= {"comment_id": comment["id"], "emoji": "%E2%99%9F"}
        ask(mine, "POST", "/posts/{post_id}/reactions", {"emoji": "♟"}, **at)
        ask(mine, "GET", "/posts/{post_id}/reactions", **at)
        ask(mine, "GET", "/posts/{post_id}", **at)
        ask(mine, "PUT", "/posts/{post_id}/pin", **at)
        ask(mine, "GET", "/groups/{group_id}/posts", **at)
        ask(theirs, "DELETE", "/comments/{comment_id}", **at)
        # This list has a tombstone.
        ask(theirs, "GET", "/posts/{post_id}/comments", **at)
        ask(mine, "DELETE", "/posts/{post_id}/reactions/{emoji}", **at)
        ask(mine, "PUT", "/groups/{group_id}/members/{user_id}/ban", {"reason": "Spam"}, **at)
        ask(mine, "GET", "/groups/{group_id}/bans", **at)
        ask(mine, "GET", "/groups/{group_id}/audit-log", **at)
        ask(mine, "POST", "/tags", {"tag": f"go-{owner}"})
        ask(mine, "GET", "/tags")
        ask(mine, "GET", "/groups")
        upload = {"purpose": "post", "mime": "image/png", "size_bytes": 3}
        announced = ask(mine, "POST", "/uploads/presign", upload)
        sent = httpx.put(announced["url"], content=b"png", headers=announced["headers"])
        assert sent.is_success, sent.text
        link = {"key": announced["key"], "subject_type": "post", "subject_id": post["id"]}
        ask(mine, "POST", "/attachments", link)
        ask(mine, "GET", "/posts/{post_id}", **at)
        with filled_index(shared_service):
            ask(mine, "GET", "/search?q=friday&type=post")
            ask(mine, "GET", "/search?q=do&type=comment")
            assert ask(mine, "GET", "/search?q=chess&type=group")["items"]
        # Refusals follow their schemas, too.
        ask(mine, "POST", "/groups", {"name": "", "visibility": "open"})
        ask(mine, "GET", "/posts/{post_id}", post_id=uuid.uuid4())
        ask(theirs, "POST", "/groups/{group_id}/join", **at)
    shapes = {
        name_of(response["content"])
        for _, _, operation in operations(document)
        for response in operation["responses"].values()
        if "content" in response
    }
    assert shapes == seen


def test_answers_for_operators_follow_their_schemas(
    document: Json, shared_service: servers.Service
) -> None:
    schema = {"$ref": "#/components/schemas/Health", "components": document["components"]}
    for path in ("/healthz", "/readyz"):
        [content] = document["paths"][path]["get"]["responses"]["200"]["content"].values()
        answer = httpx.get(shared_service.origin + path).json()
        jsonschema.Draft202012Validator(schema).validate(answer)
        assert answer == content["example"]


@contextlib.contextmanager
def filled_index(service: servers.Service) -> Iterator[None]:
    """Fills the index of a service, and drops it when the context ends."""
    stores = service.environment
    index = indexing.Indexing(stores["DATABASE_URL"], stores["OPENSEARCH_URL"])
    index.rebuild()
    try:
        yield
    finally:
        index.drop()


class CheckedClient:
    """Client that validates each answer against the document."""

    def __init__(self, document: Json, seen: set[str]) -> None:
        self._document = document
        self._seen = seen

    def __call__(
        self, client: httpx.Client, method: str, path: str, body: Json | None = None, **at: object
    ) -> Any:
        operation = self._document["paths"][path.partition("?")[0]][method.lower()]
        if body is not None:
            body_schema = name_of(operation["requestBody"]["content"])
        response = client.request(method, path.format(**at), json=body)
        described = operation["responses"][str(response.status_code)]
        assert ("location" in response.headers) == ("Location" in described["headers"])
        if "content" not in described:
            assert response.content == b""
            return None
        [media_type] = described["content"]
        assert response.headers["content-type"] == media_type
        name = name_of(described["content"])
        self._seen.add(name)
        validator(self._document, name).validate(response.json())
        if response.is_success:
            if body is not None:
                validator(self._document, body_schema).validate(body)
        else:
            assert response.json()["code"] in described["content"][media_type]["examples"]
        return response.json()


def test_page_loads_only_files_of_the_service(shared_service: servers.Service) -> None:
    page = httpx.get(f"{shared_service.origin}/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    assert "unsafe" not in policy
    references = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {"docs/docs.js", "docs/swagger-ui-bundle.js", "openapi.json"} < set(references)
    for reference in references:
        assert "//" not in reference
        url = urljoin(str(page.url), reference)
        for method in ("GET", "HEAD"):
            assert httpx.request(method, url).status_code == 200
    style = httpx.get(f"{shared_service.origin}/docs/swagger-ui.css").text
    assert not re.search(r"@import|url\(\W*(?!data:)\w+:", style)
    assert "validatorUrl: null" in httpx.get(f"{shared_service.origin}/docs/docs.js").text
    assert httpx.head(page.url).headers["content-length"] == page.headers["content-length"]
    assert httpx.get(f"{shared_service.origin}/docs/__init__.py").status_code == 404


def test_openapi_document_is_served(shared_service: servers.Service, document: Json) -> None:
    response = httpx.get(f"{shared_service.origin}/openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == document


def test_page_has_a_token_only_when_example_users_are_configured(
    run_service: conftest.ServiceFactory, shared_service: servers.Service
) -> None:
    given = run_service(EXAMPLE_USERS=EXAMPLE_USERS)
    assert 'data-token="a.development.token"' in httpx.get(f"{given.origin}/docs").text
    # Another site may resolve its name to this address.
    elsewhere = httpx.get(f"{given.origin}/docs", headers={"host": "rebound.example"})
    assert 'data-token=""' in elsewhere.text
    assert 'data-token=""' in httpx.get(f"{shared_service.origin}/docs").text


@pytest.mark.parametrize(
    "unsafe",
    [
        {"HOST": "0.0.0.0"},
        {"HOST": "api.example"},
        {"JWT_JWKS_URL": "https://identity.example/keys", "JWT_SECRET": ""},
    ],
)
def test_example_tokens_are_refused_outside_development(
    run_service: conftest.ServiceFactory, unsafe: dict[str, str]
) -> None:
    with pytest.raises(RuntimeError, match="EXAMPLE_USERS is for development"):
        run_service(EXAMPLE_USERS=EXAMPLE_USERS, **unsafe)


def filled(path: str) -> str:
    """Returns a path with the ids of rows that do not exist."""
    path = re.sub(r"{\w+_id}", lambda _: str(uuid.uuid4()), path)
    return re.sub(r"{\w+}", "none", path)
