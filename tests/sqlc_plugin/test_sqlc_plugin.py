"""Plugin of sqlc, run by sqlc, and the project's own queries.

sqlc generates code for `project/`. The tests compare it with `golden/`, check its style and types,
and run it on PostgreSQL. After an intended change, run `UPDATE_GOLDEN=1 pytest tests/sqlc_plugin`.
Golden files end in .txt, so that ruff and mypy skip them.
"""

import importlib
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

from development.sqlc_plugin import docstrings, names

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
PLUGIN = ROOT / "development" / "sqlc_plugin" / "run"
CALLERS = ("service", "workers", "tools", "development", "bench")

Sqlc = Callable[[str, pathlib.Path], subprocess.CompletedProcess[str]]


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
def generated(tmp_path_factory: pytest.TempPathFactory, sqlc: Sqlc) -> pathlib.Path:
    """Returns the folder that holds sqlc.yaml and, in made/, the generated packages."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(HERE / "project", folder, dirs_exist_ok=True)
    config = (folder / "sqlc.yaml").read_text().replace("PLUGIN", str(PLUGIN))
    (folder / "sqlc.yaml").write_text(config)
    result = sqlc("generate", folder)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.slow
def test_generated_code_equals_the_golden_files(generated: pathlib.Path) -> None:
    made, golden = generated / "made", HERE / "golden"
    files = {f"{path.relative_to(made)}.txt": path.read_text() for path in made.rglob("*.py")}
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(golden, ignore_errors=True)
        for name, text in files.items():
            (golden / name).parent.mkdir(parents=True, exist_ok=True)
            (golden / name).write_text(text)
    assert files == {
        str(path.relative_to(golden)): path.read_text() for path in golden.rglob("*.txt")
    }


@pytest.mark.slow
def test_generated_code_is_typed_and_formatted(generated: pathlib.Path) -> None:
    config = ROOT / "pyproject.toml"
    for command in (
        ["mypy", "--strict", "--config-file=", "--explicit-package-bases"],
        ["ruff", "check", "--quiet", "--config", config, "--ignore=E501"],
        ["ruff", "format", "--quiet", "--check", "--config", config],
    ):
        result = subprocess.run(
            [sys.executable, "-m", *command, "made"],
            cwd=generated,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_sqlc_diff_reports_stale_code(generated: pathlib.Path, sqlc: Sqlc) -> None:
    assert sqlc("diff", generated).returncode == 0
    module = generated / "made" / "json" / "posts.py"
    fresh = module.read_text()
    module.write_text(fresh + "# touched\n")
    try:
        stale = sqlc("diff", generated)
    finally:
        module.write_text(fresh)
    assert stale.returncode == 1
    assert "-# touched" in stale.stdout + stale.stderr


def test_every_statement_of_the_project_has_a_caller() -> None:
    for package in ("http", "jobs"):
        for module in (ROOT / "gen" / package).glob("*.py"):
            importing = re.compile(rf"from gen\.{package} import (?:\([^)]*|.*)\b{module.stem}\b")
            callers = "".join(
                text
                for folder in CALLERS
                for path in (ROOT / folder).rglob("*.py")
                if importing.search(text := path.read_text())
            )
            names = re.findall(r"async def (\w+)\(", module.read_text())
            unused = [
                name
                for name in names
                if not re.search(rf"\.({name}\(|{name.upper()}\b|{name}\b)", callers)
            ]
            assert not unused, f"gen/{package}/{module.name}: nothing calls {unused}"


def test_query_is_named_noun_verb_in_the_words_of_its_function() -> None:
    def words(name: str) -> list[str]:
        return [names.singular(word) for word in names.snake_case(name).split("_")]

    for path in (ROOT / "db" / "queries").rglob("*.sql"):
        for query, text in re.findall(r"-- name: (\w+) (.*?);\n", path.read_text(), re.DOTALL):
            function = docstrings.called(text)
            verb, *nouns = words(function.removeprefix("api."))
            assert {verb, *nouns} <= set(words(query)), f"{query} calls {function}"
            assert words(query)[0] != verb, query


# Refusals

CONFIG = """
version: "2"
plugins: [{{name: py, process: {{cmd: {plugin}, format: json}}, env: [PATH]}}]
sql:
  - engine: postgresql
    schema: schema.sql
    queries: queries.sql
    codegen: [{{plugin: py, out: made, options: {options}}}]
