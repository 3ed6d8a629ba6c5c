"""Bearer tokens, and the header that carries them.

Proves rules 00.1, 00.2, 00.3, 00.4, 00.5 and 00.32.
"""

import base64
import hmac
import json
import time
import uuid
from typing import Any

import httpx
import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.conftest import ServiceFactory
from tests.http import key_sets
from tests.support import api_client, servers
from tools.instance import stack

USER = "0b8f63f0-51c2-4a8e-9d1a-6f1f7a2c9e11"
GROUP = "7c1d2e5a-93b4-4f0e-8a77-2d9c4b6e8f22"
HOUR = 3600
LEEWAY = 10  # seconds, the default


def _claims(**given: Any) -> dict[str, Any]:
    claims = {"sub": USER, "exp": int(time.time()) + HOUR, **given}
    return {name: value for name, value in claims.items() if value is not ...}


def _sign(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """Returns a token that the library would refuse to create."""
    parts = [orjson.dumps(header), json.dumps(claims).encode()]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.digest(secret, signed, "sha256")
    return f"{signed.decode()}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _secret(service: servers.Service) -> str:
    return service.environment["JWT_SECRET"]


def _get(service: servers.Service, token: str) -> httpx.Response:
    return httpx.get(f"{service.base}/tags", headers={"Authorization": f"Bearer {token}"})


def _refused(response: httpx.Response | api_client.Reply) -> None:
    api_client.problem(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"


# The header ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic {}",
        "Bearer {} x",
        "Bearer {},{}",
        "{}",
        "Bearer {}é",
        "Token {}",
    ],
)
def test_malformed_authorization_header_is_refused(
    header: str, shared_service: servers.Service, raw_client: api_client.RawClient
) -> None:
    token = shared_service.token(USER)
    value = header.format(*[token] * 2)
    _refused(raw_client.send("GET", f"{api_client.BASE}/tags", [("Authorization", value)]))


def test_repeated_authorization_header_is_refused(
    shared_service: servers.Service, raw_client: api_client.RawClient
) -> None:
    header = ("Authorization", f"Bearer {shared_service.token(USER)}")
    assert raw_client.send("GET", f"{api_client.BASE}/tags", [header]).status == 200
    _refused(raw_client.send("GET", f"{api_client.BASE}/tags", [header, header]))


def test_bearer_scheme_is_case_insensitive(
    shared_service: servers.Service, raw_client: api_client.RawClient
) -> None:
    header = ("authorization", f"bEARER  {shared_service.token(USER)}")
    assert raw_client.send("GET", f"{api_client.BASE}/tags", [header]).status == 200


# The token ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"exp": ...},
        {"sub": ...},
        {"exp": 0},
        {"exp": int(time.time()) - 60},
        {"exp": "soon"},
        {"exp": None},
        {"exp": float("inf")},
        {"nbf": int(time.time()) + HOUR},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
        {"sub": [USER]},
        {"sub": "somebody"},
        {"sub": str(uuid.UUID(int=0))},
        {"sub": USER.replace("-", "")},
        {"sub": f"{{{USER}}}"},
        {"sub": f"{USER}\n"},
    ],
)
def test_token_without_an_expiry_or_a_uuid_subject_is_refused(
    given: dict[str, Any], shared_service: servers.Service
) -> None:
    secret = _secret(shared_service).encode()
    token = _sign({"alg": "HS256", "typ": "JWT"}, _claims(**given), secret)
    _refused(_get(shared_service, token))


def test_expired_token_is_refused_after_the_leeway_although_it_was_cached(
    shared_service: servers.Service,
) -> None:
    token = jwt.encode(_claims(exp=int(time.time()) + 4 - LEEWAY), _secret(shared_service))
    assert _get(shared_service, token).status_code == 200
    time.sleep(4.1)
    _refused(_get(shared_service, token))


@pytest.mark.parametrize(("claim", "offset"), [("iat", HOUR), ("nbf", 3), ("exp", -3)])
def test_token_of_a_skewed_clock_is_accepted_within_the_leeway(
    claim: str, offset: int, shared_service: servers.Service
) -> None:
    claims = _claims(**{claim: int(time.time()) + offset})
    token = jwt.encode(claims, _secret(shared_service))
    assert _get(shared_service, token).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("claim", ["nbf", "exp"])
def test_token_beyond_the_configured_leeway_is_refused(
    claim: str, run_service: ServiceFactory
) -> None:
    service = run_service(JWT_LEEWAY_SECONDS="0")
    skewed = {"nbf": int(time.time()) + 5, "exp": int(time.time()) - 1}
    _refused(_get(service, jwt.encode(_claims(**{claim: skewed[claim]}), _secret(service))))


