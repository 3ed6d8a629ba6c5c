"""`make pictures`: the page as docs/page.md shows it, taken from an instance of its own."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import psycopg
import urllib3
from playwright import sync_api

from common import settings as configuration
from common.settings import Settings
from tools import seed
from tools.development import browser
from tools.failure import Failure
from tools.instance import stack, tokens
from tools.paths import ROOT

SHOWN = ROOT / "docs" / "pictures"
TIMEOUT_SECONDS = 300.0
DESKTOP: sync_api.ViewportSize = {"width": 1280, "height": 860}
TALL: sync_api.ViewportSize = {"width": 1280, "height": 1500}
PHONE: sync_api.ViewportSize = {"width": 390, "height": 844}

# The examples are created at one moment. This spreads their times, as users would.
AGE = """
set session_replication_role = replica;
update post as p set created_at = now() - place * interval '5 hours 40 minutes'
from (
  select id, row_number() over (partition by group_id order by media_count desc, id desc) as place
  from post
) as aged
where aged.id = p.id;
update comment as c set created_at = p.created_at + place * interval '17 minutes'
from
  (select id, row_number() over (partition by post_id order by id) as place from comment) as aged,
  post as p
where aged.id = c.id and p.id = c.post_id;
"""

# Pictures further down load only after scrolling.
DRAWN = """
Promise.all([...document.images]
  .filter((image) => image.checkVisibility() && image.getBoundingClientRect().top < innerHeight)
  .map((image) => image.decode()))
"""


def take() -> None:
    """Takes all pictures again."""
    SHOWN.mkdir(exist_ok=True)
    with instance() as (settings, origin), browser.opened() as opened:
        camera = _Camera(settings, origin, opened)
        camera.take("sign-in", "", shown=".examples")
        camera.take("groups", "#/", who="Ada", shown="article.group")
        camera.take("desktop-light", "Campus Commons", who="Ada", live=True)
        camera.take("desktop-dark", "Robotics Lab", who="Chloe", scheme="dark")
        camera.take("phone", "Campus Commons", who="Grace", viewport=PHONE)
        camera.take("phone-dark", "Midnight Bakers", who="Grace", viewport=PHONE, scheme="dark")
        post = "Welcome to the commons"
        camera.take("thread", "Campus Commons", who="Ben", post=post, viewport=TALL)
        camera.take("search", "#/search?q=cake%20tower", who="Ada", shown=".hit")


class _Camera:
    """Visits the page as a user and takes a picture."""

    def __init__(self, settings: Settings, origin: str, opened: sync_api.Browser) -> None:
        self._settings = settings
        self._origin = origin
        self._browser = opened

    def take(
        self,
        name: str,
        place: str,
        *,
        who: str | None = None,
        shown: str = "article.post",
        post: str | None = None,
        live: bool = False,
        scheme: Literal["dark", "light"] = "light",
        viewport: sync_api.ViewportSize = DESKTOP,
    ) -> None:
        """Shows a group by name, or an address. With `live` a user posts during the visit."""
        context = self._browser.new_context(
            viewport=viewport, color_scheme=scheme, reduced_motion="reduce"
        )
        context.set_default_timeout(TIMEOUT_SECONDS * 1000)
        page = context.new_page()
        page.goto(f"{self._origin}/#/sign-in")
        if who is not None:
            page.get_by_role("button", name=who, exact=True).click()
            self._go(page, place)
        page.locator(shown).first.wait_for()
        if post is not None:
            page.locator("article.post h2").get_by_text(post).click()
            page.locator("article.comment").first.wait_for()
        if live:
            self._say(page)
        page.wait_for_load_state("networkidle")
        page.evaluate(DRAWN)
        page.mouse.move(0, 0)
        path = SHOWN / f"{name}.png"
        page.screenshot(path=path)
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1024} KB", flush=True)
        context.close()

    def _go(self, page: sync_api.Page, place: str) -> None:
        if place.startswith("#"):
            page.goto(f"{self._origin}/{place}")
        else:
            page.get_by_role("main").get_by_role("link", name=place, exact=True).click()

    def _say(self, page: sync_api.Page) -> None:
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
    """Yields a `make run` with nothing but the examples."""
    with tempfile.TemporaryDirectory() as folder:
        given = {"DATA_DIR": folder, "PORT": str(stack.free_port())}
        inherited = {k: v for k, v in os.environ.items() if k not in configuration.names()}
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.cli.main", "run"],
            env={**inherited, **given, "PYTHONPATH": str(ROOT)},
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
                connection.execute(AGE)
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
    raise Failure("the instance that is to be shown did not start")
