"""Typed Python client: its generation, its types, and its calls to a real service."""

import importlib
import shutil
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from development import client as making
from tests.support import servers

README = making.SOURCES / "README.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yields a folder like clients/python with a generated client, which tests can import."""
    folder = tmp_path_factory.mktemp("client")
    for name in ("config.yaml", "pyproject.toml", "README.md"):
        shutil.copy(making.SOURCES / name, folder)
    wheel = making.make(folder)
    installed = folder / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    sys.path.insert(0, str(installed))
    yield folder
    sys.path.remove(str(installed))
    for name in [*sys.modules]:
        if name.partition(".")[0] == making.PACKAGE:
            del sys.modules[name]


@pytest.fixture
def package(folder: Path) -> Any:
    importlib.import_module(f"{making.PACKAGE}.models")
    return sys.modules[making.PACKAGE]


def api(name: str) -> Any:
    return importlib.import_module(f"{making.PACKAGE}.api.{name}")


@pytest.fixture
def sign_in(package: Any, shared_service: servers.Service) -> Iterator[Callable[[uuid.UUID], Any]]:
    """Yields a function that creates a client for a user."""
    with ExitStack() as opened:

        def sign_in(user: uuid.UUID) -> Any:
            token = shared_service.token(user)
            client = package.AuthenticatedClient(
                shared_service.base, token, raise_on_unexpected_status=True
            )
            return opened.enter_context(client)

        yield sign_in


def test_generated_client_is_reproducible(folder: Path, tmp_path: Path) -> None:
    for name in ("config.yaml", "pyproject.toml", "README.md"):
        shutil.copy(making.SOURCES / name, tmp_path)
    making.make(tmp_path)
    for made in sorted((folder / making.PACKAGE).rglob("*.py*")):
        if made.suffix != ".pyc":
            again = tmp_path / made.relative_to(folder)
            assert again.read_bytes() == made.read_bytes(), made


@pytest.mark.slow
def test_generated_client_passes_strict_type_checks(folder: Path) -> None:
    example = folder / "example.py"
    blocks = README.read_text().split("```python\n")[1:]
    lines = "".join(block.partition("```")[0] for block in blocks).replace("\n  ", "\n")
    example.write_text(f'token = "a.token"\n{lines}')
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir"]
    done = subprocess.run(
        [*command, str(folder / "mypy"), str(example), str(folder / making.PACKAGE)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "installed" / making.PACKAGE / "py.typed").exists()


def test_generated_client_drives_a_service(
    package: Any, sign_in: Callable[[uuid.UUID], Any]
) -> None:
    models = package.models
    owner, guest = uuid.uuid4(), uuid.uuid4()
    mine, theirs = (sign_in(user) for user in (owner, guest))

    new = models.NewGroup(name="Night owls", visibility="public")
    group = api("groups.create_group").sync(client=mine, body=new)
    assert isinstance(group, models.Group)
    assert (group.role, group.visibility) == ("owner", "public")

    member = api("members.join_group").sync(group.id, client=theirs)
    assert isinstance(member, models.Member)
    assert member.user_id == guest

    create_post = api("posts.create_post")
    posts = [
        create_post.sync(group.id, client=theirs, body=models.NewPost(body=f"Post {number}"))
        for number in range(3)
    ]
    # A repeated request has one effect.
    for replayed in ("", "true"):
        answer = create_post.sync_detailed(
            group.id,
            client=theirs,
            body=models.NewPost(body="Once", topic_tags=["Late"]),
            idempotency_key=f"once-{owner}",
        )
        assert answer.status_code == 201
        assert answer.headers.get("idempotency-replayed", "") == replayed
    posts.append(answer.parsed)

    comment = api("comments.create_comment").sync(
        posts[0].id, client=mine, body=models.NewComment(body="I am.")
    )
    assert isinstance(comment, models.Comment)
    reaction = api("reactions.add_post_reaction").sync(
        posts[0].id, client=mine, body=models.NewReaction(emoji="🦉")
    )
    assert isinstance(reaction, models.Reaction)

    assert walk(group.id, mine) == [post.id for post in reversed(posts)]
    shown = api("posts.get_post").sync(posts[0].id, client=mine)
    assert [(count.emoji, count.count, count.reacted) for count in shown.reactions] == [
        ("🦉", 1, True)
    ]
    assert shown.comments_count == 1


def walk(group_id: uuid.UUID, client: Any) -> list[uuid.UUID]:
    """Returns the ids of all posts of a group, from all pages."""
    listing, ids, cursor = api("posts.list_posts"), [], None
    while True:
        position: dict[str, Any] = {}
        if cursor is not None:
            position["position"] = listing.ListPostsPosition(before=cursor)
        page = listing.sync(group_id, client=client, limit=2, **position)
        ids += [post.id for post in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids


def test_generated_client_uploads_a_picture(
    package: Any, sign_in: Callable[[uuid.UUID], Any]
) -> None:
    models = package.models
    client = sign_in(uuid.uuid4())
    new = models.NewGroup(name="Painters", visibility="private")
    group = api("groups.create_group").sync(client=client, body=new)
    post = api("posts.create_post").sync(group.id, client=client, body=models.NewPost(body="Look"))
    upload = api("attachments.presign_upload").sync(
        client=client, body=models.NewUpload(purpose="post", mime="image/png", size_bytes=3)
    )
    assert isinstance(upload, models.Upload)
    sent = httpx.put(upload.url, content=b"png", headers=upload.headers.additional_properties)
    assert sent.is_success, sent.text
    media = api("attachments.link_attachment").sync(
        client=client,
        body=models.NewAttachment(key=upload.key, subject_type="post", subject_id=post.id),
    )
    assert isinstance(media, models.Media)
    [shown] = api("posts.get_post").sync(post.id, client=client).media
    assert httpx.get(shown.url).content == b"png"


def test_refusal_is_a_typed_problem(package: Any, sign_in: Callable[[uuid.UUID], Any]) -> None:
    models = package.models
    client = sign_in(uuid.uuid4())
    refused = api("groups.create_group").sync(
        client=client, body=models.NewGroup(name="", visibility="public")
    )
    assert isinstance(refused, models.Problem)
    assert (refused.status, refused.code) == (400, "validation_failed")
    assert [error.field for error in refused.errors] == ["name"]
    missing = api("posts.get_post").sync(uuid.uuid4(), client=client)
    assert (missing.status, missing.code) == (404, "not_found")


async def test_generated_client_has_asynchronous_calls(
    package: Any, shared_service: servers.Service
) -> None:
    async with package.Client(shared_service.base) as anonymous:
        page = await api("groups.list_groups").asyncio(client=anonymous, limit=1)
        assert isinstance(page, package.models.GroupPage)
        new = package.models.NewGroup(name="Anonymous", visibility="public")
        refused = await api("groups.create_group").asyncio(client=anonymous, body=new)
        assert refused.code == "unauthenticated"