def test_token_with_another_signature_is_refused(shared_service: servers.Service) -> None:
    secret = _secret(shared_service)
    good = jwt.encode(_claims(), secret)
    unsigned = _sign({"alg": "none"}, _claims(), b"").rpartition(".")[0] + "."
    head, body, signature = good.split(".")
    for token in (
        jwt.encode(_claims(), secret[::-1]),
        jwt.encode(_claims(), secret, algorithm="HS384"),
        unsigned,
        f"{unsigned}{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{good}.",
        f"{good}=",
        "e30.e30.e30",
        "W10.W10.W10",
        "[" * 20_000,
    ):
        _refused(_get(shared_service, token))


def test_invalid_token_is_refused_by_public_endpoints(shared_service: servers.Service) -> None:
    assert httpx.get(f"{shared_service.base}/groups").status_code == 200
    headers = {"Authorization": "Bearer nonsense"}
    _refused(httpx.get(f"{shared_service.base}/groups", headers=headers))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/groups"),
        ("PATCH", f"/groups/{GROUP}"),
        ("DELETE", f"/groups/{GROUP}"),
        ("POST", f"/groups/{GROUP}/join"),
        ("PUT", f"/groups/{GROUP}/members/{USER}"),
        ("PUT", f"/groups/{GROUP}/members/{USER}/ban"),
        ("DELETE", f"/groups/{GROUP}/invites/{USER}"),
        ("POST", "/invites/code/accept"),
        ("POST", f"/groups/{GROUP}/posts"),
        ("DELETE", f"/posts/{GROUP}/reactions/x"),
        ("POST", "/tags"),
        ("POST", "/posts/no-uuid/comments"),
        ("GET", "/groups?mine=true"),
        ("GET", f"/groups/{GROUP}/bans"),
        ("GET", f"/groups/{GROUP}/join-requests"),
        ("GET", f"/groups/{GROUP}/invites"),
        ("GET", f"/groups/{GROUP}/audit-log"),
    ],
)
def test_write_without_a_token_is_refused_before_anything_else(
    method: str, path: str, anonymous: httpx.Client
) -> None:
    _refused(anonymous.request(method, path))
    if method != "GET":
        headers = {"Content-Type": "text/plain", "Idempotency-Key": "a b"}
        _refused(anonymous.request(method, path, content=b"\xff", headers=headers))


def test_issuer_and_audience_are_checked_when_configured(run_service: ServiceFactory) -> None:
    service = run_service(JWT_ISSUER="https://issuer", JWT_AUDIENCE="communities")
    secret = _secret(service)
    right = {"iss": "https://issuer", "aud": "communities"}
    assert _get(service, jwt.encode(_claims(**right), secret)).status_code == 200
    both = {**right, "aud": ["other", "communities"]}
    assert _get(service, jwt.encode(_claims(**both), secret)).status_code == 200
    for wrong in ({"iss": "https://other"}, {"iss": ...}, {"aud": "other"}, {"aud": ...}):
        _refused(_get(service, jwt.encode(_claims(**{**right, **wrong}), secret)))


def test_issuer_and_audience_are_ignored_when_none_is_configured(
    shared_service: servers.Service,
) -> None:
    token = jwt.encode(_claims(aud="other", iss="other"), _secret(shared_service))
    assert _get(shared_service, token).status_code == 200


# Key sets -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_tokens_are_verified_with_a_key_set(run_service: ServiceFactory) -> None:
    keys: dict[str, Any] = {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }
    with key_sets.published(
        [key_sets.public(name, key, name) for name, key in keys.items()]
    ) as url:
        service = run_service(JWT_JWKS_URL=url, JWT_SECRET="")
        for name, key in keys.items():
            good = jwt.encode(_claims(), key, algorithm=name, headers={"kid": name})
            assert _get(service, good).status_code == 200, name
            _refused(_get(service, jwt.encode(_claims(), key, algorithm=name)))
            stranger = jwt.encode(_claims(), key, algorithm=name, headers={"kid": "x"})
            _refused(_get(service, stranger))
        other = ec.generate_private_key(ec.SECP256R1())
        forged = jwt.encode(_claims(), other, algorithm="ES256", headers={"kid": "ES256"})
        _refused(_get(service, forged))
        # The public key is used as a shared secret.
        text = (
            keys["RS256"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        confused = _sign({"alg": "HS256", "kid": "RS256"}, _claims(), text)
        _refused(_get(service, confused))


@pytest.mark.slow
def test_unreachable_key_set_makes_tokens_unavailable_until_it_is_back(
    run_service: ServiceFactory,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    token = jwt.encode(_claims(), key, algorithm="ES256", headers={"kid": "a"})
    port = stack.free_port()
    service = run_service(JWT_JWKS_URL=f"http://127.0.0.1:{port}/jwks.json", JWT_SECRET="")
    response = _get(service, token)
    api_client.problem(response, 503, "unavailable")
    assert response.headers["retry-after"] == "1"
    assert httpx.get(f"{service.base}/tags").status_code == 200
    with key_sets.published([key_sets.public("ES256", key, "a")], port):
        assert _get(service, token).status_code == 200
