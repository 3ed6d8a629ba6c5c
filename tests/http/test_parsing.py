"""Strict parsing of paths, queries and bodies.

Proves rules 00.6, 00.7, 00.9, 00.10, 00.11, 00.12, 00.18, 00.21, 00.22 and 00.23.
"""

import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.support import api_client, servers

NUL_UUID = "00000000-0000-0000-0000-000000000000"
MEBIBYTE = 1024 * 1024


# Paths --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "group_id",
    [
        "x",
        "0",
        NUL_UUID.replace("-", ""),
        f"{{{NUL_UUID}}}",
        f"urn:uuid:{NUL_UUID}",
        f"{NUL_UUID}0",
        f"{NUL_UUID}%0A",
        f"{NUL_UUID}%00",
        "%FF",
        "%2F",
        "%",
        "%zz",
    ],
)
@pytest.mark.parametrize("path", ["/groups/{}", "/groups/{}/posts", "/posts/{}", "/comments/{}"])
def test_malformed_id_in_a_path_is_not_found(
    path: str, group_id: str, raw_client: api_client.RawClient
) -> None:
    api_client.problem(
        raw_client.send("GET", api_client.BASE + path.format(group_id)), 404, "not_found"
    )


def test_id_may_be_in_upper_case_or_percent_encoded(user: api_client.User) -> None:
    group_id = user.make_group()
    encoded = "".join(f"%{ord(character):02X}" for character in group_id)
    assert user.client.get(f"/groups/{group_id.upper()}").json()["id"] == group_id
    assert user.client.get(f"/groups/{encoded}").json()["id"] == group_id


@pytest.mark.parametrize("emoji", ["/", "%2F", "👍🏽", "?", "#", "+", ".", "..", "a%b"])
def test_emoji_in_a_path_is_percent_encoded(emoji: str, user: api_client.User) -> None:
    post_id = user.make_post(user.make_group())
    reactions = f"/posts/{post_id}/reactions"
    assert user.client.post(reactions, json={"emoji": emoji}).status_code == 201
    encoded = "".join(f"%{byte:02x}" for byte in emoji.encode())
    assert user.client.delete(f"{reactions}/{encoded}").status_code == 204
    assert user.client.get(reactions).json()["items"] == []


@pytest.mark.parametrize("emoji", ["%00", "%FF", "%ED%A0%80"])
def test_emoji_in_a_path_must_be_text(emoji: str, user: api_client.User) -> None:
    post_id = user.make_post(user.make_group())
    response = user.client.delete(f"/posts/{post_id}/reactions/{emoji}")
    assert api_client.fields(response) == ["emoji"]


@pytest.mark.parametrize("slug", ["%00", "%FF", "no-such-slug", "%2F", "A%20B"])
def test_unknown_slug_or_code_is_not_found(slug: str, user: api_client.User) -> None:
    api_client.problem(user.client.get(f"/groups/by-slug/{slug}"), 404, "not_found")
    api_client.problem(user.client.post(f"/invites/{slug}/accept"), 404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "//",
        "/api",
        api_client.BASE,
        f"{api_client.BASE}/",
        f"{api_client.BASE}/groups/",
        f"{api_client.BASE}//groups",
        f"{api_client.BASE}/groups%2F",
        f"{api_client.BASE}/groups/../tags",
        f"{api_client.BASE}/nonsense",
        f"{api_client.BASE}/groups/{NUL_UUID}/",
        f"{api_client.BASE}/groups/{NUL_UUID}/nonsense",
        f"{api_client.BASE}/posts/{NUL_UUID}/reactions/a/b",
        "/healthz/",
        "/groups",
    ],
)
def test_unknown_path_is_not_found(path: str, raw_client: api_client.RawClient) -> None:
    api_client.problem(raw_client.send("GET", path), 404, "not_found")


def test_path_may_be_percent_encoded_anywhere(raw_client: api_client.RawClient) -> None:
    assert raw_client.send("GET", "/%61pi/communities/v1/%74ags").status == 200


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (f"{api_client.BASE}/groups", {"GET", "HEAD", "OPTIONS", "POST"}),
        (f"{api_client.BASE}/posts/{NUL_UUID}/pin", {"PUT", "DELETE", "OPTIONS"}),
        ("/healthz", {"GET", "HEAD"}),
    ],
)
def test_wrong_method_is_refused_with_the_allowed_ones(
    path: str, allowed: set[str], raw_client: api_client.RawClient
) -> None:
    reply = raw_client.send("PATCH", path)
    api_client.problem(reply, 405, "method_not_allowed")
    assert set(reply.headers["allow"].split(", ")) == allowed


