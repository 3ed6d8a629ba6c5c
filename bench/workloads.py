"""Workloads, each as HTTP requests and as a script of pgbench."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from bench import load, pgbench
from bench.target import Target
from gen.http import posts, reactions
from gen.jobs import posts as jobs
from service.http.request import BASE
from tools.instance import tokens
from tools.seed import scale

CLIENTS = 32
_POSTS = 500
# The rulebook limits a subject to 32 distinct emoji.
_EMOJI = [f"👍{tone}" for tone in ("", "🏻", "🏽", "🏿")] + [*scale.WORDS["emoji"][1:]]

# Member who sends request number k, with an id as scale.identify() returns it.
_ACTOR = "('5eed00010000700080000000' || lpad(to_hex(:user::int), 8, '0'))::uuid"
_USER = f":k % {scale.USERS}"


@dataclass(frozen=True)
class Workload:
    """Workload. `round` returns both sides of a round; `bare` is a minimal write."""

    name: str
    round: Callable[[], tuple[load.Plan, str]]
    bare: str | None = None


class Data:
    """Rows of the largest group, which is public, for the requests."""

    def __init__(self, target: Target) -> None:
        self._port = target.port
        self._url = target.database_url
        self.tokens = [
            tokens.mint(target.settings, str(scale.identify(scale.USER, 0, number)))
            for number in range(scale.USERS)
        ]
        self.group = scale.identify(scale.GROUP, 1, 0)
        with self._connect() as connection:
            rows = connection.execute(
                """
                select id from post where group_id = %s and deleted_at is null
                order by md5(id::text) limit %s
                """,
                [self.group, _POSTS],
            ).fetchall()
            connection.execute("create table bench_row (id int primary key, n bigint not null)")
            connection.execute("insert into bench_row values (1, 0)")
            connection.execute("grant select, update on bench_row to communities_service")
        self.posts: list[UUID] = [row[0] for row in rows]

    def plan(self, method: str, paths: Sequence[str], status: int, **given: Any) -> load.Plan:
        return load.Plan(
            port=self._port,
            clients=CLIENTS,
            seconds=0,
            method=method,
            paths=[BASE + path for path in paths],
            tokens=self.tokens,
            expected_status=status,
            **given,
        )

    def new_post(self) -> UUID:
        with self._connect() as connection:
            made = jobs.Querier(connection).post_create(
                actor=scale.identify(scale.USER, 0, 0),
                group_id=self.group,
                body="React to this.",
                title=None,
                topic_tags=[],
            )
        assert made is not None
        return made.id

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self._url, autocommit=True)


def all_of(data: Data) -> list[Workload]:
    return [
        Workload("page of 20 posts", lambda: _page(data)),
        Workload("one post", lambda: _post(data)),
        Workload("create a post", lambda: _create(data)),
        Workload(
            "react on one post",
            lambda: _react(data),
            bare="update bench_row set n = n + 1 where id = 1;\n",
        ),
    ]


def _page(data: Data) -> tuple[load.Plan, str]:
    unset = ("tag", "author_id", "pinned", "before", "after")
    values = {"actor": _ACTOR, "group_id": _uuid(data.group), "deleted": "false", "limit": "20"}
    values |= dict.fromkeys(unset, "null")
    return (
        data.plan("GET", [f"/groups/{data.group}/posts"], 200),
        pgbench.script(posts.POST_LIST, values, {"user": _USER}),
    )


def _post(data: Data) -> tuple[load.Plan, str]:
    ids = ",".join(str(post) for post in data.posts)
    values = {"actor": _ACTOR, "post_id": f"('{{{ids}}}'::uuid[])[:post]"}
    return (
        data.plan("GET", [f"/posts/{post}" for post in data.posts], 200),
        pgbench.script(
            posts.POST_GET, values, {"user": _USER, "post": f":k % {len(data.posts)} + 1"}
        ),
    )


def _create(data: Data) -> tuple[load.Plan, str]:
    title, text = "Notes from the bench", " ".join(scale.WORDS["sentences"][:4])
    tags = scale.WORDS["tags"]
    bodies = [json.dumps({"title": title, "body": text, "topic_tags": [tag]}) for tag in tags]
    values = {
        "actor": _ACTOR,
        "group_id": _uuid(data.group),
        "title": pgbench.literal(title),
        "body": pgbench.literal(text),
        "topic_tags": f"array[{_texts(tags)}[:body]]",
    }
    return (
        data.plan("POST", [f"/groups/{data.group}/posts"], 201, bodies=bodies),
        pgbench.script(posts.POST_CREATE, values, _user_and_body(len(tags))),
    )


def _react(data: Data) -> tuple[load.Plan, str]:
    bodies = [json.dumps({"emoji": emoji}) for emoji in _EMOJI]
    values = {
        "actor": _ACTOR,
        "subject_type": "'post'",
        "subject_id": _uuid(data.new_post()),
        "emoji": f"{_texts(_EMOJI)}[:body]",
    }
    return (
        data.plan("POST", [f"/posts/{data.new_post()}/reactions"], 201, bodies=bodies),
        pgbench.script(reactions.REACTION_ADD, values, _user_and_body(len(_EMOJI))),
    )


def _user_and_body(bodies: int) -> dict[str, str]:
    return {"user": _USER, "body": f"(:k + :k / {scale.USERS}) % {bodies} + 1"}


def _uuid(value: UUID) -> str:
    return f"'{value}'::uuid"


def _texts(values: Sequence[str]) -> str:
    return f"(array[{', '.join(pgbench.literal(value) for value in values)}])"
