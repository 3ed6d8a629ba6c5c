"""Settings: one name each, from the environment or a `.env` file."""

import ipaddress
import json
import os
import re
import secrets
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SECRET_ALGORITHMS = frozenset({"HS256", "HS384", "HS512"})
KEY_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA"})

LogLevel = Literal["debug", "info", "warning", "error", "critical"]
Port = Annotated[int, Field(ge=0, le=65535)]


class SettingsError(SystemExit):
    """A setting is missing or invalid. Uncaught, it ends the program with one line."""


def _url(*schemes: str) -> AfterValidator:
    def check(url: SecretStr) -> SecretStr:
        # Messages omit the value, which may hold a password.
        try:
            parts = urlsplit(url.get_secret_value())
            _ = parts.port
        except ValueError:
            raise ValueError("is not a URL, or its port is invalid") from None
        if parts.scheme not in schemes or not (parts.netloc or parts.path.strip("/")):
            raise ValueError(
                f"must be a URL that begins with {' or '.join(f'{name}://' for name in schemes)}"
            )
        if parts.netloc.count("@") > 1 or ("@" not in parts.netloc and "@" in parts.path):
            raise ValueError("must have / and @ in its password percent-encoded")
        return url

    return AfterValidator(check)


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _split_list(value: object) -> object:
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value


