"""The page in a real browser: what it shows is what there is, live, and what it changes changes."""

import json
import os
from pathlib import Path
from urllib.parse import quote

import browser as browsers
import pytest
from admin_client import AT_ANY_PORT, TOKEN, Admin
from browser import Browser
from events import create, done
from waits import eventually

pytestmark = pytest.mark.skipif(
    browsers.find() is None, reason="NOT TESTED: the page, for there is no Chromium; "
    "apt-get install chromium-headless-shell")


@pytest.fixture
def page(world, tmp_path):
    collector = world.make().collector(*AT_ANY_PORT).start()
    admin = Admin.of(collector)
    collector.ready()
    folder = tmp_path / "browser"
    folder.mkdir()
    one = Browser(folder)
    one.address = f"http://127.0.0.1:{admin.port}/"
    one.admin = admin
    yield one
    one.close()


def shows(page, selector, *texts):
    eventually(lambda: all(text in page.text(selector) for text in texts),
               lambda: f"{selector} shows {texts}: {page.text(selector)!r}; {page.errors}")


def test_the_page_is_live(world, page):
    page.open(page.address)
    shows(page, "#state", "ready")
    shows(page, "#topic", world.topic)
    shows(page, "#open", "0")
    sender, tail = world.sender(), world.tail()
    sender.send(create("stays", '["a","b"]', ttl="3600"), "stays")
    sender.send(create("ends", "[]"), "ends")
    sender.send("no json", "x")
    sender.flush()
    tail.outcomes("ends")
    shows(page, "#open", "1")
    shows(page, "#outcomes", "success\t1")
    shows(page, "#codes", "json\t1")
    shows(page, "#partitions", "live")
    shows(page, "#next", "min")
    assert not page.errors, page.errors


def test_groups_are_found_and_one_is_seen_in_full(world, page):
    sender = world.sender()
    for number in range(120):
        sender.send(create(f"group-{number}", '["a"]', ttl="3600"), f"group-{number}")
    evil = "<img src=x onerror=document.title='evil'>"
    sender.send(create(evil, '["a"]', ttl="3600"), evil)
    sender.send(done("group-7", "a2"), "group-7")
    sender.flush()
    eventually(lambda: len(page.admin.all_groups()) == 121, "all are open")
    page.open(page.address)
    shows(page, "#shown", "50 shown")
    page.click("#more")
    shows(page, "#shown", "100 shown")
    page.fill("#filter [name=prefix]", "<img")
    page.click("#filter button")
    shows(page, "#shown", "1 shown")
    shows(page, "#groups", evil)
    page.run(f"location.hash = {json.dumps('#' + quote(evil, safe=''))}; 0")
    shows(page, "#group-id", evil)
    shows(page, "#facts", "missing", "fail-fast")
    assert page.run("document.title") == "muster-collector"
    assert page.run("document.querySelectorAll('img').length") == 0
    page.run("location.hash = '#nobody'; 0")
    shows(page, "#message", "no such group")


def test_a_group_is_extended_and_cancelled(world, page):
    sender, tail = world.sender(), world.tail()
    sender.put(create("trip-1", '["flight","hotel"]', ttl="3600"), "trip-1")
    sender.put(done("trip-1", "flight"), "trip-1")
    eventually(lambda: page.admin.group("trip-1").status == 200, "it is known")
    page.open(page.address + "#trip-1")
    shows(page, "#facts", "flight, hotel")
    page.click("#cancel")
    shows(page, "#message", "token")
    assert page.admin.group("trip-1").json["state"] == "open"
    page.fill("#change [name=token]", TOKEN)
    page.fill("#change [name=ttl]", "9000")
    page.click("#extend")
    shows(page, "#message", "Sent: " + world.topic)
    eventually(lambda: page.admin.group("trip-1").json["remaining"] > 8000, "it is extended")
    shows(page, "#state", "ready")
    if picture := os.environ.get("MUSTER_SCREENSHOT"):
        page.screenshot(Path(picture))
    page.fill("#change [name=reason]", "by the page")
    page.click("#cancel")
    shows(page, "#facts", "closed")
    [outcome] = tail.outcomes("trip-1")
    assert json.loads(outcome)["error"] == "by the page"
    assert len(page.dialogs) == 3 and all("trip-1" in one for one in page.dialogs)
