"""The sqlc plugin, through the real sqlc: `project/` is generated twice, with dataclasses and with
pydantic and other options, compared with `golden/`, checked, and run against PostgreSQL.

After a wanted change: UPDATE_GOLDEN=1 pytest tests/sqlc_plugin. Golden files end in .txt so that
ruff and mypy judge the generated code where it is generated.
"""

import datetime
import decimal
import importlib
import ipaddress
import os
import pathlib
import re
import shutil
import subprocess
import sys
import typing
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import conninfo, sql
from psycopg.types import enum

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
PLUGIN = ROOT / "tools" / "sqlc_plugin" / "run"
CASES = ["dataclasses", "pydantic"]

Sqlc = Callable[[str, pathlib.Path], subprocess.CompletedProcess[str]]
Generated = dict[str, pathlib.Path]


@pytest.fixture(scope="session")
def sqlc() -> Sqlc:
    binary = pathlib.Path(sys.executable).parent / "sqlc"

    def run(command: str, folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [binary, command],
            cwd=folder,
            env={"PATH": f"{binary.parent}:{os.environ['PATH']}", "HOME": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory, sqlc: Sqlc) -> Generated:
    """Per case the folder that holds sqlc.yaml and, in gen_<case>/, what was generated."""
    folders = {}
    for case in CASES:
        folder = tmp_path_factory.mktemp(case)
        shutil.copytree(HERE / "project", folder, dirs_exist_ok=True)
        config = (folder / f"{case}.yaml").read_text().replace("PLUGIN", str(PLUGIN))
        (folder / "sqlc.yaml").write_text(config)
        result = sqlc("generate", folder)
        assert result.returncode == 0, result.stderr
        folders[case] = folder
    return folders


@pytest.mark.parametrize("case", CASES)
def test_generated_code_equals_the_golden_files(generated: Generated, case: str) -> None:
    files = {
        f"{path.name}.txt": path.read_text(encoding="utf-8")
        for path in (generated[case] / f"gen_{case}").iterdir()
    }
    golden = HERE / "golden" / case
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(golden, ignore_errors=True)
        golden.mkdir(parents=True)
        for name, text in files.items():
            (golden / name).write_text(text, encoding="utf-8")
    assert files == {path.name: path.read_text(encoding="utf-8") for path in golden.iterdir()}


@pytest.mark.parametrize("case", CASES)
def test_generated_code_is_typed_and_formatted(generated: Generated, case: str) -> None:
    config = ROOT / "pyproject.toml"
    for command in (
        ["mypy", "--strict", "--config-file=", "--explicit-package-bases"],
        ["ruff", "check", "--quiet", "--config", config, "--ignore=E501,UP042"],
        ["ruff", "format", "--quiet", "--check", "--config", config],
    ):
        result = subprocess.run(
            [sys.executable, "-m", *command, f"gen_{case}"],
            cwd=generated[case],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_sqlc_diff_tells_fresh_from_stale(generated: Generated, sqlc: Sqlc) -> None:
    folder = generated["dataclasses"]
    assert sqlc("diff", folder).returncode == 0
    module = folder / "gen_dataclasses" / "api.py"
    fresh = module.read_text(encoding="utf-8")
    module.write_text(fresh + "# touched\n", encoding="utf-8")
    try:
        stale = sqlc("diff", folder)
    finally:
        module.write_text(fresh, encoding="utf-8")
    assert stale.returncode == 1
    assert "-# touched" in stale.stdout + stale.stderr


# Refusals

CONFIG = """
version: "2"
plugins: [{{name: py, process: {{cmd: {plugin}, format: json}}, env: [PATH]}}]
sql:
  - engine: postgresql
    schema: schema.sql
    queries: queries.sql
    codegen: [{{plugin: py, out: gen, options: {options}}}]
"""
TABLES = "create table posts (id int primary key, title text);"
QUERY = "-- name: PostIds :many\nselect id from posts;"


@pytest.mark.parametrize(
    ("schema", "query", "options", "error"),
    [
        (
            TABLES,
            "-- name: PostLoad :copyfrom\ninsert into posts (id, title) values ($1, $2);",
            "{package: gen}",
            "queries.sql: PostLoad: :copyfrom is not supported",
        ),
        (
            TABLES,
            "-- name: PostTouch :batchexec\nupdate posts set title = @title where id = @id;",
            "{package: gen}",
            "queries.sql: PostTouch: :batchexec is not supported",
        ),
        (
            TABLES,
            "-- name: PostPick :many\nselect title from posts where id in (sqlc.slice(ids));",
            "{package: gen}",
            "queries.sql: PostPick: instead of sqlc.slice, write = any(@ids::type[])",
        ),
        (TABLES, QUERY, "{emit_init_file: true}", "the option 'package' is missing"),
        (TABLES, QUERY, "{package: gen, emit_syncs: true}", "unknown options: emit_syncs"),
        (TABLES, QUERY, "{package: gen, overrides: [{py_type: str}]}", "an override is py_type"),
        (
            f"{TABLES} create table post (id int);",
            QUERY,
            "{package: gen}",
            "more than one table, view or enum would be the class Post",
        ),
    ],
)
def test_refusal_names_the_reason(
    tmp_path: pathlib.Path, sqlc: Sqlc, schema: str, query: str, options: str, error: str
) -> None:
    (tmp_path / "schema.sql").write_text(schema)
    (tmp_path / "queries.sql").write_text(query)
    (tmp_path / "sqlc.yaml").write_text(CONFIG.format(plugin=PLUGIN, options=options))
    result = sqlc("generate", tmp_path)
    assert result.returncode == 1
    assert f"sqlc_plugin: {error}" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "gen").exists()


def test_a_module_cannot_take_the_place_of_the_models(tmp_path: pathlib.Path, sqlc: Sqlc) -> None:
    (tmp_path / "schema.sql").write_text(TABLES)
    (tmp_path / "models.sql").write_text(QUERY)
    config = CONFIG.format(plugin=PLUGIN, options="{package: gen}")
    (tmp_path / "sqlc.yaml").write_text(config.replace("queries.sql", "models.sql"))
    assert "models.sql: there is another models.py" in sqlc("generate", tmp_path).stderr


# The rules of sqlc vet in the project's own sqlc.yaml

VET = {
    "only-api": [
        "select id from people",
        'select id from "people"',
        "select p.id from public.people p",
        "with p as (select * from people) select id from p",
        "select t.id from api.list_posts(p_actor => @a) t join people on true",
        "update people set name = 'x'",
        "delete from\n  people",
        "insert into people (name) values ('x')",
        "select public.tidy(1)",
    ],
    "call-not-read": [
        "select * from api.posts",
        "select p.title from api.posts as p where p.id = @id",
        "select t.id from api.list_posts(p_actor => @a) t join api.posts p on p.id = t.id",
    ],
    "": [
        "select * from api.list_posts(p_actor => @a)",
        "select coalesce(json_agg(row_to_json(t)), '[]') from api.list_posts (p_actor => @a) t",
        "select t.id from (select id from api.list_posts(p_actor => @a)) t",
        "select t.id from api.list_posts(@a) t join lateral api.list_posts(@a) u on true",
        "select api.count_posts(p_actor => @a) is distinct from 1",
    ],
}


def test_vet_holds_queries_to_the_functions_of_api(tmp_path: pathlib.Path, sqlc: Sqlc) -> None:
    cases = [(rule, query) for rule, queries in VET.items() for query in queries]
    named = [f"-- name: Case{i} :exec\n{query};" for i, (_, query) in enumerate(cases, 1)]
    (tmp_path / "queries.sql").write_text("\n".join(named))
    schema = (HERE / "project" / "schema.sql").read_text(encoding="utf-8")
    tidy = "create function public.tidy(p_x int) returns int language sql return 1;"
    (tmp_path / "schema.sql").write_text(
        schema.replace("-- migrate:down", f"{tidy}\n-- migrate:down")
    )
    config = (ROOT / "sqlc.yaml").read_text(encoding="utf-8")
    config = config.replace("[db/schema, db/functions]", "schema.sql")
    (tmp_path / "sqlc.yaml").write_text(config.replace("db/queries", "queries.sql"))
    result = sqlc("vet", tmp_path)
    found = re.findall(r"Case(\d+): ([\w-]+):", result.stdout + result.stderr)
    broken = [(str(i), rule) for i, (rule, _) in enumerate(cases, 1) if rule]
    assert sorted(found) == sorted(broken), result.stdout + result.stderr


# Against PostgreSQL

ID = uuid.UUID("01890000-0000-7000-8000-000000000001")
POST: dict[str, typing.Any] = {
    "id_": ID,
    "title": "Été 100% 'ok'",
    "slug": "ete",
    "tags": ["a", "b,c"],
    "old_tags": None,
    "grid": [[1, 2], [3, 4]],
    "from_": "here",
    "class_": 7,
    "list_": None,
    "weird": "name",
    "meta": {"a": [1, None]},
    "extra": [True],
    "price": decimal.Decimal("1.50"),
    "ratio": 0.5,
    "day": datetime.date(2026, 2, 3),
    "clock": datetime.time(4, 5),
    "span": datetime.timedelta(hours=6),
    "raw": b"\x00\xff",
    "address": ipaddress.IPv4Address("10.0.0.1"),
    "during": None,
}


@pytest.fixture
def project_url(database_url: str) -> Iterator[str]:
    name = f"sqlc_plugin_{uuid.uuid4().hex}"
    schema = (HERE / "project" / "schema.sql").read_text(encoding="utf-8")
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            url = conninfo.make_conninfo(database_url, dbname=name)
            with psycopg.connect(url) as conn:
                conn.execute(schema.partition("-- migrate:down")[0].encode())
            yield url
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(params=CASES)
def package(
    request: pytest.FixtureRequest,
    generated: Generated,
    monkeypatch: pytest.MonkeyPatch,
) -> typing.Any:
    """The generated modules, loosely typed: mypy reads them above."""
    monkeypatch.syspath_prepend(generated[request.param])
    names = ("models", "api", "tables")
    modules = {name: importlib.import_module(f"gen_{request.param}.{name}") for name in names}
    return type("Package", (), modules)


def test_sync(package: typing.Any, project_url: str) -> None:
    mood, kind = package.models.Mood, package.models.ApiKind
    with psycopg.connect(project_url) as conn:
        info = enum.EnumInfo.fetch(conn, "mood")
        assert info
        # psycopg parses no array of a type that it does not know
        enum.register_enum(info, conn, mood, mapping=[(item, item.value) for item in mood])
        tables, api = package.tables.Querier(conn), package.api.Querier(conn)

        person = tables.person_create(
            name="Ann", nick=None, mood=mood.NOT_OK, moods=[mood.OK, mood.AB]
        )
        assert (person.name, person.nick, person.mood) == ("Ann", None, mood.NOT_OK)
        assert person.moods == [mood.OK, mood.AB]
        assert tables.person_get(id_=person.id) == person
        assert tables.person_get(id_=-1) is None
        assert tables.mood_get(id_=person.id) is mood.NOT_OK
        assert list(tables.moods_all()) == [[mood.OK, mood.AB]]

        assert tables.post_create(author_id=person.id, kind=kind.POST, **POST) is None
        post = tables.post_get(id_=ID)
        renamed = {"id_": "id", "weird": "Weird_name"}
        assert {name: getattr(post, renamed.get(name, name)) for name in POST} == POST
        assert (post.author_id, post.kind, post.is_new) == (person.id, kind.POST, True)
        assert list(tables.post_pick(dollar_1=[ID], class_=7, class_2=7)) == [ID]
        assert list(tables.post_pick(dollar_1=[], class_=7, class_2=7)) == []
        [joined] = tables.post_with_author()
        assert (joined.people, joined.id, joined.id_2) == (person, ID, post.title)

        assert tables.post_update(title="new", tags=["x"]) == 1
        assert tables.post_update(title="new", tags=None) == 0
        assert tables.post_touch(is_new=True).rowcount == 1
        assert list(tables.page_by_offset(lim=5, off=0)) == [person.id]
        assert tables.import_(global_=None) is None

        assert list(api.post_page(actor=None, tags=["x"], kind=kind.REPLY, max_=9)) == []
        [shape] = api.post_page(actor=None, tags=None, kind=None, max_=9)
        assert type(shape).__name__ in ("ApiPost", "ApiPosts")
        assert (shape.kind, shape.old_tags, shape.mood) == (kind.POST, ["x"], mood.NOT_OK)
        assert isinstance(shape.kind, kind)
        [titles] = api.post_titles(actor=ID)
        assert (titles.title, titles.tags) == ("new", ["a", "b,c"])
        assert api.post_count(actor=ID) == 1
        assert api.person_rename(id_=person.id, name="Bo") is None
        assert tables.person_get(id_=person.id).name == "Bo"


def test_json_goes_in_as_values_or_as_text(package: typing.Any, project_url: str) -> None:
    with psycopg.connect(project_url) as conn:
        echo = package.api.Querier(conn).value_echo
        assert echo(value={"a": ["é"]}) == {"a": ["é"]}
        assert echo(value='{"a": 1}') == {"a": 1}
        assert echo(value=None) is None


def test_literals_are_left_alone(package: typing.Any, project_url: str) -> None:
    with psycopg.connect(project_url) as conn:
        tables = package.tables.Querier(conn)
        row = tables.literals(word="w", words=["u", "v"])
        assert (row.percent, row.escaped) == ("100% $1", "it's ' $1")
        assert (row.dollars, row.tagged) == (" $1 % ", " $1 $$ ")
        assert (row.glued, row.twice, row.words) == ("a  w", "ww", ["u", "v"])
        assert (row.first__word, row.rest) == ("u", 3)
        alone = tables.literals_alone()
        assert (alone.percent, alone.rest) == ("100%", 3)


async def test_async(package: typing.Any, project_url: str) -> None:
    mood = package.models.Mood
    async with await psycopg.AsyncConnection.connect(project_url) as conn:
        await conn.set_autocommit(True)
        conn.prepare_threshold = 0
        tables, api = package.tables.AsyncQuerier(conn), package.api.AsyncQuerier(conn)
        cursor = await conn.execute("insert into people (name) values ('Ann') returning id")
        [person_id] = await cursor.fetchone() or [0]
        assert await tables.mood_get(id_=person_id) is mood.OK
        assert await tables.mood_get(id_=-1) is None
        await tables.post_create(author_id=person_id, kind=None, **POST)
        assert (await tables.post_get(id_=ID)).meta == POST["meta"]
        page = api.post_page(actor=ID, tags=["a"], kind=None, max_=9)
        assert [post.id async for post in page] == [ID]
        assert [post async for post in api.post_ids()] == [ID]
        for value in (30_000, 40_000, 3_000_000_000):  # psycopg sends these as three types
            assert await tables.person_get(id_=value) is None
        assert await tables.post_update(title=None, tags=[]) == 1
        assert (await tables.post_touch(is_new=False)).rowcount == 0
        assert await api.post_count(actor=ID) == 1
        assert await api.person_rename(id_=person_id, name="Bo") is None
