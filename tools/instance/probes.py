"""Probes of the stores: each returns when its store answers, and raises otherwise."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

import minio
import psycopg
import redis
import urllib3

from common.settings import Settings
from tools.failure import Failure

TIMEOUT_SECONDS: Final = 5


def postgres(url: str) -> None:
    with psycopg.connect(url, connect_timeout=TIMEOUT_SECONDS, autocommit=True) as connection:
        connection.execute("select 1")


def redis_server(url: str) -> None:
    with redis.Redis.from_url(
        url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
    ) as client:
        client.ping()


def opensearch(url: str) -> None:
    parts = urlsplit(url)
    headers = {}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = urllib3.make_headers(basic_auth=login)
    base = parts._replace(netloc=address(url)).geturl()
    with urllib3.PoolManager(timeout=TIMEOUT_SECONDS, retries=False) as http:
        response = http.request("GET", base, headers=headers)
    if response.status != 200:
        raise ConnectionError(f"status {response.status}")


def s3_bucket(urls: Mapping[str, str], settings: Settings) -> None:
    """Checks that the bucket is usable, and creates it if needed."""
    with urllib3.PoolManager(timeout=TIMEOUT_SECONDS, retries=False) as http:
        client = s3_client(urls, region=settings.s3_region, http=http)
        if not client.bucket_exists(settings.s3_bucket):
            client.make_bucket(settings.s3_bucket)


def s3_client(
    urls: Mapping[str, str], *, region: str, http: urllib3.PoolManager | None = None
) -> minio.Minio:
    """Returns a client of the store with these URL and keys, by the names of the settings."""
    endpoint = urlsplit(urls["S3_ENDPOINT_URL"])
    return minio.Minio(
        endpoint.netloc,
        access_key=urls["S3_ACCESS_KEY"],
        secret_key=urls["S3_SECRET_KEY"],
        secure=endpoint.scheme == "https",
        region=region,
        http_client=http,
    )


def demand(name: str, variable: str, urls: Mapping[str, str], settings: Settings) -> None:
    """Raises Failure, without a credential, if a configured store does not answer."""
    url = urls[variable]
    try:
        match name:
            case "postgres":
                postgres(url)
            case "redis":
                redis_server(url)
            case "opensearch":
                opensearch(url)
            case "s3":
                s3_bucket(urls, settings)
    except Exception as error:  # each driver has its own
        raise Failure(f"{variable}: {address(url)} is unusable: {reason(error, url)}") from None


def reason(error: BaseException, url: str) -> str:
    """Returns the first line of a driver's message, without the URL's password."""
    text = next(iter(str(error).strip().splitlines()), type(error).__name__)
    for password in passwords(url):
        text = text.replace(password, "***")
    return text


def passwords(url: str) -> tuple[str, ...]:
    """Returns the URL's password, percent-encoded and decoded."""
    password = urlsplit(url).password
    return (password, unquote(password)) if password else ()


def address(url: str) -> str:
    """Returns host and port of a URL, or its path, without credentials."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path
