"""Page for one user: reading, searching, themes, small screens, text as text."""

import re

import httpx
import pytest
from playwright import sync_api

from tests import conftest
from tests.page import axe
from tests.page.conftest import PHONE, TIMEOUT_MS, Site, done
from tests.support import api_client
from tests.support.waiting import eventually
from tools import seed

expect = sync_api.expect
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script><em>&amp;"


def group_of(site: Site, name: str = "Campus Commons", who: str = "Ada") -> str:
    with site.client(who) as client:
        every = client.get("/groups", params={"mine": True, "limit": 100}).json()["items"]
    return str(next(group["id"] for group in every if group["name"] == name))


@pytest.mark.slow
def test_page_loads_only_its_own_files(site: Site) -> None:
    visitor = site.visit()
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.page.reload()
    visitor.sees("Discover groups")
    visitor.page.wait_for_load_state("networkidle")
    pictures = site.service.environment["S3_ENDPOINT_URL"]
    assert asked
    assert all(url.startswith((site.service.origin, pictures)) for url in asked)
    policy = httpx.get(site.service.origin).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert pictures in policy


def test_tokens_are_given_to_this_machine_alone(site: Site) -> None:
    assert "Ada" in httpx.get(site.service.origin).text
    elsewhere = httpx.get(site.service.origin, headers={"host": "rebound.example"})
    assert 'data-examples="[]"' in elsewhere.text


def test_page_can_be_switched_off(
    run_service: conftest.ServiceFactory,
) -> None:
    service = run_service(LIVE_PAGE="off")
    for path in ("/", "/page/main.js", "/page/client/api.js"):
        api_client.problem(httpx.get(f"{service.origin}{path}"), 404, "not_found")
    assert httpx.get(f"{service.origin}/docs").status_code == 200


def test_only_the_files_of_the_page_are_served(site: Site) -> None:
    for name in ("main.js", "client/api.js"):
        module = httpx.get(f"{site.service.origin}/page/{name}")
        assert module.headers["content-type"].startswith("text/javascript")
    for name in (
        "__init__.py",
        "page.html",
        "nothing.js",
        "client",
        "client/",
        "api.js",
        "docs/docs.js",
        "..%2Fsettings.py",
        "..%2Fweb%2Fmain.js",
        "client%2F..%2Fmain.js",
        "client%2F%2Fapi.js",
        "%2Fclient%2Fapi.js",
        "client%5Capi.js",
    ):
        answer = httpx.get(f"{site.service.origin}/page/{name}")
        api_client.problem(answer, 404, "not_found")


def test_user_signs_in_joins_posts_and_signs_out(site: Site) -> None:
    group = site.group("Ada")
    ben = site.visit("Ben", "#/")
    ben.page.locator("article.group a.card-link").first.click()
    expect(ben.page).to_have_url(re.compile(group))
    ben.button("Join").click()
    ben.sees("Joined")
    expect(ben.page.locator(f'#side a[data-group="{group}"]')).to_be_visible()
    ben.page.get_by_role("form", name="New post").get_by_label("New post").fill("Hello")
    ben.page.keyboard.press("Control+Enter")
    expect(ben.post("Hello")).to_be_visible()
    # Who reloads is still there, and still the same.
    ben.page.reload()
    expect(ben.post("Hello").get_by_text("you", exact=True)).to_be_visible()
    ben.button("Sign out").click()
    expect(ben.page.get_by_role("heading", name="Welcome to Communities")).to_be_visible()
    assert ben.page.evaluate("sessionStorage.length") == 0


def test_anonymous_user_reads_public_content(site: Site) -> None:
    group = group_of(site)
    anybody = site.visit(path=f"#/groups/{group}")
    expect(anybody.post("clock tower has been")).to_be_visible()
    expect(anybody.page.get_by_role("form", name="New post")).to_have_count(0)
    anybody.go(f"#/groups/{group_of(site, 'Robotics Lab')}")
    anybody.sees("Members only")
    anybody.go(f"#/groups/{group_of(site, 'Midnight Bakers')}")
    anybody.sees("Not found")


