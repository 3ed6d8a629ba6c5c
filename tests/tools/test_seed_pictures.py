"""The example data's pictures are real objects that its posts and groups show."""

import httpx

from common.settings import Settings
from tests.support import servers
from tools import seed
from tools.instance import stack


def test_pictures_of_the_examples_are_added_once_and_can_be_fetched(
    service: servers.Service, database_url: str, test_stack: stack.Stack
) -> None:
    put = seed.bucket(Settings(_env_file=None), test_stack.urls)
    for _ in range(2):
        seed.seed(database_url, put=put)
    with service.client(seed.USERS[0][1]) as client:
        shown = client.get("/groups", params={"mine": "true"}).json()["items"]
        posts = [
            post
            for group in shown
            for post in client.get(f"/groups/{group['id']}/posts").json()["items"]
        ]
    urls = [group["avatar_url"] for group in shown]
    urls += [media["url"] for post in posts for media in post["media"]]
    assert len(urls) == 7
    for url in urls:
        assert httpx.get(url).content.startswith(b"\x89PNG\r\n\x1a\n")
