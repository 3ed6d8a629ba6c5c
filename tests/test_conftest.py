import redis

from tools import databases


def test_each_test_has_its_own_database(database: databases.Database) -> None:
    with database.connect() as connection:
        connection.execute("create table only_here ()")


def test_and_so_has_the_next_one(database: databases.Database, redis_url: str) -> None:
    with database.connect("communities_service") as connection:
        query = "select to_regclass('public.only_here'), current_user"
        assert connection.execute(query).fetchone() == (None, "communities_service")
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