def test_group_is_created_and_the_service_validates_its_fields(site: Site) -> None:
    ada = site.visit("Ada", "#/")
    ada.page.get_by_role("main").get_by_role("button", name="New group").click()
    dialog = ada.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("x")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_label("Name")).to_be_focused()
    dialog.get_by_label("Name").fill("Chess club")
    dialog.get_by_role("button", name="Create").click()
    expect(ada.page.get_by_role("heading", name="Chess club")).to_be_visible()
    ada.link("Settings").click()
    ada.page.get_by_label("Description").fill("We meet on Fridays.")
    ada.button("Save").click()
    ada.sees("Saved.", inside="#toasts")
    expect(ada.page.locator("#about")).to_contain_text("We meet on Fridays.")


@pytest.mark.slow
def test_feed_shows_each_post_once_while_the_user_scrolls(site: Site) -> None:
    group = site.group("Ada")
    for number in range(45):
        site.post("Ada", group, f"Number {number:02}")
    ada = site.visit("Ada", f"#/groups/{group}")
    expect(ada.post("Number 44")).to_be_visible()
    cards = ada.page.locator("article.post")
    assert cards.count() < 45
    for _ in range(20):
        ada.page.mouse.wheel(0, 4000)
        if cards.count() == 45:
            break
        ada.page.wait_for_timeout(200)
    expect(cards).to_have_count(45)
    shown = [text[-2:] for text in ada.page.locator("article.post .text").all_inner_texts()]
    assert shown == [f"{number:02}" for number in range(44, -1, -1)]


def test_search_highlights_hits_and_links_to_them(site: Site) -> None:
    found(site, "atlases")
    ada = site.visit("Ada", "#/search?q=atlases")
    hit = ada.page.locator("article.hit")
    expect(hit.locator("mark")).to_have_text("atlases")
    hit.get_by_role("link").click()
    expect(ada.page.locator("article.comment.flash, article.comment:focus")).to_contain_text(
        "behind the atlases"
    )
    ada.go("#/search")
    ada.page.get_by_role("main").get_by_role("searchbox").fill("nonesuchword")
    ada.sees("No results")
    expect(ada.page).to_have_url(re.compile("q=nonesuchword"))


def test_answer_of_503_is_shown_in_the_words_of_the_service(
    run_service: conftest.ServiceFactory, site: Site
) -> None:
    visitor = site.visit("Ada")
    visitor.service = run_service(OPENSEARCH_URL="http://127.0.0.1:9")
    visitor.go("#/search?q=anything")
    visitor.sees("Service unavailable. Retry later.")
    expect(visitor.button("Try again")).to_be_visible()


@pytest.mark.slow
def test_back_restores_the_scroll_position_and_shows_new_content(site: Site) -> None:
    group = site.group("Ada", Ben="member")
    posts = [site.post("Ada", group, f"Number {number} of them") for number in range(30)]
    ben = site.visit("Ben", f"#/groups/{group}")
    far = ben.post("Number 3 of them")
    for _ in range(20):
        ben.page.mouse.wheel(0, 900)
        if far.count():
            break
        ben.page.wait_for_timeout(200)
    far.scroll_into_view_if_needed()
    place = ben.page.evaluate("scrollY")
    assert place > 1000
    for way in ("browser", "page"):
        ben.go(f"#/posts/{posts[3]}")
        ben.sees("0 comments")
        assert ben.page.evaluate("scrollY") == 0
        site.post("Ada", group, f"Come by {way}")
        if way == "browser":
            ben.page.go_back()
        else:
            ben.page.locator("a.back").click()
        expect(far).to_be_in_viewport()
        assert ben.page.evaluate("scrollY") == place
        assert ben.page.url.endswith(f"#/groups/{group}")
        expect(ben.page).to_have_title(re.compile("^Group "))
    ben.button("2 new posts").click()
    expect(ben.post("Come by page")).to_be_visible()


def test_next_user_sees_nothing_of_the_previous_one(site: Site) -> None:
    group = site.group("Ada", "secret")
    with site.client("Ada") as client:
        name = done(client.get(f"/groups/{group}"))["name"]
    visitor = site.visit("Ada", f"#/groups/{group}")
    visitor.sees(name)
    visitor.button("Sign out").click()
    held: list[sync_api.Route] = []

    def hold(route: sync_api.Route) -> None:
        held.append(route)

    visitor.page.route(f"**/groups/{group}", hold)
    visitor.button("Ben").click()
    visitor.go(f"#/groups/{group}")
    expect(visitor.page.locator("main .skeletons")).to_be_visible()
    expect(visitor.page.locator("body")).not_to_contain_text(name)
    # Nor by the way back.
    visitor.page.go_back()
    expect(visitor.page.locator("body")).not_to_contain_text(name)


