"""Two people at the page at once, and what happens between them and to the connection."""

import re
import struct
import zlib
from pathlib import Path

import httpx
import pytest
from playwright import sync_api

from tests.page import conftest
from tests.page.conftest import PHONE, Site, Visitor
from tools import seed

expect = sync_api.expect


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Returns a picture of some size: noise can't be compressed."""
    size = 400
    rows = b"".join(b"\0" + bytes((x * y) % 251 for x in range(size * 3)) for y in range(size))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 0)),
        (b"IEND", b""),
    )
    path = tmp_path / "picture.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
    )
    return path


def writes(visitor: Visitor, text: str, title: str = "") -> None:
    form = visitor.page.get_by_role("form", name="New post")
    form.get_by_label("New post").click()
    if title:
        form.get_by_label("Title").fill(title)
    form.get_by_label("New post").fill(text)
    form.get_by_role("button", name="Post", exact=True).click()


@pytest.mark.slow
def test_new_post_appears_behind_a_button_and_reactions_appear_at_once(
    site: Site,
) -> None:
    group = site.group("Ada", Ben="member")
    ada, ben = (site.visit(name, f"#/groups/{group}") for name in ("Ada", "Ben"))
    ben.sees("No posts yet")
    writes(ada, "Who is awake?", title="Night")
    expect(ada.post("Who is awake?")).to_be_visible()

    pill = ben.button("1 new post")
    expect(pill).to_be_visible()
    expect(ben.post("Who is awake?")).to_have_count(0)
    pill.click()
    card = ben.post("Who is awake?")
    expect(card).to_have_count(1)
    expect(pill).to_be_hidden()

    card.get_by_role("button", name="Add a reaction").click()
    ben.button("React with 🎉").click()
    expect(card.get_by_role("button", name="🎉 1")).to_have_attribute("aria-pressed", "true")
    seen = ada.post("Who is awake?").get_by_role("button", name="🎉 1")
    expect(seen).to_have_attribute("aria-pressed", "false")
    seen.click()
    expect(card.get_by_role("button", name="🎉 2")).to_be_visible()
    # Taken back again.
    card.get_by_role("button", name="🎉 2").click()
    expect(ada.post("Who is awake?").get_by_role("button", name="🎉 1")).to_be_visible()


def test_sidebar_counts_new_posts_of_other_groups(site: Site) -> None:
    group = site.group("Ada", Ben="member")
    ben = site.visit("Ben", "#/")
    side = ben.page.locator(f'#side a[data-group="{group}"]')
    expect(side).to_be_visible()
    # Heard from the moment that the namespace is joined, which nothing on the page tells.
    for number in range(50):
        site.post("Ada", group, f"Number {number}")
        if side.locator(".unread").is_visible():
            break
        ben.page.wait_for_timeout(100)
    expect(side.locator(".unread")).to_have_text(re.compile(r"^\d+$"))
    side.click()
    expect(side.locator(".unread")).to_be_hidden()


@pytest.mark.slow
def test_upload_of_a_picture_shows_progress_and_others_see_it(site: Site, picture: Path) -> None:
    group = site.group("Ada", Ben="member")
    ada, ben = (site.visit(name, f"#/groups/{group}") for name in ("Ada", "Ben"))
    ben.sees("No posts yet")
    slow(ada.page)
    form = ada.page.get_by_role("form", name="New post")
    form.locator("input[type=file]").set_input_files(picture)
    bar = form.get_by_role("progressbar", name="Upload of picture.png")
    ada.page.wait_for_function(
        "bar => bar.value > 0 && bar.value < 1", arg=bar.element_handle(), polling="raf"
    )
    expect(form.locator(".upload.done")).to_contain_text("Uploaded")
    form.get_by_label("New post").fill("Look at this")
    form.get_by_role("button", name="Post", exact=True).click()
    shown = ada.post("Look at this").locator("img")
    loaded(shown)
    ben.button("1 new post").click()
    loaded(ben.post("Look at this").locator("img"))


def test_picture_with_an_expired_url_is_loaded_again(site: Site, picture: Path) -> None:
    group = site.group("Ada", Ben="member")
    post = site.post("Ada", group, "Look at this")
    with site.client("Ada") as client:
        file = {"mime": "image/png", "size_bytes": picture.stat().st_size}
        target = conftest.done(client.post("/uploads/presign", json={"purpose": "post", **file}))
        sent = httpx.put(target["url"], content=picture.read_bytes(), headers=target["headers"])
        assert sent.is_success
        body = {"key": target["key"], "subject_type": "post", "subject_id": post}
        key = conftest.done(client.post("/attachments", json=body))["key"]
    ben = site.visit("Ben")
    refused: list[str] = []

    def refuse(route: sync_api.Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=403)

    ben.page.route(lambda url: key in url, refuse, times=1)
    ben.go(f"#/groups/{group}")
    expect(ben.post("Look at this").locator("img")).to_have_js_property("naturalWidth", 400)
    assert len(refused) == 1


