"""Real stores of `make test-real`: Debian's Redis, OpenSearch from Maven, MinIO from Go.

They are installed into .venv/real. Each replaces the program of an embedded store, and keeps its
port and secrets.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from common.settings import Settings
from development import debian
from tools.failure import Failure
from tools.instance import parts
from tools.paths import ROOT

HERE = Path(__file__).parent
POM, NODE = HERE / "pom.xml", HERE / "OpenSearch.java"
INSTALLED = ROOT / ".venv" / "real"
MINIO = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
REDIS = ("redis-server", "redis-tools", "libatomic1", "libjemalloc2", "liblzf1")


def install() -> None:
    """Installs the stores that are missing or outdated, which takes minutes."""
    for program, package in {"go": "Go", "mvn": "Maven", "java": "a JDK", "javac": "a JDK"}.items():
        if shutil.which(program) is None:
            raise Failure(f"{program} is not installed. Real stores need it: install {package}.")
    makers = {
        "redis": (_make_redis, " ".join(REDIS)),
        "opensearch": (_make_opensearch, POM.read_text() + NODE.read_text()),
        "minio": (_make_minio, MINIO),
    }
    for name, (make, origin) in makers.items():
        folder, stamp = INSTALLED / name, INSTALLED / f"{name}.made-of"
        if not stamp.exists() or stamp.read_text() != origin:
            print(f"installing {name} into .venv/real", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            stamp.write_text(origin)


def make(name: str, settings: Settings, port: int) -> parts.Part:
    """Returns the part of a store. PostgreSQL is the embedded one."""
    part = parts.make_fast(name, settings, port)
    match name:
        case "redis":
            return _redis(part)
        case "s3":
            return _minio(part, settings.data_dir / "minio")
        case "opensearch":
            return _opensearch(part, settings.data_dir / "opensearch")
    return part


def _redis(part: parts.Part) -> parts.Part:
    program = INSTALLED / "redis" / "usr" / "bin" / "redis-server"
    (libraries,) = (INSTALLED / "redis" / "usr" / "lib").glob("*-linux-*")
    return replace(
        part,
        command=[program, *part.command[1:]],
        environment={"LD_LIBRARY_PATH": str(libraries)},
    )


def _minio(part: parts.Part, folder: Path) -> parts.Part:
    return replace(
        part,
        command=[
            *(INSTALLED / "minio" / "minio", "server", folder),
            *("--address", urlsplit(part.urls["S3_ENDPOINT_URL"]).netloc),
            *("--certs-dir", folder.with_name("minio-certs")),
        ],
        environment={
            "MINIO_ROOT_USER": part.urls["S3_ACCESS_KEY"],
            "MINIO_ROOT_PASSWORD": part.urls["S3_SECRET_KEY"],
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        },
    )


def _opensearch(part: parts.Part, folder: Path) -> parts.Part:
    # The embedded store is empty at its start, too.
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "config").mkdir(parents=True)
    port = urlsplit(part.urls["OPENSEARCH_URL"]).port
    jars = f"{INSTALLED / 'opensearch'}:{INSTALLED / 'opensearch' / '*'}"
    return replace(
        part,
        command=[
            *(shutil.which("java") or "java", "-Xms512m", "-Xmx512m", "-Dlog4j2.level=WARN"),
            # These options shorten the start.
            *("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
            *("-cp", jars, "OpenSearch", folder, str(port)),
        ],
        timeout_seconds=300,
    )


def _make_redis(folder: Path) -> None:
    debian.unpack("Redis", folder, *REDIS)


def _make_opensearch(folder: Path) -> None:
    _run(
        *("mvn", "--batch-mode", "--quiet", "--strict-checksums", "--file", POM),
        *("dependency:copy-dependencies", f"-DoutputDirectory={folder}"),
    )
    _run("javac", "-cp", folder / "*", "-d", folder, NODE)


def _make_minio(folder: Path) -> None:
    # Go verifies the version by its checksum database.
    _run(
        *("go", "install", MINIO),
        environment={"GOBIN": str(folder), "GOFLAGS": "-trimpath", "GOTOOLCHAIN": "local"},
    )


def _run(*command: str | Path, environment: Mapping[str, str] | None = None) -> None:
    environment = {**os.environ, **(environment or {})}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        end = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise Failure(f"{command[0]} failed:\n{end}")
