"""Tokens for development, signed with the instance's shared secret."""

from datetime import UTC, datetime, timedelta

import jwt

from common.settings import Settings
from tools.failure import Failure

TTL = timedelta(days=30)


def can_mint(settings: Settings) -> bool:
    return settings.jwt_secret is not None


def mint(settings: Settings, user: str, ttl: timedelta = TTL) -> str:
    """Returns a token of a user for the running instance."""
    if settings.jwt_secret is None:
        raise Failure("JWT_JWKS_URL is set. Get a token from the identity provider.")
    now = datetime.now(UTC)
    claims: dict[str, object] = {"sub": user, "iat": now, "exp": now + ttl}
    if settings.jwt_issuer is not None:
        claims["iss"] = settings.jwt_issuer
    if settings.jwt_audience is not None:
        claims["aud"] = settings.jwt_audience
    secret = settings.jwt_secret.get_secret_value()
    return jwt.encode(claims, secret, algorithm=settings.jwt_algorithms[0])
