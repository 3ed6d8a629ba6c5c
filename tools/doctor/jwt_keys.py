"""Keys that verify tokens."""

from collections.abc import Iterator
from typing import Final

import jwt

from service.http import authentication
from tools.doctor import findings
from tools.doctor.findings import Context, Finding, graded, ok
from tools.instance import probes

VARIABLE: Final = "JWT_JWKS_URL"


def check(context: Context) -> Iterator[Finding]:
    """Yields whether the key set has a usable key."""
    settings = context.settings
    algorithms = ", ".join(settings.jwt_algorithms)
    if settings.jwt_jwks_url is None:
        yield ok("tokens", f"Verified by a shared secret ({algorithms}).")
        return
    url = settings.jwt_jwks_url.get_secret_value()
    try:
        keys = jwt.PyJWKClient(url, timeout=authentication.JWKS_TIMEOUT_SECONDS).get_signing_keys()
    except (jwt.PyJWTError, ValueError) as error:
        todo = "JWT_JWKS_URL must return a JSON Web Key Set with keys for signing."
        if isinstance(error, jwt.PyJWKClientConnectionError):
            todo = "Correct JWT_JWKS_URL, or the network."
        yield findings.unreachable("tokens", VARIABLE, url, error, todo)
        return
    usable = [key for key in keys if key.algorithm_name in settings.jwt_algorithms]
    found = f"{len(usable)} of {len(keys)} keys at {probes.address(url)} match {algorithms}."
    todo = "Set JWT_ALGORITHMS to the algorithms of the identity provider."
    yield graded("tokens", found, todo, fails=not usable)
