"""Check of the keys that verify tokens."""

from collections.abc import Iterator
from typing import Final

import jwt

from service.http import authentication
from tools.doctor import findings
from tools.doctor.findings import Context, Finding, failure, ok

VARIABLE: Final = "JWT_JWKS_URL"


def look(context: Context) -> Iterator[Finding]:
    settings = context.settings
    algorithms = ", ".join(settings.jwt_algorithms)
    if settings.jwt_jwks_url is None:
        yield ok(
            "tokens", f"checked by a shared secret ({algorithms}); `communities token` makes some"
        )
        return
    url = settings.jwt_jwks_url.get_secret_value()
    client = jwt.PyJWKClient(url, timeout=authentication.JWKS_TIMEOUT_SECONDS)
    try:
        keys = client.get_signing_keys()
    except jwt.PyJWKClientConnectionError as error:
        todo = "correct JWT_JWKS_URL, or the way to it"
        yield findings.unreachable("tokens", VARIABLE, url, error, todo)
        return
    except (jwt.PyJWTError, ValueError) as error:
        todo = "JWT_JWKS_URL must answer a JSON Web Key Set with keys for signing"
        yield findings.unreachable("tokens", VARIABLE, url, error, todo)
        return
    usable = [key for key in keys if key.algorithm_name in settings.jwt_algorithms]
    if usable:
        yield ok(
            "tokens",
            f"{len(usable)} of {len(keys)} keys at {findings.place(url)} serve {algorithms}",
        )
    else:
        yield failure(
            "tokens", f"none of {len(keys)} keys at {findings.place(url)} serves {algorithms}",
            "set JWT_ALGORITHMS to what the identity provider signs by",
        )  # fmt: skip
