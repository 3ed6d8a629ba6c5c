"""Hits of GET /search, their order and their visibility.

Proves rules 90.1, 90.2, 90.3, 90.4, 90.5, 90.6, 90.7, 90.16 and 90.18.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from development import databases
from tests.conftest import ServiceFactory, Stores
from tests.support import indexing, servers

Json = dict[str, Any]


class World:
    """Users and groups of one service, with an index that a search updates first."""

    def __init__(self, service: servers.Service, index: indexing.Indexing) -> None:
        self.index = index
        self._clients: dict[str, httpx.Client] = {}
        self._service = service
        index.rebuild()

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def client(self, name: str) -> httpx.Client:
        if name not in self._clients:
            user = None if name == "anonymous" else uuid.uuid5(uuid.NAMESPACE_OID, name)
            self._clients[name] = self._service.client(user)
        return self._clients[name]

    def make(self, path: str, /, _by: str = "owner", **body: Any) -> Json:
        response = self.client(_by).post(path, json=body)
        assert response.status_code == 201, response.text
        made: Json = response.json()
        return made

    def group(self, visibility: str = "public", **body: Any) -> str:
        body = {"name": "A club", "visibility": visibility, **body}
        return str(self.make("/groups", **body)["id"])

    def post(self, group: str, body: str, **others: Any) -> str:
        return str(self.make(f"/groups/{group}/posts", body=body, **others)["id"])

    def join(self, group: str, name: str) -> None:
        user = uuid.uuid5(uuid.NAMESPACE_OID, name)
        path = f"/groups/{group}/members/{user}"
        assert self.client("owner").put(path, json={"role": "member"}).is_success

    def search(self, by: str = "anonymous", **asked: Any) -> Json:
        self.index.drain()
        return self.search_stale(by, **asked)

    def search_stale(self, by: str = "anonymous", **asked: Any) -> Json:
        """Searches without an update of the index."""
        response = self.client(by).get("/search", params=asked)
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer

    def found(self, by: str = "anonymous", **asked: Any) -> list[str]:
        return ids(self.search(by, **asked))


def ids(page: Json) -> list[str]:
    return [item[item["type"]]["id"] for item in page["items"]]


@pytest.fixture(scope="module")
def world(module_stores: Stores) -> Iterator[World]:
    """Yields one world for all tests, each of which searches for other words."""
    world = World(module_stores.run_service(), module_stores.index)
    yield world
    world.close()
    module_stores.index.drop()


def test_hits_have_the_shapes_of_posts_comments_and_groups(world: World) -> None:
    group = world.group(name="Owl watchers", tags=["birds"])
    post = world.post(group, "An owl at dusk", title="Dusk", topic_tags=["birds", "dusk"])
    comment = world.make(f"/posts/{post}/comments", body="What an owl!")["id"]
    world.make(f"/posts/{post}/reactions", emoji="🦉")
    items = world.search("owner", q="OWL")["items"]
    assert {item["type"]: item[item["type"]] for item in items} == {
        kind: world.client("owner").get(path).json()
        for kind, path in {
            "group": f"/groups/{group}",
            "post": f"/posts/{post}",
            "comment": f"/comments/{comment}",
        }.items()
    }
    for item in items:
        assert item.keys() == {"type", "score", "highlights", item["type"]}
    assert world.found(q="owl", type="comment") == [comment]
    assert world.found(q="owl", type="group") == [group]
    assert sorted(world.found(q="owl", tag=" Birds")) == sorted([group, post])
    assert world.found(q="owl", tag="dusk") == [post]
    assert set(world.found(q="owl", group_id=group)) == {group, post, comment}
    assert world.found(q="owl", group_id=str(uuid.uuid4())) == []
    assert world.found(q="birds", type="post") == [post]
    assert world.found(q="heron") == []


def test_search_finds_every_form_of_a_tag_and_of_a_word(world: World) -> None:
    group = world.group(name="Cafe\u0301 walk", tags=["#Cafe\u0301"])
    post = world.post(group, "A walk to the cafe\u0301", topic_tags=["CAFÉ", "long  walk"])
    for tag in ("café", "#CAFE\u0301", "ＣＡＦÉ"):
        assert sorted(world.found(q="walk", tag=tag)) == sorted([group, post])
    assert world.found(q="walk", tag="Long\u3000Walk") == [post]
    for word in ("café", "cafe\u0301"):
        assert sorted(world.found(q=word)) == sorted([group, post])


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("a quickly drawn map", "quick"),
        ("three cafés and a bar", "cafe"),
        ("three bistrós", "BISTRÓ"),
        ("the marvellous clockmaker", "clockmaker marv"),
        ("an ünderground river", "unrelated underg"),
    ],
)
def test_last_word_matches_as_a_prefix(world: World, text: str, query: str) -> None:
    group = world.group()
    post = world.post(group, text)
    assert world.found(q=query, group_id=group) == [post]


def test_prefix_matches_titles_names_and_tags(world: World) -> None:
    group = world.group(name="Lighthouses", tags=["lighthouses"])
    post = world.post(group, "Elsewhere", title="Lighthouse keepers")
    tagged = world.post(group, "Elsewhere", topic_tags=["lighthouses"])
    assert set(world.found(q="lightho")) == {group, post, tagged}


def test_prefix_matching_applies_only_to_the_last_word(world: World) -> None:
    world.post(world.group(), "a harpsichord")
    assert world.found(q="harpsi zither") == []


def test_whole_words_rank_above_prefixes(world: World) -> None:
    group = world.group()
    whole = world.post(group, "one ember")
    prefix = world.post(group, "embers", title="Embers", topic_tags=["embers"])
    assert world.found(q="ember") == [whole, prefix]


def test_viewer_fields_of_hits_depend_on_the_caller(world: World) -> None:
    group = world.group(name="Kestrels")
    post = world.post(group, "A kestrel")
    world.make(f"/posts/{post}/reactions", emoji="🦅")
    [mine] = world.search("owner", q="kestrel", type="post")["items"]
    [theirs] = world.search("stranger", q="kestrel", type="post")["items"]
    assert mine["post"]["reactions"] == [{"emoji": "🦅", "count": 1, "reacted": True}]
    assert theirs["post"]["reactions"] == [{"emoji": "🦅", "count": 1, "reacted": False}]
    [card] = world.search("owner", q="kestrels")["items"]
    assert card["group"]["role"] == "owner"
    [card] = world.search("anonymous", q="kestrels")["items"]
    assert card["group"]["role"] is None


@pytest.mark.parametrize(
    ("visibility", "to_stranger"),
    [("public", {"group", "post", "comment"}), ("private", {"group"}), ("secret", set())],
)
def test_caller_finds_only_visible_content(
    world: World, visibility: str, to_stranger: set[str]
) -> None:
    word = f"wombats{visibility}"
    group = world.group(visibility, name=word)
    post = world.post(group, f"{word} dig")
    world.make(f"/posts/{post}/comments", body=f"dig {word}")
    world.join(group, "member")

    def kinds(by: str) -> set[str]:
        page = world.search(by, q=word)
        assert page["next_cursor"] is None
        return {item["type"] for item in page["items"]}

    assert kinds("member") == {"group", "post", "comment"}
    assert kinds("stranger") == to_stranger
    assert kinds("anonymous") == to_stranger
    member = uuid.uuid5(uuid.NAMESPACE_OID, "member")
    assert world.client("owner").put(f"/groups/{group}/members/{member}/ban").is_success
    assert kinds("member") == to_stranger


def test_deleted_content_is_not_found_until_it_is_restored(world: World) -> None:
    group = world.group()
    post = world.post(group, "A gull")
    comment = world.make(f"/posts/{post}/comments", body="A gull?")["id"]
    owner = world.client("owner")
    for path, left in [
        (f"/comments/{comment}", {post}),
        (f"/posts/{post}", set[str]()),
        (f"/groups/{group}", set[str]()),
    ]:
        assert owner.delete(path).is_success
        assert set(world.found("owner", q="gull")) == left
    for path in (f"/groups/{group}", f"/posts/{post}", f"/comments/{comment}"):
        assert owner.post(f"{path}/restore").is_success
    assert set(world.found(q="gull")) == {post, comment}


def test_comment_of_a_deleted_post_is_not_found(world: World) -> None:
    group = world.group()
    post = world.post(group, "A post")
    world.make(f"/posts/{post}/comments", body="A plover")
    assert world.client("owner").delete(f"/posts/{post}").is_success
    assert world.found("owner", q="plover") == []


def test_stale_index_does_not_reveal_hidden_content(world: World) -> None:
    group = world.group(name="Moles")
    post = world.post(group, "moles dig")
    world.make(f"/posts/{post}/comments", body="moles do")
    assert len(world.found(q="moles")) == 3
    patch = {"visibility": "secret"}
    assert world.client("owner").patch(f"/groups/{group}", json=patch).is_success
    # The index is out of date.
    page = world.search_stale("stranger", q="moles")
    assert page == {"items": [], "next_cursor": None}
    assert len(ids(world.search_stale("owner", q="moles"))) == 3


def test_removed_words_are_not_highlighted(world: World) -> None:
    post = world.post(world.group(), "the password is swordfish")
    assert world.found(q="swordfish") == [post]
    patch = {"body": "the password is gone"}
    assert world.client("owner").patch(f"/posts/{post}", json=patch).is_success
    # The index is out of date and finds the old text of the post.
    [item] = world.search_stale(q="swordfish")["items"]
    assert "swordfish" not in json.dumps(item)
    assert item["highlights"] == {}
    assert world.found(q="swordfish") == []


def test_hits_are_ordered_by_score_and_then_newest_first(world: World) -> None:
    group = world.group()
    body = world.post(group, "a lynx")
    newer = world.post(group, "one more lynx")
    title = world.post(group, "seen today", title="Lynx")
    both = world.post(group, "a lynx", title="Lynx")
    page = world.search(q="lynx")
    assert ids(page) == [both, title, newer, body]
    scores = [item["score"] for item in page["items"]]
    assert scores == sorted(scores, reverse=True)
    world.post(group, "a lynx")
    secret = world.group("secret")
    for _ in range(3):
        world.post(secret, "lynx lynx lynx")
    # Other posts change no score.
    assert [item["score"] for item in world.search(q="lynx", limit=2)["items"]] == scores[:2]


def test_matches_are_highlighted_in_html(world: World) -> None:
    world.post(world.group(), "<b>A newt</b> & a toad", title="Newts & toads: a newt")
    [item] = world.search(q="newt")["items"]
    assert item["highlights"] == {
        "title": ["<em>Newts</em> &amp; toads: a <em>newt</em>"],
        "body": ["&lt;b&gt;A <em>newt</em>&lt;&#x2F;b&gt; &amp; a toad"],
    }


def test_pages_show_every_visible_hit_once(world: World) -> None:
    public, secret = world.group(), world.group("secret")
    seen = []
    for number in range(7):
        seen.append(world.post(public, "an egret"))
        for _ in range(number % 3):
            world.post(secret, "an egret")
    met: list[str] = []
    page = world.search("guest", q="egret", limit=3)
    while True:
        met += ids(page)
        if page["next_cursor"] is None:
            break
        page = world.search_stale("guest", q="egret", limit=3, cursor=page["next_cursor"])
    assert met == seen[::-1]


@pytest.mark.slow
def test_page_is_filled_past_many_hidden_hits(world: World) -> None:
    public, secret = world.group(), world.group("secret")
    expected = [world.post(public, "an ibis") for _ in range(3)]
    with databases.Database(world.index.database_url).connect() as job:
        job.execute(
            """
            insert into post (group_id, author_id, body)
            select %s, gen_random_uuid(), 'an ibis' from generate_series(1, 12000)
            """,
            [secret],
        )
    world.index.rebuild()
    page = world.search("stranger", q="ibis", limit=2)
    assert ids(page) == expected[:0:-1]
    page = world.search_stale("stranger", q="ibis", limit=2, cursor=page["next_cursor"])
    assert (ids(page), page["next_cursor"]) == (expected[:1], None)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "q"),
        ({"q": " "}, "q"),
        ({"q": "a" * 201}, "q"),
        ({"q": "a", "type": "user"}, "type"),
        ({"q": "a", "limit": "0"}, "limit"),
        ({"q": "a", "limit": "101"}, "limit"),
        ({"q": "a", "limit": "x"}, "limit"),
        ({"q": "a", "group_id": "x"}, "group_id"),
    ],
)
def test_invalid_search_is_refused(world: World, asked: dict[str, str], field: str) -> None:
    response = world.client("anonymous").get("/search", params=asked)
    assert (response.status_code, response.json()["code"]) == (400, "validation_failed")
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "cursor", ["", "x", "MXwy=", "TmFOfDE", "MWU0MDB8MQ", "MXwxMjM0NTY3ODkwMTIzNDU2Nzg5", "MXx4"]
)
def test_foreign_cursor_is_refused(world: World, cursor: str) -> None:
    response = world.client("anonymous").get("/search", params={"q": "a", "cursor": cursor})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")


def test_query_may_hold_any_characters(world: World) -> None:
    for q in ['"', "zz AND (", "*", "/x/", "\\", "{}", "👍", "z:y", "-", "z" * 200, "' or 0"]:
        world.search_stale(q=q)


@pytest.mark.slow
def test_search_is_unavailable_without_its_index_or_without_opensearch(
    run_service: ServiceFactory, index: indexing.Indexing
) -> None:
    for service in (run_service(), run_service(OPENSEARCH_URL="http://127.0.0.1:9")):
        with service.client() as client:
            response = client.get("/search", params={"q": "a"})
            assert (response.status_code, response.json()["code"]) == (503, "unavailable")
            assert int(response.headers["retry-after"]) > 0
            assert client.get("/groups").is_success