def test_options_returns_the_methods_of_a_path(raw_client: api_client.RawClient) -> None:
    reply = raw_client.send("OPTIONS", f"{api_client.BASE}/tags")
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_head_answers_as_get_without_the_body(raw_client: api_client.RawClient) -> None:
    get = raw_client.send("GET", f"{api_client.BASE}/groups?limit=1&tag=nobody-has-this")
    head = raw_client.send("HEAD", f"{api_client.BASE}/groups?limit=1&tag=nobody-has-this")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


# Queries ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "limit",
    ["", "abc", "0", "-1", "101", "1.0", "1e1", "+5", "%205", "1_0", "%D9%A3", "9" * 5000],
)
def test_limit_must_be_a_whole_number_from_1_to_100(limit: str, anonymous: httpx.Client) -> None:
    assert api_client.fields(anonymous.get(f"/tags?limit={limit}")) == ["limit"]


@pytest.mark.parametrize("limit", ["2147483647", "2147483648", "-2147483649"])
def test_limit_that_no_column_holds_does_not_reveal_a_group(
    limit: str, anonymous: httpx.Client
) -> None:
    response = anonymous.get(f"/groups/{NUL_UUID}/posts?limit={limit}")
    api_client.problem(response, 404, "not_found")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/groups", "campus_id"),
        (f"/groups/{NUL_UUID}/posts", "author_id"),
        (f"/posts/{NUL_UUID}/comments", "parent_id"),
    ],
)
@pytest.mark.parametrize("value", ["", "x", f"{{{NUL_UUID}}}", NUL_UUID.replace("-", "")])
def test_id_in_a_query_must_be_a_uuid(
    path: str, name: str, value: str, anonymous: httpx.Client
) -> None:
    assert api_client.fields(anonymous.get(path, params={name: value})) == [name]


@pytest.mark.parametrize("value", ["", "1", "yes", "TRUE", "True", "null"])
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/groups", "mine"),
        (f"/groups/{NUL_UUID}/posts", "pinned"),
        (f"/groups/{NUL_UUID}/posts", "deleted"),
        (f"/posts/{NUL_UUID}/comments", "deleted"),
    ],
)
def test_flag_must_be_true_or_false(
    path: str, name: str, value: str, anonymous: httpx.Client
) -> None:
    assert api_client.fields(anonymous.get(path, params={name: value})) == [name]


@pytest.mark.parametrize("query", ["q=%FF", "q=%00", "q=%ED%A0%80", "nonsense=%FF"])
def test_query_must_be_text(query: str, anonymous: httpx.Client) -> None:
    assert api_client.fields(anonymous.get(f"/tags?{query}")) == ["query"]


def test_repeated_parameter_is_invalid(anonymous: httpx.Client) -> None:
    assert api_client.fields(anonymous.get("/tags?limit=1&limit=2")) == ["limit"]


def test_unknown_parameter_is_ignored(anonymous: httpx.Client) -> None:
    assert anonymous.get("/tags?nonsense=1&nonsense=2&&=&x").status_code == 200


@pytest.mark.parametrize("way", ["before", "after"])
@pytest.mark.parametrize("cursor", ["", "abc", "é", "MjAyNg", "A" * 88, "x" * 10_000])
def test_foreign_cursor_is_invalid(way: str, cursor: str, anonymous: httpx.Client) -> None:
    response = anonymous.get("/tags", params={way: cursor})
    api_client.problem(response, 400, "invalid_cursor")


def test_before_and_after_together_are_invalid(anonymous: httpx.Client) -> None:
    assert api_client.fields(anonymous.get("/tags?before=abc&after=abc")) == ["before"]


# Bodies -------------------------------------------------------------------------------------------


def _post(user: api_client.User, content: bytes, **headers: str) -> httpx.Response:
    given = {"Content-Type": "application/json", **headers}
    return user.client.post("/groups", content=content, headers=given)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"{",
        b"{}x",
        b"{'a':1}",
        b"\xff",
        b"\xef\xbb\xbf{}",
        '{"name":"é"}'.encode("latin-1"),
        '{"name":"e"}'.encode("utf-16"),
        b'{"name":NaN}',
        b'{"name":Infinity}',
        b'{"name":"\\ud800"}',
        b"[" * 500_000,
        b'{"a":' * 100_000,
        b'{"name":' + b"[" * 2000 + b"]" * 2000 + b"}",
    ],
)
def test_body_that_is_not_json_is_refused(content: bytes, user: api_client.User) -> None:
    api_client.problem(_post(user, content), 400, "invalid_json")