"""
TABLES = "create schema api; create table posts (id int primary key, title text);"
QUERY = "-- name: PostIds :many\nselect id from posts;"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "query", "options", "error"),
    [
        (
            TABLES,
            "-- name: PostTouch :execrows\nupdate posts set title = @title where id = @id;",
            "{package: made}",
            "queries.sql: PostTouch: :execrows is not supported",
        ),
        (TABLES, QUERY, "{emit_sync_querier: true}", "Option package is missing."),
        (TABLES, QUERY, "{package: made, emit_syncs: true}", "Unknown options: emit_syncs."),
        (
            f"{TABLES} create view api.posts as select 1 as id; create view api.post as select 2;",
            QUERY,
            "{package: made}",
            "More than one view has the class ApiPost.",
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
    assert not (tmp_path / "made").exists()


def test_module_of_queries_cannot_replace_the_models(tmp_path: pathlib.Path, sqlc: Sqlc) -> None:
    (tmp_path / "schema.sql").write_text(TABLES)
    (tmp_path / "models.sql").write_text(QUERY)
    config = CONFIG.format(plugin=PLUGIN, options="{package: made}")
    (tmp_path / "sqlc.yaml").write_text(config.replace("queries.sql", "models.sql"))
    assert "models.sql: models.py exists already." in sqlc("generate", tmp_path).stderr


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


def test_vet_refuses_queries_that_bypass_the_functions_of_api(
    tmp_path: pathlib.Path, sqlc: Sqlc
) -> None:
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
    config = re.sub("db/queries/(http|jobs)", "queries.sql", config)
    (tmp_path / "sqlc.yaml").write_text(config)
    result = sqlc("vet", tmp_path)
    found = set(re.findall(r"Case(\d+): ([\w-]+):", result.stdout + result.stderr))
    broken = {(str(i), rule) for i, (rule, _) in enumerate(cases, 1) if rule}
    assert found == broken, result.stdout + result.stderr


# Against PostgreSQL

ID = uuid.UUID("01890000-0000-7000-8000-000000000001")


@pytest.fixture
def project_url(database_url: str) -> Iterator[str]:
    name = f"sqlc_plugin_{uuid.uuid4().hex}"
    schema = (HERE / "project" / "schema.sql").read_text()
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            url = conninfo.make_conninfo(database_url, dbname=name)
            with psycopg.connect(url) as conn:
                conn.execute(schema.partition("-- migrate:down")[0].encode())
                conn.execute("insert into people (id, name) values (1, 'Ann')")
                conn.execute(
                    "insert into posts (id, author_id, title, tags, grid, meta) "
                    "values (%s, 1, 'new', '{a,\"b,c\"}', '{{1,2},{3,4}}', '{\"a\": [1]}')",
                    [ID],
                )
            yield url
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def package(generated: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> typing.Any:
    """Returns the generated modules without types, which another test checks."""
    monkeypatch.syspath_prepend(generated)
    modules = {name: importlib.import_module(f"made.{name}.posts") for name in ("rows", "json")}
    return type("Package", (), modules)


def test_sync_querier_returns_typed_rows(package: typing.Any, project_url: str) -> None:
    with psycopg.connect(project_url) as conn:
        rows = package.rows.Querier(conn)
        assert list(rows.post_list(actor=None, tags=["x"], max_=9)) == []
        [post] = rows.post_list(actor=None, tags=["a"], max_=9)
        assert type(post).__name__ == "ApiPost"
        assert (post.id, post.tags, post.grid) == (ID, ["a", "b,c"], [[1, 2], [3, 4]])
        assert (post.from_, post.class_, post.list_, post.meta) == (None, 0, None, {"a": [1]})
        [titles] = rows.post_titles(actor=ID)
        assert (titles.title, titles.tags) == ("new", ["a", "b,c"])
        [media] = rows.media_list(actor=None)
        assert type(media).__name__ == "ApiMedia"
        assert rows.post_count(actor=ID) == 1
        assert rows.person_rename(id_=1, name="Bo") is None
        assert list(rows.post_pick(dollar_1=[ID], class_=0, class_2=7)) == [ID]
        assert rows.import_(global_="nobody") is None


def test_json_arguments_are_values_or_text(package: typing.Any, project_url: str) -> None:
    with psycopg.connect(project_url) as conn:
        echo = package.rows.Querier(conn).value_echo
        assert echo(value={"a": ["é"]}) == {"a": ["é"]}
        assert echo(value='{"a": 1}') == {"a": 1}
        assert echo(value=None) is None


def test_literals_stay_unchanged(package: typing.Any, project_url: str) -> None:
    with psycopg.connect(project_url) as conn:
        rows = package.rows.Querier(conn)
        row = rows.literals(word="w", words=["u", "v"])
        assert (row.percent, row.escaped) == ("100% $1", "it's ' $1")
        assert (row.dollars, row.tagged) == (" $1 % ", " $1 $$ ")
        assert (row.glued, row.twice, row.words) == ("a  w", "ww", ["u", "v"])
        assert (row.first__word, row.rest) == ("u", 3)
        alone = rows.literals_alone()
        assert (alone.percent, alone.rest) == ("100%", 3)


async def test_async_querier_returns_rows_and_json(package: typing.Any, project_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(project_url, autocommit=True) as conn:
        conn.prepare_threshold = 0
        rows, json = package.rows.AsyncQuerier(conn), package.json.AsyncQuerier(conn)
        assert [post async for post in rows.post_ids()] == [ID]
        [body] = await json.post_list(actor=ID, max_=9)
        assert body["title"] == "new"
        found = await json.post_get(actor=None)
        assert (found.id, found.body["tags"]) == (ID, ["a", "b,c"])
        [post] = [post async for post in json.post_find(actor=None)]
        assert type(post).__module__ == "made.rows.models"


def test_docstring_is_the_comment_of_the_called_function(package: typing.Any) -> None:
    assert package.rows.Querier.post_count.__doc__ == "Returns the number of posts."
    assert "at most `limit`" in package.json.AsyncQuerier.post_list.__doc__
    assert package.rows.Querier.value_echo.__doc__ is None


def test_docstring_leaves_out_sentences_about_other_arguments(package: typing.Any) -> None:
    assert "With `tags` null, lists all." in package.rows.Querier.post_list.__doc__
    assert "null" not in package.json.AsyncQuerier.post_list.__doc__