def test_upload_can_be_cancelled(site: Site, picture: Path) -> None:
    ada = site.visit("Ada", f"#/groups/{site.group('Ada')}")
    form = ada.page.get_by_role("form", name="New post")
    form.get_by_label("New post").click()
    slow(ada.page, 5_000)
    form.locator("input[type=file]").set_input_files(picture)
    form.get_by_role("button", name="Remove picture.png").click()
    expect(form.locator(".upload")).to_have_count(0)
    form.get_by_label("New post").fill("Without it")
    form.get_by_role("button", name="Post", exact=True).click()
    expect(ada.post("Without it")).to_be_visible()


def test_refused_file_is_reported(site: Site, tmp_path: Path) -> None:
    ada = site.visit("Ada", f"#/groups/{site.group('Ada')}")
    (tmp_path / "notes.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    form = ada.page.get_by_role("form", name="New post")
    form.locator("input[type=file]").set_input_files(tmp_path / "notes.svg")
    with site.client("Ada") as client:
        body = {"purpose": "post", "mime": "image/svg+xml", "size_bytes": 42}
        said = client.post("/uploads/presign", json=body).json()["detail"]
    expect(form.locator(".upload.failed")).to_contain_text(said)


@pytest.mark.slow
def test_new_comments_appear_below_their_parent(site: Site) -> None:
    group = site.group("Ada", Ben="member")
    post = site.post("Ada", group, "Discuss")
    ada, ben = (site.visit(name, f"#/posts/{post}") for name in ("Ada", "Ben"))
    ben.sees("No comments yet")
    ada.page.get_by_role("form", name="New comment").get_by_label("New comment").fill("One")
    ada.page.get_by_role("form", name="New comment").get_by_role("button", name="Comment").click()
    ben.sees("One")
    for depth, text in enumerate(["Two", "Three", "Four", "Five", "Six"]):
        who = (ben, ada)[depth % 2]
        who.page.get_by_role("button", name="Reply", exact=True).last.click()
        form = who.page.get_by_role("form", name="Reply")
        form.get_by_label("Reply").first.fill(text)
        form.get_by_role("button", name="Reply").click()
        for each in (ada, ben):
            nested = each.page.locator("ol.thread " + "li.node " * (depth + 2))
            expect(nested.filter(has_text=text)).to_have_count(1)
    # The deepest can't be answered.
    expect(ben.page.get_by_role("button", name="Reply", exact=True)).to_have_count(5)
    expect(ben.page.get_by_role("heading", name="6 comments")).to_be_visible()
    ben.page.get_by_role("button", name="Collapse replies to Ada").first.click()
    expect(ben.page.get_by_text("Two", exact=True)).to_be_hidden()
    ben.page.get_by_role("button", name="5 replies").click()
    expect(ben.page.get_by_text("Two", exact=True)).to_be_visible()

    ada.chooses(ada.page.locator("article.comment", has_text="One"), "Delete")
    for each in (ada, ben):
        each.sees("This comment was deleted.")
        each.sees("Two")


@pytest.mark.slow
def test_pinning_deletion_and_restoration_appear_for_all_members(site: Site) -> None:
    group = site.group("Ada", Ben="moderator", Chloe="member")
    site.post("Chloe", group, "Read this first")
    ben, chloe = (site.visit(name, f"#/groups/{group}") for name in ("Ben", "Chloe"))
    expect(chloe.post("Read this first")).to_be_visible()
    chloe.post("Read this first").get_by_role("button", name="Actions for").click()
    expect(chloe.page.get_by_role("menuitem", name="Pin")).to_have_count(0)
    chloe.page.keyboard.press("Escape")

    ben.chooses(ben.post("Read this first"), "Pin")
    for each in (ben, chloe):
        pinned = each.page.get_by_role("region", name="Pinned posts")
        expect(pinned).to_contain_text("Read this first")
        expect(each.post("Read this first").get_by_text("Pinned")).to_be_visible()

    ben.chooses(ben.post("Read this first"), "Delete")
    ben.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    for each in (ben, chloe):
        expect(each.post("Read this first")).to_have_count(0)
    ben.link("Deleted").click()
    ben.chooses(ben.post("Read this first"), "Restore")
    ben.sees("No deleted posts")
    chloe.button("1 new post").click()
    expect(chloe.post("Read this first")).to_be_visible()


@pytest.mark.slow
def test_muted_member_sees_the_reason_instead_of_the_composer(site: Site) -> None:
    group = site.group("Ada", Ben="moderator", Chloe="member")
    ben, chloe = (site.visit(name, f"#/groups/{group}/members") for name in ("Ben", "Chloe"))
    ben.chooses(ben.page.locator(".row", has_text="Chloe"), "Mute")
    ben.page.get_by_role("dialog").get_by_role("button", name="Mute").click()
    ben.sees("Chloe is muted.", inside="#toasts")
    chloe.link("Posts").click()
    writes(chloe, "May I?")
    with site.client("Chloe") as client:
        refusal = client.post(f"/groups/{group}/posts", json={"body": "May I?"}).json()
    assert refusal["code"] == "muted"
    expect(chloe.page.locator(".form-error", has_text=refusal["detail"])).to_be_visible()
    # What was written is still there.
    expect(chloe.page.get_by_label("New post").locator("textarea")).to_have_value("May I?")


def test_moderators_see_changes_of_their_group(site: Site) -> None:
    group = site.group("Ada", Ben="member")
    ben = site.visit("Ben", f"#/groups/{group}")
    team = ben.page.get_by_role("region", name="Team")
    expect(team.get_by_role("listitem")).to_have_text([re.compile("^..Ada")])
    with site.client("Ada") as client:
        path = f"/groups/{group}/members/{dict(seed.USERS)['Chloe']}"
        conftest.done(client.put(path, json={"role": "moderator"}))
        expect(team.get_by_role("listitem")).to_have_text([re.compile("Ada"), re.compile("Chloe")])
        conftest.done(client.delete(path))
    expect(team.get_by_role("listitem")).to_have_text([re.compile("Ada")])


@pytest.mark.slow
def test_banned_member_leaves_the_page_of_a_private_group(site: Site) -> None:
    group = site.group("Ada", "private", Ben="member")
    site.post("Ada", group, "Among ourselves")
    ada = site.visit("Ada", f"#/groups/{group}/members")
    ben = site.visit("Ben", f"#/groups/{group}")
    expect(ben.post("Among ourselves")).to_be_visible()
    ada.chooses(ada.page.locator(".row", has_text="Ben"), "Ban")
    dialog = ada.page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("Told others")
    dialog.get_by_role("button", name="Ban").click()
    ben.sees("You are no longer a member of this group.")
    expect(ben.post("Among ourselves")).to_have_count(0)
    ben.button("Request to join").click()
    expect(ben.page.locator(".toast.error")).to_be_visible()
    ada.link("Bans").click()
    ada.sees("Told others")


def test_removed_member_sees_nothing_of_a_secret_group(site: Site) -> None:
    group = site.group("Ada", "secret", Ben="member")
    ben = site.visit("Ben", f"#/groups/{group}")
    ben.sees("No posts yet")
    with site.client("Ada") as client:
        conftest.done(client.delete(f"/groups/{group}/members/{dict(seed.USERS)['Ben']}"))
    ben.sees("Group not available")
    expect(ben.page.locator(f'#side a[data-group="{group}"]')).to_have_count(0)


def test_banned_member_of_a_public_group_sees_the_ban_without_its_reason(site: Site) -> None:
    group = site.group("Ada", Ben="member")
    ben = site.visit("Ben", f"#/groups/{group}")
    expect(ben.page.get_by_role("form", name="New post")).to_be_visible()
    with site.client("Ada") as client:
        path = f"/groups/{group}/members/{dict(seed.USERS)['Ben']}/ban"
        conftest.done(client.put(path, json={"reason": "Sold tickets"}))
        notice = ben.sees("You have been banned from this group.")
        expect(ben.page.get_by_role("form", name="New post")).to_have_count(0)
        # The reason is for admins.
        expect(ben.page.locator("body")).not_to_contain_text("Sold tickets")
        conftest.done(client.delete(path))
    expect(notice).to_have_count(0)


@pytest.mark.slow
def test_approved_request_to_join_opens_the_group(site: Site) -> None:
    group = site.group("Ada", "private")
    site.post("Ada", group, "For members")
    ada = site.visit("Ada", f"#/groups/{group}/requests")
    ben = site.visit("Ben", f"#/groups/{group}")
    ada.sees("No requests")
    ben.button("Request to join").click()
    ben.sees("Your request to join is waiting")
    # Who never was a member has lost nothing.
    expect(ben.page.get_by_text("You are no longer a member of this group.")).to_have_count(0)
    ben.page.reload()
    ben.sees("Your request to join is waiting")
    ada.page.reload()
    ada.button("Approve").click()
    ada.sees("No requests")
    ben.page.reload()
    expect(ben.post("For members")).to_be_visible()
    # Who leaves may ask again.
    ben.chooses(ben.page.locator("header.group-head"), "Leave the group")
    ben.page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    ben.button("Request to join").click()
    expect(ben.button("Requested to join")).to_be_visible()
    # Nobody else at the same browser has asked.
    ben.go("#/sign-in")
    ben.button("Chloe").click()
    ben.go(f"#/groups/{group}")
    expect(ben.button("Request to join")).to_be_visible()


def test_banned_applicant_sees_the_ban_when_asking_again(site: Site) -> None:
    group = site.group("Ada", "private")
    ben = site.visit("Ben", f"#/groups/{group}")
    ben.button("Request to join").click()
    expect(ben.button("Requested to join")).to_be_visible()
    with site.client("Ada") as client:
        path = f"/groups/{group}/members/{dict(seed.USERS)['Ben']}/ban"
        conftest.done(client.put(path, json={}))
    ben.button("Requested to join").click()
    ben.sees("You are banned from this group.", inside="#toasts")
    expect(ben.button("Request to join")).to_be_visible()


@pytest.mark.slow
def test_invitation_opens_a_secret_group(site: Site) -> None:
    group = site.group("Ada", "secret")
    ada = site.visit("Ada", f"#/groups/{group}/invites")
    ada.button("New invitation").click()
    ada.page.get_by_role("dialog").get_by_label("Maximum uses").fill("1")
    ada.button("Create").click()
    ada.sees("Used 0 of 1 time")
    with site.client("Ada") as client:
        [invite] = client.get(f"/groups/{group}/invites").json()["items"]
    ben = site.visit("Ben", f"#/invites/{invite['code']}")
    ben.button("Accept the invitation").click()
    expect(ben.page.get_by_role("form", name="New post")).to_be_visible()
    late = site.visit("Chloe", f"#/invites/{invite['code']}")
    late.button("Accept the invitation").click()
    late.sees("Not found")


def test_offline_is_shown_and_missed_events_arrive_afterwards(site: Site) -> None:
    group = site.group("Ada", Ben="member")
    first = site.post("Ada", group, "Before")
    ben = site.visit("Ben", f"#/groups/{group}")
    expect(ben.post("Before")).to_be_visible()
    # One event is heard, and the next ones are behind it.
    with site.client("Ada") as client:
        conftest.done(client.post(f"/posts/{first}/reactions", json={"emoji": "👍"}))
    expect(ben.post("Before").get_by_role("button", name="👍 1")).to_be_visible()
    ben.page.context.set_offline(True)
    ben.sees("You are offline.", inside="#banner")
    site.post("Ada", group, "Meanwhile")
    ben.page.context.set_offline(False)
    expect(ben.page.locator("#banner")).to_be_empty()
    ben.button("1 new post").click()
    expect(ben.post("Meanwhile")).to_be_visible()


@pytest.mark.slow
def test_page_reconnects_after_a_restart_of_the_service(site: Site) -> None:
    group = site.group("Ada", Ben="member")
    ben = site.visit("Ben", f"#/groups/{group}")
    ben.sees("No posts yet")
    site.service.kill()
    try:
        ben.sees("Connection lost.", inside="#banner")
        ben.link("Members").click()
        ben.sees("No connection")
        expect(ben.button("Try again")).to_be_visible()
    finally:
        site.service.start()
    # Nobody has to ask for it.
    expect(ben.page.locator(".row", has_text="Ada")).to_be_visible()
    expect(ben.page.locator("#banner")).to_be_empty()
    site.post("Ada", group, "It is back")
    ben.link("Posts").click()
    expect(ben.post("It is back")).to_be_visible()


def test_rejected_token_leads_to_the_sign_in(site: Site) -> None:
    visitor = site.visit(path="#/sign-in", viewport=PHONE)
    visitor.page.get_by_label("Token").fill("a.b.c")
    visitor.button("Sign in").click()
    visitor.sees("Your token is no longer valid.", inside="#toasts")
    expect(visitor.page.get_by_role("heading", name="Welcome to Communities")).to_be_visible()


def slow(page: sync_api.Page, per_second: int = 300_000) -> None:
    """Makes the network slow, so that progress is to be seen; in bytes a second."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": per_second,
        },
    )


def loaded(picture: sync_api.Locator) -> None:
    """Waits until a picture is not only there but was got and drawn."""
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") == 400