@pytest.mark.parametrize("content", [b"[]", b"null", b"1", b'"text"', b"true"])
def test_body_that_is_not_an_object_is_invalid(content: bytes, user: api_client.User) -> None:
    assert api_client.fields(_post(user, content)) == ["body"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nonsense", 1),
        ("nul\0", 1),
        ("", 1),
        ("name", None),
        ("name", 1),
        ("name", ["a"]),
        ("name", {"a": "b"}),
        ("name", "a\0b"),
        ("visibility", True),
        ("slug", 1),
        ("slug", "a\0b"),
        ("description", 1),
        ("description", "\0"),
        ("campus_id", "x"),
        ("campus_id", 1),
        ("campus_id", f"{{{NUL_UUID}}}"),
        ("tags", "a"),
        ("tags", None),
        ("tags", {}),
        ("tags", [1]),
        ("tags", [None]),
        ("tags", ["a\0b"]),
        ("avatar_key", 1),
    ],
)
def test_field_of_another_type_is_invalid(field: str, value: object, user: api_client.User) -> None:
    body = {"name": "A group", "visibility": "public", field: value}
    assert api_client.fields(user.client.post("/groups", json=body)) == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nonsense", 1),
        ("name", None),
        ("name", 1),
        ("name", "a\0b"),
        ("is_locked", "true"),
        ("is_locked", None),
        ("is_locked", 1),
        ("tags", ["a\0b"]),
        ("tags", None),
        ("campus_id", "x"),
        ("deleted_at", None),
        ("role", "owner"),
    ],
)
def test_patch_field_of_another_type_is_invalid(
    field: str, value: object, user: api_client.User
) -> None:
    group_id = user.make_group()
    assert api_client.fields(user.client.patch(f"/groups/{group_id}", json={field: value})) == [
        field
    ]


def test_patch_changes_only_its_fields_and_clears_by_null(user: api_client.User) -> None:
    campus = str(uuid.uuid4())
    group_id = user.make_group(description="Text", campus_id=campus, tags=["a"])
    before = user.client.get(f"/groups/{group_id}").json()
    assert before["campus_id"] == campus
    same = user.client.patch(f"/groups/{group_id}", json={})
    assert same.json() == before
    after = user.client.patch(f"/groups/{group_id}", json={"campus_id": None}).json()
    assert after == {**before, "campus_id": None, "updated_at": after["updated_at"]}


@pytest.mark.parametrize(
    "until",
    [
        "now",
        "infinity",
        "tomorrow",
        "2030-01-01",
        "2030-01-01T00:00:00",
        "2030-01-01T00:00Z",
        "20300101T000000Z",
        "2030-13-01T00:00:00Z",
        "2030-02-30T00:00:00Z",
        "2030-01-01T00:00:60Z",
        "2030-01-01T00:00:00+25:00",
        "2030-01-01T00:00:00+0100",
        "9999-12-31T23:59:59-01:00",
        " 2030-01-01T00:00:00Z",
        "2030-W01-1T00:00:00Z",
        "٢٠٣٠-01-01T00:00:00Z",
        1893456000,
        True,
    ],
)
def test_time_must_follow_rfc_3339_and_have_an_offset(until: object, user: api_client.User) -> None:
    group_id = user.make_group()
    ban = user.client.put(f"/groups/{group_id}/members/{uuid.uuid4()}/ban", json={"until": until})
    assert api_client.fields(ban) == ["until"]