def test_abandoned_search_does_not_change_the_next_view(site: Site) -> None:
    ada = site.visit("Ada", "#/search")
    box = ada.page.get_by_role("main").get_by_role("searchbox")
    box.wait_for()
    box.evaluate(
        """async (box) => {
          box.value = "cake";
          box.dispatchEvent(new Event("input"));
          location.hash = "#/you";
          // Timers end in their order: the one of the search began before this longer one.
          await new Promise((end) => setTimeout(end, 500));
        }"""
    )
    expect(ada.page.get_by_role("heading", name="Ada")).to_be_visible()
    expect(ada.page).to_have_url(re.compile("#/you$"))


def test_dialog_closes_with_its_view(site: Site) -> None:
    ada = site.visit("Ada", "#/")
    open_ = ada.page.locator("dialog[open], :popover-open")
    ada.page.get_by_role("main").get_by_role("button", name="New group").click()
    expect(open_).to_have_count(1)
    ada.go("#/you")
    expect(open_).to_have_count(0)
    ada.go(f"#/groups/{group_of(site)}")
    ada.page.locator("header.group-head").get_by_role("button", name="Actions for").click()
    expect(open_).to_have_count(1)
    ada.page.go_back()
    expect(open_).to_have_count(0)


def test_failed_request_can_be_retried(site: Site) -> None:
    ada = site.visit("Ada", f"#/groups/{site.group('Ada')}")
    ada.sees("owner", inside="#about")
    ada.page.route("**/members?*", lambda route: route.abort(), times=1)
    ada.link("Members").click()
    ada.sees("No connection")
    ada.button("Try again").click()
    expect(ada.page.locator(".row", has_text="Ada")).to_be_visible()


def test_loading_content_is_shown_as_loading(site: Site) -> None:
    group = site.group("Ada")
    post = site.post("Ada", group, "Slowly")
    with site.client("Ada") as client:
        done(client.post(f"/posts/{post}/comments", json={"body": "Take your time"}))
    found(site, "cake")
    ada = site.visit("Ada", "#/you")
    waiting = ada.page.locator("main .skeletons")
    held: list[sync_api.Route] = []

    def hold(route: sync_api.Route) -> None:
        held.append(route)

    busy = ada.page.locator("main .list[aria-busy], main .rows[aria-busy], main .thread[aria-busy]")
    for path, awaited, shown in (
        ("#/", r"/groups$", "article.group"),
        (f"#/groups/{group}", rf"/groups/{group}/posts$", "article.post"),
        (f"#/groups/{group}/members", rf"/groups/{group}/members\?limit=50", ".row"),
        (f"#/posts/{post}", rf"/posts/{post}/comments\?", "article.comment"),
        ("#/search?q=cake", r"/search\?", "article.hit"),
    ):
        ada.page.route(re.compile(awaited), hold)
        ada.go(path)
        expect(waiting, path).to_be_visible()
        expect(busy, path).to_have_count(1)
        for _ in range(int(TIMEOUT_MS) // 20):
            if held:
                break
            # Playwright calls the handler during its own calls only.
            ada.page.wait_for_timeout(20)
        assert held
        while held:
            held.pop().continue_()
        ada.page.unroute(re.compile(awaited))
        expect(ada.page.locator(shown).first, path).to_be_visible()
        expect(waiting, path).to_have_count(0)
        expect(busy, path).to_have_count(0)


def test_texts_of_users_are_shown_as_text(site: Site) -> None:
    group = site.group("Ada")
    with site.client("Ada") as client:
        path = f"/groups/{group}"
        assert client.patch(path, json={"name": EVIL, "description": EVIL}).is_success
    post = site.post("Ada", group, EVIL, title=EVIL, topic_tags=["<b>x</b>"])
    with site.client("Ada") as client:
        path = f"/posts/{post}/comments"
        assert client.post(path, json={"body": f"{EVIL} https://example.org/?a=1."}).is_success
    ada = site.visit("Ada", f"#/groups/{group}")
    ada.page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    expect(ada.post("onerror")).to_contain_text(EVIL)
    ada.go(f"#/posts/{post}")
    expect(ada.page.locator("article.comment .text")).to_contain_text(EVIL)
    link = ada.page.locator("article.comment .text a")
    expect(link).to_have_attribute("href", "https://example.org/?a=1")
    expect(link).to_have_attribute("rel", re.compile("noopener"))
    assert ada.page.locator("main img[src=x], main script").count() == 0


def test_long_words_break_nothing_on_a_phone(site: Site) -> None:
    group = site.group("Ada")
    with site.client("Ada") as client:
        fields = {"name": LONG[:80], "description": LONG, "tags": [LONG[:50]]}
        assert client.patch(f"/groups/{group}", json=fields).is_success
    post = site.post("Ada", group, LONG, title=LONG[:140], topic_tags=[LONG[:50]])
    parent = None
    with site.client("Ada") as client:
        for _ in range(6):
            body = {"body": LONG} if parent is None else {"body": LONG, "parent_id": parent}
            parent = client.post(f"/posts/{post}/comments", json=body).json()["id"]
    ada = site.visit("Ada", viewport=PHONE, has_touch=True)
    parts = ("", "/members", "/about", "/requests", "/invites", "/bans", "/deleted", "/settings")
    for path in ("#/", "#/you", f"#/posts/{post}", *(f"#/groups/{group}{part}" for part in parts)):
        ada.go(path)
        ada.page.locator("main .card").first.wait_for()
        ada.page.wait_for_load_state("networkidle")
        width = ada.page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], path
    expect(ada.page.locator("#side")).to_be_hidden()
    ada.page.locator("#tabs").get_by_role("link", name="Search").click()
    expect(ada.page).to_have_url(re.compile("#/search"))


