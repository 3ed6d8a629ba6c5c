"""The fixtures themselves."""

import uuid

import httpx
import pytest
import redis

from development import databases
from tests.support import servers


def test_each_test_has_its_own_database(database: databases.Database) -> None:
    with database.connect() as connection:
        connection.execute("create table only_here ()")


def test_and_so_has_the_next_one(database: databases.Database, redis_url: str) -> None:
    with database.connect("communities_service") as connection:
        query = "select to_regclass('public.only_here'), current_user"
        assert connection.execute(query).fetchone() == (None, "communities_service")
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


@pytest.mark.slow
def test_own_service_can_be_killed_and_restarted(service: servers.Service) -> None:
    with service.client() as client:
        assert client.get("/groups").json() == {"items": [], "next_cursor": None}
        service.restart()
        assert client.get("/groups").is_success
        service.kill()
        with pytest.raises(httpx.TransportError):
            client.get("/groups")
        service.start()
        assert client.get("/groups").is_success


def test_tokens_authenticate_at_the_service(shared_service: servers.Service) -> None:
    user = uuid.uuid4()
    with shared_service.client(user) as client:
        made = client.post("/groups", json={"name": "Readers", "visibility": "public"})
        assert made.status_code == 201
        assert made.json()["created_by"] == str(user)