def _check_origins(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if value != "*" and not re.fullmatch(r"https?://[^/?#@\s*]+", value):
            raise ValueError(f"{value!r} is neither * nor an origin such as https://app.example")
    return values


def _check_algorithms(names: tuple[str, ...]) -> tuple[str, ...]:
    known = SECRET_ALGORITHMS | KEY_ALGORITHMS
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is not one of {', '.join(sorted(known))}")
    return names


def _parse_examples(value: object) -> object:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("must be a JSON list of objects with name, id and token") from None
    return value


def _check_rate_limit(value: str) -> str:
    value = value.strip()
    if value.lower() == "off":
        return "off"
    # Imported here, because most commands and workers do not need it.
    import limits

    try:
        limits.parse_many(value)
    except ValueError:
        raise ValueError("must be 'off' or a rate such as 600/minute") from None
    return value


class Example(BaseModel):
    """Example user of a development instance, with a valid token."""

    name: str
    id: uuid.UUID
    token: SecretStr


class Settings(BaseSettings):
    """All settings. A store without a URL is embedded."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    host: str = "127.0.0.1"
    port: Port = 8000
    web_concurrency: int = Field(default=1, ge=1, le=256)
    # Port of a worker for /metrics and /healthz; 0 for none.
    metrics_port: Port = 0
    data_dir: Annotated[Path, AfterValidator(_absolute)] = Field(
        default=Path(".data"), validate_default=True
    )
    log_level: Annotated[LogLevel, BeforeValidator(lambda v: str(v).lower())] = "info"

    database_url: Annotated[SecretStr, _url("postgresql", "postgres")] | None = None
    redis_url: Annotated[SecretStr, _url("redis", "rediss")] | None = None
    opensearch_url: Annotated[SecretStr, _url("http", "https")] | None = None
    s3_endpoint_url: Annotated[SecretStr, _url("http", "https")] | None = None
    s3_access_key: SecretStr | None = None
    s3_secret_key: SecretStr | None = None
    s3_bucket: str = Field(default="communities", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    s3_region: str = "us-east-1"
    # The alias in OpenSearch; the names of indices begin with it.
    search_index: str = Field(default="communities", pattern=r"^[a-z][a-z0-9_]{0,49}$")
    # Seconds after TERM during which the service still answers, except /readyz with 503.
    drain_seconds: float = Field(default=0, ge=0, le=600)
    db_pool_size: int = Field(default=6, ge=1, le=100)

    # Folder of the programs of another PostgreSQL for the embedded one.
    postgres_bin: Path | None = None
    # Ports of the embedded stores; 0 for any free one, reused at the next start.
    postgres_port: Port = 0
    redis_port: Port = 0
    s3_port: Port = 0
    opensearch_port: Port = 0

    jwt_secret: SecretStr | None = None
    jwt_jwks_url: Annotated[SecretStr, _url("http", "https")] | None = None
    jwt_algorithms: Annotated[
        tuple[str, ...],
        NoDecode,
        BeforeValidator(_split_list),
        AfterValidator(_check_algorithms),
    ] = ()
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    # Tolerated difference between the clocks of issuer and service, for `nbf` and `exp`.
    jwt_leeway_seconds: Annotated[float, Field(ge=0, le=300)] = 10

    # Maximum number of sockets without a token in each server process.
    sockets_anonymous: int = Field(default=2000, ge=0, le=1_000_000)

    rate_limit: Annotated[str, AfterValidator(_check_rate_limit)] = "off"
    # Origins of web pages that may call the API.
    cors_origins: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_split_list), AfterValidator(_check_origins)
    ] = ()

    # Collector of traces, by OTLP over HTTP with protobuf. Traces are off without it.
    otel_exporter_otlp_endpoint: Annotated[SecretStr, _url("http", "https")] | None = None

    # Whether the service serves the page at /.
    live_page: bool = True

    @model_validator(mode="after")
    def _check_s3_keys(self) -> Self:
        if (self.s3_access_key is None) != (self.s3_secret_key is None):
            raise ValueError("S3_ACCESS_KEY and S3_SECRET_KEY must be set together")
        if self.s3_endpoint_url is not None and self.s3_access_key is None:
            raise ValueError("S3_ENDPOINT_URL needs S3_ACCESS_KEY and S3_SECRET_KEY")
        return self

    @model_validator(mode="after")
    def _check_token_settings(self) -> Self:
        # A shared secret and a key set exclude each other: a public key that is also accepted as an
        # HMAC secret lets anyone sign tokens.
        if self.jwt_jwks_url is not None and self.jwt_secret is not None:
            raise ValueError("JWT_SECRET and JWT_JWKS_URL exclude each other")
        default: tuple[str, ...]
        if self.jwt_jwks_url is not None:
            allowed, default, by = KEY_ALGORITHMS, ("RS256", "ES256", "EdDSA"), "JWT_JWKS_URL"
        else:
            allowed, default, by = SECRET_ALGORITHMS, ("HS256",), "a shared JWT_SECRET"
        if not self.jwt_algorithms:
            object.__setattr__(self, "jwt_algorithms", default)
        for name in self.jwt_algorithms:
            if name not in allowed:
                raise ValueError(f"JWT_ALGORITHMS: {name} cannot be used with {by}")
        return self


class ServiceSettings(Settings):
    """Settings of a server process, which require the URL of every backing store."""

    database_url: Annotated[SecretStr, _url("postgresql", "postgres")]
    redis_url: Annotated[SecretStr, _url("redis", "rediss")]
    opensearch_url: Annotated[SecretStr, _url("http", "https")]
    s3_endpoint_url: Annotated[SecretStr, _url("http", "https")]
    s3_access_key: SecretStr
    s3_secret_key: SecretStr

    # Users that the page and /docs offer for sign-in. Only `make run` sets it, for development.
    example_users: Annotated[tuple[Example, ...], NoDecode, BeforeValidator(_parse_examples)] = ()

    @model_validator(mode="after")
    def _check_example_users(self) -> Self:
        if self.example_users and (self.jwt_jwks_url or not is_loopback(self.host)):
            raise ValueError(
                "EXAMPLE_USERS is for development: it excludes JWT_JWKS_URL "
                "and a HOST that other machines reach"
            )
        return self


AnySettings = TypeVar("AnySettings", bound=Settings)


def load(kind: type[AnySettings], **given: Any) -> AnySettings:
    """Reads the settings, and creates a secret for development tokens if none is set.

    Raises SettingsError with one line that names each invalid setting (rule 00.31).
    """
    try:
        settings = kind(**given)
    except ValidationError as error:
        raise SettingsError("; ".join(problems(error))) from None
    if settings.jwt_secret is None and settings.jwt_jwks_url is None:
        secret = stored_secret(settings.data_dir, "jwt")
        return settings.model_copy(update={"jwt_secret": SecretStr(secret)})
    return settings


def is_loopback(host: str) -> bool:
    """Returns whether only this machine reaches a host."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names() -> list[str]:
    """Returns the names of all settings."""
    return [field.upper() for field in Settings.model_fields]


def stored_secret(data_dir: Path, name: str) -> str:
    """Returns a random secret, created at the first call in a private file under DATA_DIR."""
    path = data_dir / "secrets" / name
    try:
        if not path.exists():
            _make_secret(path)
        return path.read_text()
    except OSError as error:
        raise SettingsError(f"DATA_DIR: cannot keep a secret in {path}: {error.strerror}") from None


def _make_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Linked when it is complete, so that the first of several processes wins.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def problems(error: ValidationError) -> list[str]:
    """Returns a sentence for each invalid setting, without its value."""
    found = error.errors(include_input=False, include_url=False)
    missing = [_variable(problem) for problem in found if problem["type"] == "missing"]
    lines = [_problem(problem) for problem in found if problem["type"] != "missing"]
    if missing:
        lines.append(f"not set: {', '.join(missing)} (`communities run` starts embedded stores)")
    return lines


def _variable(problem: Mapping[str, Any]) -> str:
    return str(problem["loc"][0]).upper() if problem["loc"] else ""


def _problem(problem: Mapping[str, Any]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    variable = _variable(problem)
    return f"{variable}: {message[:1].lower()}{message[1:]}" if variable else message