@pytest.mark.slow
def test_page_is_accessible(site: Site, scheme: str, viewport: sync_api.ViewportSize) -> None:
    group = busy_group(site)
    found(site, "cake")
    with site.client("Ada") as client:
        [post] = client.get(f"/groups/{group}/posts").json()["items"]
    ada = site.visit("Ada", color_scheme=scheme, viewport=viewport, reduced_motion="reduce")
    for path, shown in (
        ("#/", "article.group"),
        ("#/?mine=true", "article.group"),
        (f"#/groups/{group}", "article.post"),
        (f"#/groups/{group}/members", ".row"),
        (f"#/groups/{group}/about", ".card .about-facts"),
        (f"#/groups/{group}/requests", ".row"),
        (f"#/groups/{group}/invites", ".row"),
        (f"#/groups/{group}/bans", ".row"),
        (f"#/groups/{group}/deleted", "article.post"),
        (f"#/groups/{group}/settings", ".settings"),
        (f"#/posts/{post['id']}", "article.comment"),
        ("#/search", ".state"),
        ("#/search?q=cake", "article.hit mark"),
        ("#/invites/of-nobody", ".state"),
        ("#/you", ".account-card"),
        ("#/sign-in", ".examples"),
        ("#/nowhere", ".state"),
    ):
        ada.go(path)
        ada.page.locator(shown).first.wait_for()
        ada.page.wait_for_load_state("networkidle")
        assert axe.violations(ada.page) == [], path


@pytest.mark.slow
def test_dialogs_and_menus_are_accessible(
    site: Site, scheme: str, viewport: sync_api.ViewportSize
) -> None:
    group = busy_group(site)
    ada = site.visit("Ada", color_scheme=scheme, viewport=viewport, reduced_motion="reduce")

    def opens(path: str, anchor: str, *steps: str) -> None:
        """Presses something in a view, and then what is in a menu."""
        ada.go(path)
        ada.page.locator(anchor).first.click()
        for step in steps:
            assert axe.violations(ada.page) == [], (path, anchor)
            ada.page.get_by_role("menuitem", name=step, exact=True).click()
        ada.page.locator(":popover-open, dialog[open]").wait_for()
        assert axe.violations(ada.page) == [], (path, anchor, steps)
        ada.page.keyboard.press("Escape")
        expect(ada.page.locator(":popover-open, dialog[open]")).to_have_count(0)

    opens("#/", "main .page-head .button")
    opens(f"#/groups/{group}", "header.group-head .more")
    opens(f"#/groups/{group}", "header.group-head .more", "Delete the group")
    opens(f"#/groups/{group}", "article.post .react")
    opens(f"#/groups/{group}", "article.post .more", "Edit")
    opens(f"#/groups/{group}/members", ".bar-line .button")
    for item in ("Mute", "Change the role", "Remove from the group", "Ban"):
        opens(f"#/groups/{group}/members", ".row:has-text('Ben') .more", item)
    opens(f"#/groups/{group}/invites", ".bar-line .button")


