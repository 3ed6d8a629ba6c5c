"""The real stores of `make test-real`: Debian's Redis, OpenSearch from Maven, MinIO from Go.

They are installed into .venv/real. Each takes the place of an embedded part: another program,
with the port and the secrets of the part.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from common.settings import Settings
from tools.development import debian
from tools.failure import Failure
from tools.instance import parts
from tools.paths import ROOT

HERE = Path(__file__).parent
POM, NODE = HERE / "pom.xml", HERE / "OpenSearch.java"
INSTALLED = ROOT / ".venv" / "real"
MINIO = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
REDIS = ("redis-server", "redis-tools", "libatomic1", "libjemalloc2", "liblzf1")


def install() -> None:
    """Installs what is not there yet, or was made of something else. It takes minutes."""
    for program, package in {"go": "Go", "mvn": "Maven", "java": "a JDK", "javac": "a JDK"}.items():
        if shutil.which(program) is None:
            raise Failure(f"real stores need {package}: {program} is not installed here")
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


def in_place_of(part: parts.Part, settings: Settings) -> parts.Part:
    """Returns the real program instead of the embedded one. PostgreSQL is a real one already."""
    match part.name:
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
            # It asks the outside world for nothing.
            "MINIO_UPDATE": "off",
        },
    )


def _opensearch(part: parts.Part, folder: Path) -> parts.Part:
    # As empty as the embedded one is at its start.
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "config").mkdir(parents=True)
    port = urlsplit(part.urls["OPENSEARCH_URL"]).port
    jars = f"{INSTALLED / 'opensearch'}:{INSTALLED / 'opensearch' / '*'}"
    return replace(
        part,
        command=[
            *(shutil.which("java") or "java", "-Xms512m", "-Xmx512m", "-Dlog4j2.level=WARN"),
            # Quick at its start rather than later.
            *("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
            *("-cp", jars, "OpenSearch", folder, str(port)),
        ],
        timeout=300,
    )


def _make_redis(folder: Path) -> None:
    debian.unpack("a real Redis comes", folder, *REDIS)


def _make_opensearch(folder: Path) -> None:
    _run(
        *("mvn", "--batch-mode", "--quiet", "--strict-checksums", "--file", POM),
        *("dependency:copy-dependencies", f"-DoutputDirectory={folder}"),
    )
    _run("javac", "-cp", folder / "*", "-d", folder, NODE)


def _make_minio(folder: Path) -> None:
    # Go asks its checksum database, so the version is a pin.
    _run(
        *("go", "install", MINIO),
        environment={"GOBIN": str(folder), "GOFLAGS": "-trimpath", "GOTOOLCHAIN": "local"},
    )


def _run(*command: str | Path, environment: Mapping[str, str] | None = None) -> None:
    environment = {**os.environ, **(environment or {})}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        end = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise Failure(f"{command[0]} can't install what is needed:\n{end}")
