"""`make migrate` and `make rollback`: what is durable, what is replaceable, what goes wrong."""

import shutil
import threading
import time
from pathlib import Path

import psycopg
import pytest

from development import databases
from tools.failure import Failure
from tools.instance import logins, migrate, parts, stack


@pytest.fixture
def sources(tmp_path: Path) -> migrate.Sources:
    """Returns a copy of the project's SQL, to be changed."""
    ours = migrate.Sources()
    shutil.copytree(ours.schema, tmp_path / "schema")
    shutil.copytree(ours.functions, tmp_path / "functions")
    return migrate.Sources(tmp_path / "schema", tmp_path / "functions")


@pytest.fixture
def said() -> list[str]:
    return []


def test_second_migration_changes_nothing(
    empty_database: databases.Database, sources: migrate.Sources, said: list[str]
) -> None:
    migrate.migrate(empty_database.url, sources, said.append)
    count = len(list(sources.schema.glob("*.sql")))
    assert said[0].startswith("tables: applied ")
    assert said[0].count(".sql") == count
    assert said[1] == "api: rebuilt"
    before = _api_oid(empty_database)
    migrate.migrate(empty_database.url, sources, said.append)
    assert said[2:] == ["tables: already up to date", "api: already up to date"]
    assert _api_oid(empty_database) == before


def test_up_down_up_gives_the_same_database(
    empty_database: databases.Database, sources: migrate.Sources, said: list[str]
) -> None:
    migrate.migrate(empty_database.url, sources, said.append)
    first = databases.dump(empty_database.url)
    for path in sorted(sources.schema.glob("*.sql"), reverse=True):
        migrate.rollback(empty_database.url, sources, said.append)
        assert said[-2] == f"tables: rolled back {path.name}"
        assert "communities migrate" in said[-1]
        assert _api_oid(empty_database) is None
    with pytest.raises(Failure, match="no migrations have been applied"):
        migrate.rollback(empty_database.url, sources, said.append)
    assert _tables(empty_database) == ["schema_migrations"]
    migrate.migrate(empty_database.url, sources, said.append)
    assert databases.dump(empty_database.url) == first


def test_database_migrated_in_steps_equals_a_fresh_one(
    test_stack: stack.Stack,
    empty_database: databases.Database,
    database: databases.Database,
    sources: migrate.Sources,
) -> None:
    url = test_stack.as_login(empty_database.url, logins.MIGRATOR)
    later = [path.rename(path.with_suffix(".later")) for path in _migrations(sources)[1:]]
    for path in later:
        path.rename(path.with_suffix(".sql"))
        migrate._dbmate(url, sources, "up")
    migrate.migrate(url)
    assert databases.dump(empty_database.url) == databases.dump(database.url)


@pytest.mark.parametrize(
    ("broken", "line", "message"),
    [
        ("select 1;\nselect 1;\ncreate tabel t ();\n", 3, 'syntax error at or near "tabel"'),
        (
            "\ncreate view api.broken as\nselect nothing\nfrom post;\n",
            3,
            '"nothing" does not exist',
        ),
        (
            "create function api.broken(p_n int) returns int language plpgsql as $$\n"
            "declare\n  v_n int;\nbegin\n  retrun v_n;\nend\n$$;\n",
            5,
            'syntax error at or near "retrun"',
        ),
        (
            "create function api.broken(p_n int) returns int language plpgsql as $$\n"
            "declare\n  p_n int;\nbegin\n  return p_n;\nend\n$$;\n",
            3,
            'variable "p_n" shadows',
        ),
        ("select 1;\ncomment on function api.nobody() is ';';\n-- ;\n", 2, "does not exist"),
        ("select 1; select ';';\n/* ; */\ndo $$ begin raise 'by hand'; end $$;\n", 3, "by hand"),
    ],
)
def test_broken_file_keeps_the_old_api(
    database: databases.Database, sources: migrate.Sources, broken: str, line: int, message: str
) -> None:
    before = databases.dump(database.url)
    (sources.functions / "55_broken.sql").write_text(broken)
    with pytest.raises(Failure) as failure:
        migrate.migrate(database.url, sources, lambda _line: None)
    assert f"55_broken.sql:{line}: " in str(failure.value)
    assert message in str(failure.value)
    assert databases.dump(database.url) == before