def busy_group(site: Site) -> str:
    """Returns a group in which each part has something to show to Ada."""
    users = dict(seed.USERS)
    group = site.group("Ada", "private", Ben="moderator", Chloe="member")
    post = site.post("Ada", group, "Who brings what?", title="Picnic", topic_tags=["food"])
    away = site.post("Ben", group, "Not here", title="Wrong place", topic_tags=["food"])
    with site.client("Grace") as grace:
        done(grace.post(f"/groups/{group}/join"))
    with site.client("Ada") as ada:
        fields = {"description": "Come as you are.", "tags": ["outdoors"]}
        done(ada.patch(f"/groups/{group}", json=fields))
        for name, what in (("Chloe", "mute"), ("Hugo", "ban")):
            path = f"/groups/{group}/members/{users[name]}/{what}"
            done(ada.put(path, json={"until": "2099-01-01T00:00:00Z"}))
        done(ada.post(f"/groups/{group}/invites", json={"max_uses": 3}))
        done(ada.delete(f"/posts/{away}"))
        done(ada.put(f"/posts/{post}/pin"))
        done(ada.post(f"/posts/{post}/reactions", json={"emoji": "🎉"}))
        comment = done(ada.post(f"/posts/{post}/comments", json={"body": "Salad."}))
        body = {"body": "Bread.", "parent_id": comment["id"]}
        done(ada.post(f"/posts/{post}/comments", json=body))
        done(ada.delete(f"/comments/{comment['id']}"))
    return group


def found(site: Site, words: str) -> None:
    """Waits for the indexer, which may still be on its way through the example data."""
    with site.client("Ada") as client:
        eventually(lambda: client.get("/search", params={"q": words}).json().get("items"))


def test_open_tab_of_a_group_is_visible_on_a_phone(site: Site) -> None:
    group = site.group("Ada")
    ada = site.visit("Ada", viewport=PHONE, has_touch=True)
    tab = ada.page.locator(".tabs-row [aria-current]")
    for part in ("Settings", "Bans"):
        ada.go(f"#/groups/{group}/{part.lower()}")
        expect(tab).to_have_text(part)
        expect(tab).to_be_in_viewport(ratio=1)
    # When another user joins, the head of the group is drawn again; the row stays in place.
    with site.client("Ben") as ben:
        done(ben.post(f"/groups/{group}/join"))
    ada.sees("2 members")
    expect(tab).to_be_in_viewport(ratio=1)
    ada.link("Posts").click()
    ada.sees("No posts yet")
    ada.page.go_back()
    expect(tab).to_have_text("Bans")
    expect(tab).to_be_in_viewport(ratio=1)
    assert ada.page.evaluate("scrollX + scrollY") == 0


def test_dark_is_dark_and_light_is_light(site: Site) -> None:
    grounds = [
        site.visit(color_scheme=scheme).page.evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )
        for scheme in ("light", "dark")
    ]
    assert grounds == ["rgb(246, 245, 241)", "rgb(18, 21, 23)"]


def test_menu_works_by_keyboard_and_returns_the_focus(site: Site) -> None:
    ada = site.visit("Ada", f"#/groups/{group_of(site)}")
    more = ada.post("clock tower has been").get_by_role("button", name="Actions for")
    more.focus()
    ada.page.keyboard.press("Enter")
    expect(ada.page.get_by_role("menuitem", name="Copy link")).to_be_focused()
    ada.page.keyboard.press("ArrowDown")
    expect(ada.page.get_by_role("menuitem", name="Pin")).to_be_focused()
    ada.page.keyboard.press("Escape")
    expect(more).to_be_focused()
    expect(more).to_have_attribute("aria-expanded", "false")


def test_example_users_are_those_of_the_seed(site: Site) -> None:
    visitor = site.visit(path="#/sign-in")
    names = visitor.page.locator(".example > span:last-child").all_inner_texts()
    assert names == [name for name, _ in seed.USERS]
