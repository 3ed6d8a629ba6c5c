"""Instance that `make pictures` shows."""

import httpx
import psycopg
import pytest

from development import pictures
from tools.instance import stack


@pytest.mark.slow
def test_instance_for_pictures_has_example_data_of_different_age() -> None:
    with pictures.instance() as (settings, origin):
        assert httpx.get(f"{origin}/readyz").status_code == 200
        groups = httpx.get(f"{origin}/api/communities/v1/groups").json()["items"]
        assert "Campus Commons" in {group["name"] for group in groups}
        oldest = "select now() - min(created_at) > interval '1 day' from post"
        with (
            stack.borrowed(settings, ["postgres"]) as running,
            psycopg.connect(running.database_url) as connection,
        ):
            assert connection.execute(oldest).fetchone() == (True,)
