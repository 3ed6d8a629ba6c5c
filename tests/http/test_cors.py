"""Cross-origin requests of browsers. Proves rule 00.27."""

import uuid

import httpx
import pytest

from tests.conftest import ServiceFactory
from tests.support import servers

HERE = "https://app.example"
ELSEWHERE = "https://evil.example"


def preflight(service: servers.Service, origin: str) -> httpx.Response:
    """Sends the preflight request of a POST with a token."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    return httpx.options(f"{service.base}/groups", headers=headers)


def test_configured_origin_may_call_and_read_the_headers(
    run_service: ServiceFactory,
) -> None:
    service = run_service(CORS_ORIGINS=f"{HERE}, http://localhost:3000")
    answer = preflight(service, HERE)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == HERE
    assert "access-control-allow-credentials" not in answer.headers
    with service.client(uuid.uuid4()) as client:
        # Errors need the header, too, so that a page can read them.
        for path, status in [("/groups", 200), (f"/groups/{uuid.uuid4()}", 404)]:
            response = client.get(path, headers={"Origin": HERE})
            assert response.status_code == status
            assert response.headers["access-control-allow-origin"] == HERE
            assert "X-Request-ID" in response.headers["access-control-expose-headers"]
            assert response.headers["vary"] == "Origin"


def test_other_origin_may_not_call(run_service: ServiceFactory) -> None:
    service = run_service(CORS_ORIGINS=HERE)
    answer = preflight(service, ELSEWHERE)
    assert answer.status_code == 400
    assert "access-control-allow-origin" not in answer.headers
    response = httpx.get(f"{service.base}/groups", headers={"Origin": ELSEWHERE})
    assert "access-control-allow-origin" not in response.headers


def test_cross_origin_requests_are_off_by_default(shared_service: servers.Service) -> None:
    assert "access-control-allow-origin" not in preflight(shared_service, HERE).headers


@pytest.mark.parametrize("origins", ["app.example", "https://app.example/", "https://*.example"])
def test_invalid_origin_stops_the_start(origins: str, run_service: ServiceFactory) -> None:
    with pytest.raises(RuntimeError, match="CORS_ORIGINS: "):
        run_service(CORS_ORIGINS=origins)
