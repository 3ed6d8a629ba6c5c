"""Settings, and the messages about invalid settings. Proves rule 00.31."""

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from common import settings as configuration
from common.settings import ServiceSettings, Settings, SettingsError

ROOT = Path(__file__).parents[2]
STORES = {
    "DATABASE_URL": "postgresql://user:sesame@db.example/communities",
    "REDIS_URL": "redis://:sesame@redis.example/0",
    "OPENSEARCH_URL": "https://user:sesame@search.example",
    "S3_ENDPOINT_URL": "https://s3.example",
    "S3_ACCESS_KEY": "sesame",
    "S3_SECRET_KEY": "sesame",
}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Removes every setting from the environment."""
    for name in configuration.names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def load(monkeypatch: pytest.MonkeyPatch, **given: str) -> Settings:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return configuration.load(Settings)


def test_defaults_equal_the_documented_ones(tmp_path: Path) -> None:
    settings = configuration.load(Settings)
    assert (settings.host, settings.port, settings.web_concurrency) == ("127.0.0.1", 8000, 1)
    assert settings.data_dir == tmp_path / ".data"
    assert settings.rate_limit == "off"
    assert settings.jwt_algorithms == ("HS256",)
    assert settings.db_pool_size == 6


def test_environment_overrides_the_dotenv_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nHOST=0.0.0.0\nNOT_OURS=1\n")
    settings = load(monkeypatch, PORT="9001")
    assert (settings.host, settings.port) == ("0.0.0.0", 9001)


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, DATABASE_URL="", PORT="").database_url is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "65536"),
        ("WEB_CONCURRENCY", "0"),
        ("LOG_LEVEL", "loud"),
        ("DB_POOL_SIZE", "-1"),
        ("LIVE_PAGE", "perhaps"),
        ("RATE_LIMIT", "many"),
        ("RATE_LIMIT", "10 per fortnight"),
        ("JWT_ALGORITHMS", "none"),
        ("JWT_ALGORITHMS", "HS256,ROT13"),
        ("JWT_ALGORITHMS", "HS256,RS256"),
        ("JWT_ALGORITHMS", "RS256"),
        ("S3_BUCKET", "No Such Bucket"),
        ("DATABASE_URL", "mysql://user:sesame@host/db"),
        ("DATABASE_URL", "postgresql://"),
        ("DATABASE_URL", "postgresql://user:ses@me@host/db"),
        ("DATABASE_URL", "postgresql://user:sesa/me@host/db"),
        ("DATABASE_URL", "postgresql://user:sesame@host:port/db"),
        ("REDIS_URL", "user:sesame@host"),
        ("OPENSEARCH_URL", "search.example"),
        ("S3_ENDPOINT_URL", "s3://bucket"),
        ("JWT_JWKS_URL", "file:///etc/passwd"),
    ],
)
def test_invalid_value_is_reported_in_one_line_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SettingsError) as error:
        load(monkeypatch, **{name: value})
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    assert not re.search("ses@?a?/?me", str(error.value))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"JWT_SECRET": "s" * 32, "JWT_JWKS_URL": "https://idp.example/jwks"}, "JWT_JWKS_URL"),
        (
            {"JWT_JWKS_URL": "https://idp.example/jwks", "JWT_ALGORITHMS": "RS256,HS256"},
            "JWT_ALGORITHMS",
        ),
        ({"S3_ENDPOINT_URL": "https://s3.example"}, "S3_ACCESS_KEY"),
        ({"S3_ACCESS_KEY": "sesame"}, "S3_SECRET_KEY"),
    ],
)
def test_contradictory_settings_are_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        load(monkeypatch, **given)


def test_key_set_has_asymmetric_default_algorithms(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, JWT_JWKS_URL="https://idp.example/jwks")
    assert settings.jwt_algorithms == ("RS256", "ES256", "EdDSA")
    assert settings.jwt_secret is None
    assert not settings.data_dir.exists()


def test_algorithms_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, JWT_ALGORITHMS="HS256, HS512").jwt_algorithms == ("HS256", "HS512")


def test_development_secret_is_created_once_and_readable_only_by_its_owner() -> None:
    first = configuration.load(Settings)
    assert first.jwt_secret is not None
    assert first.jwt_secret == configuration.load(Settings).jwt_secret
    assert len(first.jwt_secret.get_secret_value()) == 64
    path = first.data_dir / "secrets" / "jwt"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["jwt"]


def test_concurrent_processes_create_one_secret(tmp_path: Path) -> None:
    code = (
        "from common import settings\n"
        "print(settings.load(settings.Settings).jwt_secret.get_secret_value())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    assert len({process.communicate()[0] for process in processes}) == 1


def test_representation_of_settings_hides_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, JWT_SECRET="sesame", **STORES)
    assert "sesame" not in repr(settings)
    assert "sesame" not in str(settings)
    assert "sesame" not in settings.model_dump_json()


def test_server_process_requires_every_store(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as error:
        configuration.load(ServiceSettings)
    assert all(name in str(error.value) for name in STORES)
    load(monkeypatch, **STORES)
    settings = configuration.load(ServiceSettings)
    assert settings.database_url.get_secret_value() == STORES["DATABASE_URL"]


def test_uncaught_settings_error_prints_one_line(tmp_path: Path) -> None:
    code = "from common import settings; settings.load(settings.Settings)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PORT": "eighty"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("PORT: ")
    assert done.stderr.count("\n") == 1


def test_example_file_names_every_setting() -> None:
    text = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"(?m)^#?([A-Z0-9_]+)=", text)) == set(configuration.names())


@pytest.mark.parametrize("users", ["[", '"Ada"', '[{"name": "Ada"}]'])
def test_invalid_example_users_are_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, users: str
) -> None:
    for name, value in STORES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("EXAMPLE_USERS", users)
    with pytest.raises(SettingsError, match="EXAMPLE_USERS") as error:
        configuration.load(ServiceSettings)
    assert "\n" not in str(error.value)
