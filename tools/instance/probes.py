"""Does a backing store answer? Each probe returns when it does and raises when it doesn't."""

from collections.abc import Callable, Mapping
from urllib.parse import unquote, urlsplit

import minio
import psycopg
import redis
import urllib3

from tools.failure import Failure

TIMEOUT = 5.0


def postgres(url: str) -> None:
    with psycopg.connect(url, connect_timeout=int(TIMEOUT), autocommit=True) as connection:
        connection.execute("select 1")


def redis_server(url: str) -> None:
    client = redis.Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
    with client:
        client.ping()


def opensearch(url: str) -> None:
    parts = urlsplit(url)
    headers = {}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = urllib3.make_headers(basic_auth=login)
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    with urllib3.PoolManager() as http:
        response = http.request("GET", address, headers=headers, timeout=TIMEOUT, retries=False)
    if response.status != 200:
        raise ConnectionError(f"it answers {response.status}")


def s3_bucket(url: str, *, access_key: str, secret_key: str, bucket: str, region: str) -> None:
    """Checks that the bucket can be used, and creates it if needed."""
    urls = {"S3_ENDPOINT_URL": url, "S3_ACCESS_KEY": access_key, "S3_SECRET_KEY": secret_key}
    with urllib3.PoolManager(timeout=TIMEOUT, retries=False) as http:
        client = s3_client(urls, region=region, http=http)
        if not client.bucket_exists(bucket):
            client.make_bucket(bucket)


def s3_client(
    urls: Mapping[str, str], *, region: str, http: urllib3.PoolManager | None = None
) -> minio.Minio:
    """Returns a client of the store with these addresses and keys."""
    endpoint = urlsplit(urls["S3_ENDPOINT_URL"])
    return minio.Minio(
        endpoint.netloc,
        access_key=urls["S3_ACCESS_KEY"],
        secret_key=urls["S3_SECRET_KEY"],
        secure=endpoint.scheme == "https",
        region=region,
        http_client=http,
    )


def demand(variable: str, url: str, probe: Callable[[str], None]) -> None:
    """Fails in one line, which never holds a credential, if a configured store doesn't answer."""
    try:
        probe(url)
    except Exception as error:  # each driver has its own; all mean that it can't be used
        raise Failure(f"{variable}: {_place(url)} can't be used: {reason(error, url)}") from None


def reason(error: BaseException, url: str) -> str:
    """Returns the first line of a driver's message, without the URL's password."""
    text = next(iter(str(error).strip().splitlines()), type(error).__name__)
    for password in passwords(url):
        text = text.replace(password, "***")
    return text


def passwords(url: str) -> tuple[str, ...]:
    """Returns the URL's password as it is written and as it is meant, if it has one."""
    password = urlsplit(url).password
    return (password, unquote(password)) if password else ()


def _place(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path