@pytest.mark.parametrize(
    ("until", "stored"),
    [
        ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00+00:00"),
        ("2030-01-01t02:00:00.5+02:00", "2030-01-01T00:00:00.5+00:00"),
        ("2030-01-01T00:00:00.123456789z", "2030-01-01T00:00:00.123456+00:00"),
    ],
)
def test_time_is_stored_in_utc(until: str, stored: str, user: api_client.User) -> None:
    group_id = user.make_group()
    ban = user.client.put(f"/groups/{group_id}/members/{uuid.uuid4()}/ban", json={"until": until})
    assert ban.json()["banned_until"] == stored


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 10**30, 1.0, 1e300, "1", True])
def test_number_must_fit_its_column(value: object, user: api_client.User) -> None:
    group_id = user.make_group()
    response = user.client.post(f"/groups/{group_id}/invites", json={"max_uses": value})
    assert api_client.fields(response) == ["max_uses"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/groups/{group}/restore"),
        ("PUT", "/posts/{post}/pin"),
        ("DELETE", "/posts/{post}/pin"),
        ("POST", "/posts/{post}/restore"),
        ("PUT", "/groups/{group}/members/{stranger}/ban"),
        ("DELETE", "/groups/{group}/members/{stranger}/ban"),
        ("POST", "/groups/{group}/invites"),
        ("DELETE", "/posts/{post}"),
    ],
)
def test_optional_body_may_be_absent_or_an_empty_object(
    method: str, path: str, user: api_client.User
) -> None:
    group = user.make_group()
    path = path.format(group=group, post=user.make_post(group), stranger=uuid.uuid4())
    if path.endswith("/ban"):
        user.client.put(path)
    assert user.client.request(method, path).is_success
    assert user.client.request(method, path, json={}).is_success
    assert api_client.fields(user.client.request(method, path, json={"nonsense": 1})) == [
        "nonsense"
    ]
    assert api_client.fields(user.client.request(method, path, json=[])) == ["body"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/tags"),
        ("PATCH", f"/groups/{NUL_UUID}"),
        ("PATCH", f"/posts/{NUL_UUID}"),
        ("PUT", f"/groups/{NUL_UUID}/members/{NUL_UUID}"),
        ("PUT", f"/groups/{NUL_UUID}/members/{NUL_UUID}/mute"),
        ("POST", f"/posts/{NUL_UUID}/reactions"),
    ],
)
def test_required_body_must_not_be_absent(method: str, path: str, user: api_client.User) -> None:
    api_client.problem(user.client.request(method, path), 400, "invalid_json")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/jsonp",
        "application/json, text/plain",
        "application/json; charset=latin-1",
        "application/x-www-form-urlencoded",
        "",
    ],
)
def test_body_of_another_media_type_is_refused(content_type: str, user: api_client.User) -> None:
    response = _post(user, b"{}", **{"Content-Type": content_type})
    api_client.problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', "application/json;"],
)
def test_json_in_utf_8_is_accepted(content_type: str, user: api_client.User) -> None:
    response = _post(user, b"{}", **{"Content-Type": content_type})
    assert api_client.fields(response) == ["name", "visibility"]


def test_compressed_body_is_refused(user: api_client.User) -> None:
    response = _post(user, b"{}", **{"Content-Encoding": "gzip"})
    api_client.problem(response, 415, "unsupported_media_type")


def test_body_has_at_most_one_mebibyte(user: api_client.User) -> None:
    padded = b'{"nonsense":1' + b" " * (MEBIBYTE - 14) + b"}"
    assert "nonsense" in api_client.fields(_post(user, padded))
    api_client.problem(_post(user, padded + b" "), 413, "body_too_large")


def test_body_without_a_length_has_at_most_one_mebibyte(user: api_client.User) -> None:
    def chunks(size: int) -> Iterator[bytes]:
        return (b" " * 65536 for _ in range(size // 65536))

    headers = {"Content-Type": "application/json"}
    fits = user.client.post("/groups", content=chunks(MEBIBYTE), headers=headers)
    api_client.problem(fits, 400, "invalid_json")
    large = user.client.post("/groups", content=chunks(2 * MEBIBYTE), headers=headers)
    api_client.problem(large, 413, "body_too_large")


def test_expect_header_refuses_a_large_body_before_it_is_sent(
    shared_service: servers.Service, user: api_client.User, raw_client: api_client.RawClient
) -> None:
    headers = [
        ("Authorization", f"Bearer {shared_service.token(user.id)}"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(10**12)),
        ("Expect", "100-continue"),
    ]
    reply = raw_client.send("POST", f"{api_client.BASE}/groups", headers)
    api_client.problem(reply, 413, "body_too_large")


def test_text_of_any_script_is_returned_unchanged(user: api_client.User) -> None:
    text = '\u0001 é 漢字 👩‍👩‍👧 \u202e \\ " </script> %00 \ufffe 𐀀'
    post_id = user.make_post(user.make_group(), body=text)
    assert user.client.get(f"/posts/{post_id}").json()["body"] == text
