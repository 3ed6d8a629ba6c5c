"""Who asks: a bearer token's user, decided from the token and the configured keys alone."""

import re
import time
import uuid
from collections.abc import Sequence
from typing import Any, Final

import jwt

from common import blocking_calls, outages, settings
from service.http import parsing, problems

# How long a key set, and a token that was found good, are believed without another look.
KEYS_LIFESPAN: Final = 300.0
TOKEN_LIFESPAN: Final = 60.0
TOKENS_REMEMBERED: Final = 10_000
JWKS_TIMEOUT: Final = 3.0

_BEARER: Final = re.compile(rb"bearer +([\w-]+\.[\w-]+\.[\w-]+)", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
# What a token that anybody may have written can make the library raise.
_BAD_TOKEN: Final = (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError)


class Authenticator:
    """Tells the user of an Authorization header."""

    def __init__(self, configuration: settings.ServiceSettings) -> None:
        self._secret = configuration.jwt_secret
        self._calls = blocking_calls.BlockingCalls("jwks")
        self._keys = None
        if configuration.jwt_jwks_url is not None:
            self._keys = jwt.PyJWKClient(
                configuration.jwt_jwks_url.get_secret_value(),
                lifespan=KEYS_LIFESPAN,
                timeout=JWKS_TIMEOUT,
            )
        self._checks: dict[str, Any] = {
            "algorithms": list(configuration.jwt_algorithms),
            "audience": configuration.jwt_audience,
            "issuer": configuration.jwt_issuer,
            "options": {
                "require": ["exp", "sub"],
                "verify_aud": configuration.jwt_audience is not None,
                # When it was made decides nothing, and an issuer's clock may be ahead of ours.
                "verify_iat": False,
            },
        }
        # Token → its user, and until when it may be believed (seconds since the epoch).
        self._known: dict[bytes, tuple[uuid.UUID, float]] = {}

    async def user(self, headers: Sequence[bytes]) -> uuid.UUID | None:
        """The user of the request's Authorization headers, None without one.

        Raises Problem: 401 for all that is no good token, 503 when the key set can't be had.
        """
        if not headers:
            return None
        match = _BEARER.fullmatch(headers[0])
        if match is None or len(headers) > 1:
            raise problems.unauthenticated("The Authorization header is not one bearer token.")
        token = match[1]
        user, believed_until = self._known.get(token, (None, 0.0))
        if user is None or time.time() > believed_until:
            user, expires = await self._check(token)
            self._remember(token, user, min(expires, time.time() + TOKEN_LIFESPAN))
        return user

    async def holder(self, token: object) -> tuple[uuid.UUID, float]:
        """The user of a token, and when it ends (seconds since the epoch).

        Raises Problem as user() does.
        """
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise problems.unauthenticated("The token is not valid.")
        return await self._check(token.encode())

    async def _check(self, token: bytes) -> tuple[uuid.UUID, float]:
        try:
            claims = jwt.decode(token, await self._key(token), **self._checks)
            user, expires = _somebody(claims["sub"]), float(claims["exp"])
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
        # The client fetches and locks in a blocking way.
        return await self._calls.run(lambda: keys.get_signing_key_from_jwt(token))

    def _remember(self, token: bytes, user: uuid.UUID, believed_until: float) -> None:
        if len(self._known) >= TOKENS_REMEMBERED:
            self._known.clear()
        self._known[token] = (user, believed_until)


def _somebody(subject: str) -> uuid.UUID:
    """The user of a token. Raises ValueError; the nil UUID stands for whoever has none."""
    user = parsing.parse_uuid(subject)
    if not user.int:
        raise ValueError("is nobody's id")
    return user