def test_changed_and_removed_files_take_effect(
    database: databases.Database, sources: migrate.Sources
) -> None:
    extra = sources.functions / "98_extra.sql"
    extra.write_text("create function api.extra() returns int language sql return 1;")
    assert migrate.rebuild_api(database.url, sources)
    with database.connect() as connection:
        assert connection.execute("select api.extra()").fetchone() == (1,)
        extra.unlink()
        assert migrate.rebuild_api(database.url, sources)
        query = "select to_regproc('api.extra')"
        assert connection.execute(query).fetchone() == (None,)


def test_broken_migration_is_named_and_rolled_back(
    database: databases.Database, sources: migrate.Sources
) -> None:
    path = sources.schema / "29990101000000_broken.sql"
    path.write_text("-- migrate:up\ncreate table half ();\ncreate tabel t ();\n-- migrate:down\n")
    with pytest.raises(Failure) as failure:
        migrate.migrate(database.url, sources, lambda _line: None)
    assert str(failure.value).startswith(f"{path.name}: ")
    assert 'syntax error at or near "tabel"' in str(failure.value)
    assert "half" not in _tables(database)


@pytest.mark.slow
def test_migration_waits_for_statements_that_use_the_api(
    database: databases.Database, sources: migrate.Sources
) -> None:
    (sources.functions / "98_extra.sql").write_text("select 1;")
    with database.connect() as reader:
        reader.execute("begin")
        reader.execute("lock table api.posts in access share mode")
        rebuilding = threading.Thread(target=migrate.rebuild_api, args=(database.url, sources))
        rebuilding.start()
        time.sleep(0.5)
        assert rebuilding.is_alive()
        reader.execute("commit")
        rebuilding.join(timeout=10)
        assert not rebuilding.is_alive()
    assert not migrate.rebuild_api(database.url, sources)


def test_database_that_a_superuser_migrated_is_handed_over_to_the_migrator(
    test_stack: stack.Stack, empty_database: databases.Database, sources: migrate.Sources
) -> None:
    url = test_stack.as_login(empty_database.url, logins.MIGRATOR)
    with empty_database.connect() as connection:
        connection.execute(f"alter database {connection.info.dbname} owner to {logins.SUPERUSER}")
    migrate.migrate(empty_database.url, sources)
    logins.create(parts.psql(), parts.libpq(empty_database.url), test_stack.data_dir)
    (sources.functions / "98_extra.sql").write_text("select 1;")
    assert migrate.migrate(url, sources) == migrate.Done([], True)
    last = max(path.name for path in sources.schema.glob("*.sql"))
    assert migrate.rollback(url, sources) == [last]
    assert migrate.migrate(url, sources) == migrate.Done([last], True)


@pytest.mark.slow
def test_concurrent_migrations_both_succeed(empty_database: databases.Database) -> None:
    problems: list[BaseException] = []

    def run() -> None:
        try:
            migrate.migrate(empty_database.url, say=lambda _line: None)
        except BaseException as problem:  # a thread's own is lost otherwise
            problems.append(problem)

    both = [threading.Thread(target=run) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert problems == []


def test_wrong_password_is_not_printed(database: databases.Database) -> None:
    url = database.url.replace("postgres:", "postgres:sesame")
    with pytest.raises((Failure, psycopg.OperationalError)) as failure:
        migrate.rebuild_api(url, migrate.Sources())
    assert "sesame" not in str(failure.value)


def _migrations(sources: migrate.Sources) -> list[Path]:
    return sorted(sources.schema.glob("*.sql"))


def _api_oid(database: databases.Database) -> int | None:
    with database.connect() as connection:
        row = connection.execute("select to_regnamespace('api')::oid::int").fetchone()
    assert row is not None
    return None if row[0] is None else int(row[0])


def _tables(database: databases.Database) -> list[str]:
    query = "select tablename::text from pg_tables where schemaname = 'public' order by 1"
    with database.connect() as connection:
        return [name for (name,) in connection.execute(query)]
