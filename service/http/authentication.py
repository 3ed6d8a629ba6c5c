"""Authentication of bearer tokens, by the configured keys alone.

Implements rules 00.1, 00.2, 00.3, 00.4 and 00.32.
"""

import re
import time
import uuid
from collections.abc import Sequence
from typing import Any, Final

import jwt

from common import blocking_calls, outages, settings
from service.http import parsing, problems

KEY_SET_CACHE_SECONDS: Final = 300.0
TOKEN_CACHE_SECONDS: Final = 60.0
MAX_CACHED_TOKENS: Final = 10_000
JWKS_TIMEOUT_SECONDS: Final = 3.0

_BEARER: Final = re.compile(rb"bearer +([\w-]+\.[\w-]+\.[\w-]+)", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
# Exceptions of the library on hostile tokens.
_BAD_TOKEN: Final = (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError)


class Authenticator:
    """Verifier of tokens, with a cache of verified ones."""

    def __init__(self, configuration: settings.ServiceSettings) -> None:
        self._secret = configuration.jwt_secret
        self._calls = blocking_calls.BlockingCalls("jwks")
        self._keys = None
        if configuration.jwt_jwks_url is not None:
            self._keys = jwt.PyJWKClient(
                configuration.jwt_jwks_url.get_secret_value(),
                lifespan=KEY_SET_CACHE_SECONDS,
                timeout=JWKS_TIMEOUT_SECONDS,
            )
        self._leeway_seconds = configuration.jwt_leeway_seconds
        self._checks: dict[str, Any] = {
            "leeway": self._leeway_seconds,
            "algorithms": list(configuration.jwt_algorithms),
            "audience": configuration.jwt_audience,
            "issuer": configuration.jwt_issuer,
            "options": {
                "require": ["exp", "sub"],
                "verify_aud": configuration.jwt_audience is not None,
                # No rule depends on the issue time.
                "verify_iat": False,
            },
        }
        # User of a token, and end of the cache entry in seconds since the epoch.
        self._cached: dict[bytes, tuple[uuid.UUID, float]] = {}

    async def user(self, headers: Sequence[bytes]) -> uuid.UUID | None:
        """Returns the user of the Authorization headers, or None without one.

        Raises Problem 401 for an invalid token, StoreUnavailable when the key set is unavailable.
        """
        if not headers:
            return None
        match = _BEARER.fullmatch(headers[0])
        if match is None or len(headers) > 1:
            raise problems.unauthenticated("The Authorization header is not one bearer token.")
        token = match[1]
        user, cached_until = self._cached.get(token, (None, 0.0))
        if user is None or time.time() > cached_until:
            user, expires = await self._check(token)
            self._cache(token, user, min(expires, time.time() + TOKEN_CACHE_SECONDS))
        return user

    async def holder(self, token: object) -> tuple[uuid.UUID, float]:
        """Returns the user of a token and its end in seconds since the epoch, leeway included.

        Raises like user().
        """
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise problems.unauthenticated("The token is not valid.")
        return await self._check(token.encode())

    async def _check(self, token: bytes) -> tuple[uuid.UUID, float]:
        try:
            claims = jwt.decode(token, await self._key(token), **self._checks)
            user = _user_id(claims["sub"])
            expires = float(claims["exp"]) + self._leeway_seconds
        except jwt.PyJWKClientConnectionError as error:
            raise outages.StoreUnavailable("jwks") from error
        except _BAD_TOKEN as error:
            raise problems.unauthenticated("The token is not valid.") from error
        return user, expires

    async def _key(self, token: bytes) -> Any:
        keys = self._keys
        if keys is None:
            assert self._secret is not None
            return self._secret.get_secret_value()
        # The client blocks.
        return await self._calls.run(lambda: keys.get_signing_key_from_jwt(token))

    def _cache(self, token: bytes, user: uuid.UUID, until: float) -> None:
        if len(self._cached) >= MAX_CACHED_TOKENS:
            self._cached.clear()
        self._cached[token] = (user, until)


def _user_id(subject: str) -> uuid.UUID:
    """Returns the user of a token. Raises ValueError, also for the nil UUID."""
    user = parsing.parse_uuid(subject)
    if not user.int:
        raise ValueError("is the nil UUID")
    return user
