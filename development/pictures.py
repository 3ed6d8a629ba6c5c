"""Pictures of the page in docs/pictures, taken from an instance with the example data."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import urllib3
from playwright import sync_api

from common import settings as configuration
from common.settings import Settings
from development import browser
from tools import seed
from tools.failure import Failure
from tools.instance import stack, tokens
from tools.paths import ROOT
from tools.seed import example_data

FOLDER: Final = ROOT / "docs" / "pictures"
TIMEOUT_SECONDS: Final = 300.0
DESKTOP: Final[sync_api.ViewportSize] = {"width": 1280, "height": 860}
TALL: Final[sync_api.ViewportSize] = {"width": 1280, "height": 1500}
PHONE: Final[sync_api.ViewportSize] = {"width": 390, "height": 844}

# Pictures further down load only after scrolling.
_LOADED: Final = """
Promise.all([...document.images]
  .filter((image) => image.checkVisibility() && image.getBoundingClientRect().top < innerHeight)
  .map((image) => image.decode()))
"""


def take() -> None:
    """Takes all pictures again."""
    FOLDER.mkdir(exist_ok=True)
    with instance() as (settings, origin), browser.opened() as opened:
        camera = _Camera(settings, origin, opened)
        camera.take("sign-in", shown=".examples")
        camera.take("groups", "Ada", "#/", shown="article.group")
        camera.take("desktop-light", "Ada", "Campus Commons", is_live=True)
        camera.take("desktop-dark", "Chloe", "Robotics Lab", color_scheme="dark")
        camera.take("phone", "Grace", "Campus Commons", viewport=PHONE)
        camera.take("phone-dark", "Grace", "Midnight Bakers", viewport=PHONE, color_scheme="dark")
        post = "Welcome to the commons"
        camera.take("thread", "Ben", "Campus Commons", post=post, viewport=TALL)
        camera.take("search", "Ada", "#/search?q=cake%20tower", shown=".hit")


class _Camera:
    """Visits the page as a user and takes a picture."""

    def __init__(self, settings: Settings, origin: str, opened: sync_api.Browser) -> None:
        self._settings = settings
        self._origin = origin
        self._browser = opened

    def take(
        self,
        name: str,
        user: str | None = None,
        target: str = "",
        *,
        shown: str = "article.post",
        post: str | None = None,
        is_live: bool = False,
        **options: Any,
    ) -> None:
        """Visits a target, which is an address or a group's name, and waits for `shown`.

        With `is_live`, another user posts during the visit. `options` are those of the browser.
        """
        options = {"viewport": DESKTOP, "reduced_motion": "reduce", **options}
        context = self._browser.new_context(**options)
        context.set_default_timeout(TIMEOUT_SECONDS * 1000)
        page = context.new_page()
        page.goto(f"{self._origin}/#/sign-in")
        if user is not None:
            page.get_by_role("button", name=user, exact=True).click()
            if target.startswith("#"):
                page.goto(f"{self._origin}/{target}")
            else:
                page.get_by_role("main").get_by_role("link", name=target, exact=True).click()
        page.locator(shown).first.wait_for()
        if post is not None:
            page.locator("article.post h2").get_by_text(post).click()
            page.locator("article.comment").first.wait_for()
        if is_live:
            self._post(page)
        page.wait_for_load_state("networkidle")
        page.evaluate(_LOADED)
        page.mouse.move(0, 0)
        path = FOLDER / f"{name}.png"
        page.screenshot(path=path)
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1024} KB", flush=True)
        context.close()

    def _post(self, page: sync_api.Page) -> None:
        token = tokens.mint(self._settings, str(dict(seed.USERS)["Hugo"]))
        group = page.url.rpartition("/")[2]
        urllib3.request(
            "POST",
            f"{self._origin}/api/communities/v1/groups/{group}/posts",
            json={"body": "The oranges are ready. Bring a bag."},
            headers={"Authorization": f"Bearer {token}"},
        )
        page.get_by_role("button", name="1 new post").wait_for()


@contextlib.contextmanager
def instance() -> Iterator[tuple[Settings, str]]:
    """Yields settings and origin of a `make run` that holds only the example data."""
    with tempfile.TemporaryDirectory() as folder:
        given = {"DATA_DIR": folder, "PORT": str(stack.free_port()), "PYTHONPATH": str(ROOT)}
        inherited = {k: v for k, v in os.environ.items() if k not in configuration.names()}
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.cli.main", "run"],
            env={**inherited, **given},
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        try:
            origin = f"http://127.0.0.1:{given['PORT']}"
            _wait(process, origin)
            settings = configuration.load(Settings, _env_file=None, data_dir=Path(folder))
            with (
                stack.borrowed(settings, ["postgres"]) as running,
                psycopg.connect(running.superuser_url, autocommit=True) as connection,
            ):
                connection.execute((example_data.FOLDER / "spread_times.sql").read_bytes())
            yield settings, origin
        finally:
            process.terminate()
            process.wait()


def _wait(process: subprocess.Popen[bytes], origin: str) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            if urllib3.request("GET", f"{origin}/readyz", retries=False).status == 200:
                return
        time.sleep(0.1)
    raise Failure("The instance for the pictures did not start.")
