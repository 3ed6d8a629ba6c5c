"""Pages of lists over HTTP. Proves rules 02.14, 02.15, 02.18, 05.5 and 50.5."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.http.conftest import MakeUser
from tests.support import api_client

List = Callable[[api_client.User, MakeUser], tuple[str, list[str]]]


def _posts(user: api_client.User, _make_user: MakeUser) -> tuple[str, list[str]]:
    group_id = user.make_group()
    made = [user.make_post(group_id, f"Post {number}") for number in range(7)]
    return f"/groups/{group_id}/posts", made[::-1]


def _comments(user: api_client.User, _make_user: MakeUser) -> tuple[str, list[str]]:
    post_id = user.make_post(user.make_group())
    return f"/posts/{post_id}/comments", [user.make_comment(post_id) for _ in range(7)]


def _reactions(user: api_client.User, _make_user: MakeUser) -> tuple[str, list[str]]:
    post_id = user.make_post(user.make_group())
    path = f"/posts/{post_id}/reactions"
    return path, [user.client.post(path, json={"emoji": str(n)}).json()["id"] for n in range(7)]


def _members(user: api_client.User, make_user: MakeUser) -> tuple[str, list[str]]:
    group_id = user.make_group()
    made = [user.client.get(f"/groups/{group_id}/members/{user.id}").json()["id"]]
    joins = (make_user().client.post(f"/groups/{group_id}/join") for _ in range(6))
    return f"/groups/{group_id}/members", [*made, *(join.json()["id"] for join in joins)]


def _own_groups(user: api_client.User, _make_user: MakeUser) -> tuple[str, list[str]]:
    return "/groups?mine=true", [user.make_group() for _ in range(7)][::-1]


def _invites(user: api_client.User, _make_user: MakeUser) -> tuple[str, list[str]]:
    path = f"/groups/{user.make_group()}/invites"
    return path, [user.client.post(path).json()["id"] for _ in range(7)]


def _pages(
    client: httpx.Client, path: str, way: str, limit: int, start: str | None = None
) -> Iterator[list[Any]]:
    cursor = start
    while True:
        parameters: dict[str, Any] = {"limit": limit, **({way: cursor} if cursor else {})}
        response = client.get(httpx.URL(path).copy_merge_params(parameters))
        assert response.status_code == 200, response.text
        page = response.json()
        yield page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    ("make", "way"),
    [
        (_posts, "before"),
        (_own_groups, "before"),
        (_comments, "after"),
        (_reactions, "after"),
        (_members, "after"),
        (_invites, "after"),
    ],
)
def test_forward_pages_show_every_item_once(
    make: List, way: str, limit: int, user: api_client.User, make_user: MakeUser
) -> None:
    path, ids = make(user, make_user)
    pages = list(_pages(user.client, path, way, limit))
    assert [item["id"] for page in pages for item in page] == ids
    assert all(len(page) == limit for page in pages[:-1])


def test_backward_pages_show_every_item_once(user: api_client.User, make_user: MakeUser) -> None:
    path, ids = _posts(user, make_user)
    oldest = user.client.get(path).json()["items"][-1]
    cursor = base64.urlsafe_b64encode(
        f"{_microseconds(oldest['created_at'])}|{oldest['id']}".encode()
    )
    back = _pages(user.client, path, "after", 4, cursor.decode().rstrip("="))
    pages = list(back)
    # Each page is in the order of the list, and the pages go from old to new.
    assert [item["id"] for page in reversed(pages) for item in page] == ids[:-1]


def _microseconds(timestamp: str) -> str:
    moment, _, fraction = timestamp.removesuffix("+00:00").partition(".")
    return f"{moment}.{fraction:0<6}Z"


def test_page_has_twenty_items_by_default(user: api_client.User) -> None:
    group_id = user.make_group()
    for number in range(21):
        user.make_post(group_id, f"Post {number}")
    page = user.client.get(f"/groups/{group_id}/posts").json()
    assert len(page["items"]) == 20
    assert page["next_cursor"]


def test_page_of_reactions_has_a_summary(user: api_client.User, make_user: MakeUser) -> None:
    path, _ = _reactions(user, make_user)
    page = user.client.get(f"{path}?limit=1").json()
    assert page["summary"][0] == {"emoji": "0", "count": 1, "reacted": True}
    assert len(page["summary"]) == 7


def test_audit_log_is_listed_newest_first_and_only_for_admins(
    user: api_client.User, make_user: MakeUser
) -> None:
    group_id, other = user.make_group(), make_user()
    other.client.post(f"/groups/{group_id}/join")
    page = user.client.get(f"/groups/{group_id}/audit-log").json()
    actions = [entry["action"] for entry in page["items"]]
    assert actions == ["member.joined", "group.created"]
    response = other.client.get(f"/groups/{group_id}/audit-log")
    api_client.problem(response, 403, "forbidden")
