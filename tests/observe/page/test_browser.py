"""The page in a real browser: what is in a snapshot is seen, by everybody, and stays text."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect
from scripted_page import Scripted, everything, nothing

from holdfast.observe.page import Page
from holdfast.observe.page.feed import MOST_STREAMS

Start = Callable[..., Page]
Look = Callable[..., Tab]

TOKEN = "a-token-of-enough-characters"
PHONE = {"width": 360, "height": 740}


def figure(tab: Tab, name: str) -> Any:
    return tab.locator("#figure-list > div", has=tab.get_by_text(name, exact=True)).locator("dd")


def test_every_part_shows_what_the_snapshot_says(page: Page, look: Look) -> None:
    tab = look(page)
    verdicts = tab.locator("#verdict-list li")
    expect(verdicts).to_have_count(5)
    expect(verdicts.first).to_contain_text("3 calls may have been executed: look at them first.")
    expect(tab.locator("#source")).to_contain_text("worker.py · pid 4821")
    expect(figure(tab, "Calls")).to_contain_text("3,912")
    expect(figure(tab, "Retries")).to_contain_text("498")
    expect(figure(tab, "Waiting")).to_contain_text("41 lane · 5 limiter · 3 backoff")
    expect(figure(tab, "Dropped")).to_contain_text("1,204")

    unsure = tab.locator("#unsure-list > li")
    expect(unsure).to_have_count(3)
    expect(unsure.first).to_contain_text("POST /v1/refunds/re_0")
    expect(unsure.first).to_contain_text("It was sent, no answer came")
    expect(unsure.first).to_contain_text("What to do: Look for a refund")

    run = tab.locator("#run-list > li")
    expect(run).to_contain_text("1,460 of 2,000")
    expect(run).to_contain_text("8 failed")
    expect(run.get_by_role("progressbar")).to_have_attribute("value", "1460")

    hot = tab.locator("#hot-rows tr")
    expect(hot).to_have_count(6)
    expect(hot.first.locator("th")).to_have_text("cus_1")
    expect(hot.first.locator("td")).to_have_text(["41", "2.30 s", "4.10 s", "1", "812", "43"])

    limits = tab.locator("#limit-list > li")
    expect(limits.first).to_contain_text("38/s of 40/s")
    expect(limits.first).to_contain_text("slowed down")
    expect(limits.first).to_contain_text("12 of 20")
    expect(limits.last).to_contain_text("No limit was told or met.")

    expect(tab.locator("#legend")).to_contain_text("locked")
    expect(tab.locator("#class-summary")).to_contain_text("Most calls waiting at once: 41")
    stops = tab.locator("#stop-list > li")
    expect(stops.first).to_contain_text("ok")
    expect(stops.nth(1)).to_contain_text("the retries allowed by max_retries were used up")


def test_a_slow_call_opens_into_its_timeline_and_stays_open(
    script: Scripted, page: Page, look: Look
) -> None:
    tab = look(page)
    call = tab.locator("#slowest-list > li").first
    call.locator("summary").click()
    expect(call).to_contain_text("waited 3.10 s in a lane, 1.24 s to be sent again")
    attempts = call.locator(".attempts li")
    expect(attempts).to_have_count(2)
    expect(attempts.first).to_contain_text("attempt 1: locked (429 lock_timeout)")
    expect(attempts.last).to_contain_text("req_")
    # A wait before each attempt; none after the last, with which the call ends.
    expect(call.locator("svg rect")).to_have_count(4)
    asked = script.asked
    while script.asked < asked + 3:
        tab.wait_for_timeout(100)
    expect(attempts.first).to_be_visible()
    script.shown["slowest"] = script.shown["slowest"][1:3]
    script.shown["slowest"][0]["seconds"] = 99.0
    expect(tab.locator("#slowest-list > li")).to_have_count(3)
    expect(attempts.first).to_be_hidden()
    expect(tab.locator("#slowest-list > li").nth(1).locator(".attempts")).to_be_visible()
    tab.locator("#slowest-list summary").nth(1).click()
    expect(tab.locator("#slowest-list > li")).to_have_count(2)


def test_bars_are_as_high_as_their_numbers(start: Start, look: Look) -> None:
    snapshot = nothing(calls=30, classes={"ok": 20, "locked": 10})
    snapshot["series"]["classes"] = {"ok": [0] * 119 + [20], "locked": [0] * 119 + [10]}
    tab = look(start(Scripted(snapshot)))
    boxes = {
        fault: tab.locator(f"#class-chart .{fault}").evaluate("path => path.getBBox().height")
        for fault in ("ok", "locked")
    }
    assert boxes["ok"] == pytest.approx(2 * boxes["locked"], rel=0.01)
    assert boxes["ok"] == pytest.approx(150 * 20 / 30, rel=0.01)
    expect(tab.locator("#class-scale")).to_have_text("30/s")


def test_the_chart_can_be_read_as_a_table_and_second_by_second(page: Page, look: Look) -> None:
    tab = look(page)
    tab.get_by_text("As a table").click()
    heads = tab.locator("#class-head th")
    expect(heads).to_have_text(
        ["Until", "ok", "locked", "throttled", "server error", "interrupted", "waiting at most"]
    )
    expect(tab.locator("#class-rows tr")).to_have_count(12)
    tab.locator("#class-chart").hover(position={"x": 3, "y": 20})
    expect(tab.locator("#class-summary")).to_have_text("119 s ago: 30 ok; 0 waiting.")


def test_a_run_that_is_over_took_as_long_as_it_took(start: Start, look: Look) -> None:
    snapshot = everything()
    began_at = snapshot["source"]["began_at"]
    over = {"kind": "journal", "live": False, "ended_at": began_at + 90, "now": began_at + 9000}
    snapshot["source"] |= over
    tab = look(start(Scripted(snapshot)))
    expect(tab.locator("#source")).to_contain_text("took 1 min 30 s · no longer running")
    expect(tab.locator("#axis")).to_contain_text("2 min before")
    expect(tab.locator("#axis span").last).to_have_text("its end")
    expect(figure(tab, "Attempts")).to_contain_text("at its end")


def test_the_command_that_sends_an_unsure_request_again_stands_by_itself(
    start: Start, look: Look
) -> None:
    snapshot = everything()
    first, *others = snapshot["unsure"]
    command = "holdfast run --retry j.sqlite --only=r-1"
    snapshot["unsure"] = [{**first, "retry": command}, *others]
    tab = look(start(Scripted(snapshot)))
    expect(tab.locator("#unsure-list .retry code").first).to_have_text(command)
    expect(tab.locator("#unsure-list .retry:visible")).to_have_count(1)


def test_nothing_is_said_well_too(start: Start, look: Look) -> None:
    tab = look(start(Scripted(nothing())))
    expect(tab.locator("#verdict-list")).to_contain_text("All quiet: no call was made yet.")
    for sentence in (
        "No call is in doubt",
        "No bulk run is under way",
        "No attempt in the last two minutes",
        "No object is contended",
        "No rate limit is in use",
        "No call has ended in the last five minutes",
        "No call has ended yet",
    ):
        expect(tab.get_by_text(sentence)).to_be_visible()
    expect(figure(tab, "Dropped")).to_have_count(0)


def test_many_unsure_calls_do_not_push_the_rest_away(start: Start, look: Look) -> None:
    snapshot = everything()
    call = snapshot["unsure"][0]
    snapshot["unsure"] = [{**call, "path": f"/v1/refunds/re_{n}"} for n in range(50)]
    snapshot["totals"]["unsure"] = 70
    tab = look(start(Scripted(snapshot)))
    expect(tab.locator("#unsure-count")).to_have_text("the newest 50 of 70")
    expect(tab.locator("#unsure-list > li")).to_have_count(3)
    tab.get_by_role("button", name="Show all 50").click()
    expect(tab.locator("#unsure-list > li")).to_have_count(50)


HOSTILE = '"><img src=x onerror="document.title=\'owned\'"><script>alert(1)</script>'


def hostile(value: Any) -> Any:
    """The same with every text, and every name of a class, that a server or a file may bring."""
    match value:
        case dict():
            return {
                key: f"{HOSTILE}{each}" if key in TEXTS else hostile(each)
                for key, each in value.items()
            }
        case list():
            return [hostile(each) for each in value]
    return value


TEXTS = {"object", "path", "name", "why", "how", "request_id", "error_code", "account", "scope"}


def test_markup_in_texts_stays_text(start: Start, look: Look) -> None:
    snapshot = hostile(everything())
    snapshot["totals"]["stops"][HOSTILE] = 5
    snapshot["totals"]["classes"][HOSTILE] = 5
    tab = look(start(Scripted(snapshot)))
    expect(tab.locator("#hot-rows th").first).to_contain_text("<script>alert(1)</script>cus_1")
    expect(tab.locator("#unsure-list > li").first).to_contain_text("<img src=x")
    expect(tab.locator("#stop-list")).to_contain_text("<img src=x")
    tab.locator("#slowest-list summary").first.click()
    assert tab.locator("main img, main script").count() == 0
    assert tab.evaluate("document.title") != "owned"
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("snapshot", [everything, nothing, lambda: hostile(everything())])
def test_a_phone_never_scrolls_sideways(
    start: Start, look: Look, snapshot: Callable[[], dict[str, Any]]
) -> None:
    tab = look(start(Scripted(snapshot())), viewport=PHONE)
    for summary in tab.locator("summary:visible").all():
        summary.click()
    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_it_goes_on_after_the_server_s_restart_and_says_what_is_old(
    script: Scripted, start: Start, look: Look
) -> None:
    page = start()
    tab = look(page)
    port = int(page.url.rstrip("/").rpartition(":")[2])
    page.close()
    expect(tab.locator("#connection")).to_have_text("Connection lost")
    expect(tab.locator("#stale")).to_contain_text("The connection is lost.")
    expect(tab.locator("#stale")).to_contain_text("What you see is")
    expect(tab.locator("#announcer")).to_contain_text("The connection is lost.")
    script.shown["totals"]["calls"] = 4000
    start(port=port)
    expect(tab.locator("#connection")).to_have_text("Live")
    expect(tab.locator("#stale")).to_be_hidden()
    expect(figure(tab, "Calls")).to_contain_text("4,000")


def test_a_source_that_fails_is_told_and_comes_back(
    script: Scripted, page: Page, look: Look
) -> None:
    script.failure = FileNotFoundError("there is no journal at runs/journal.sqlite yet")
    tab = look(page, live=False)
    expect(tab.locator("#stale")).to_have_text("there is no journal at runs/journal.sqlite yet")
    expect(tab.locator("#connection")).to_have_text("No figures")
    script.failure = None
    expect(tab.locator("#connection")).to_have_text("Live")
    expect(figure(tab, "Calls")).to_contain_text("3,912")


def test_pause_keeps_the_picture_and_asks_for_nothing(
    script: Scripted, page: Page, look: Look
) -> None:
    tab = look(page)
    pause = tab.get_by_role("button", name="Pause")
    pause.click()
    expect(pause).to_have_attribute("aria-pressed", "true")
    expect(tab.locator("#connection")).to_contain_text("Paused at")
    script.shown["totals"]["calls"] = 4000
    tab.wait_for_timeout(1000)
    asked = script.asked
    tab.wait_for_timeout(1500)
    assert script.asked == asked
    expect(figure(tab, "Calls")).to_contain_text("3,912")
    pause.click()
    expect(figure(tab, "Calls")).to_contain_text("4,000")


def test_more_pages_than_streams_are_all_kept_up_to_date(
    script: Scripted, page: Page, look: Look, listen: Callable[..., Any]
) -> None:
    for _ in range(MOST_STREAMS):
        next(listen(page).snapshots())
    tab = look(page)
    expect(figure(tab, "Calls")).to_contain_text("3,912")
    script.shown["totals"]["calls"] = 4000
    expect(figure(tab, "Calls")).to_contain_text("4,000")


def test_the_theme_follows_the_system_until_one_is_chosen_and_is_kept(
    page: Page, look: Look
) -> None:
    tab = look(page, color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = tab.evaluate(ground)
    tab.emulate_media(color_scheme="light")
    light = tab.evaluate(ground)
    assert light != dark
    theme = tab.locator("#theme")
    expect(theme).to_have_text("Auto colours")
    theme.click()
    theme.click()
    expect(theme).to_have_text("Dark colours")
    assert tab.evaluate(ground) == dark
    tab.reload()
    expect(theme).to_have_text("Dark colours")
    assert tab.evaluate(ground) == dark
    theme.click()
    assert tab.evaluate(ground) == light


def test_the_form_takes_the_token_and_never_shows_it(start: Start, look: Look) -> None:
    page = start(token=TOKEN)
    tab = look(page, live=False)
    box = tab.get_by_label("Token of this page")
    expect(box).to_be_focused()
    box.fill(f"{TOKEN}-wrong")
    box.press("Enter")
    expect(tab.get_by_role("status")).to_have_text("this is not the token")
    box.fill(TOKEN)
    tab.get_by_role("button", name="Look").click()
    expect(figure(tab, "Calls")).to_contain_text("3,912")
    assert TOKEN not in tab.evaluate("document.cookie + location.href")


def test_a_token_after_the_hash_is_taken_and_wiped(start: Start, look: Look) -> None:
    page = start(token=TOKEN)
    tab = look(page, at=f"#token={TOKEN}")
    assert tab.evaluate("location.href") == page.url
    tab.goto(f"{page.url}?again#token={TOKEN}")
    expect(figure(tab, "Calls")).to_contain_text("3,912")
    assert TOKEN not in tab.evaluate("location.href")


def test_a_page_that_is_open_asks_again_when_the_token_has_changed(
    start: Start, look: Look
) -> None:
    page = start(token=TOKEN)
    port = int(page.url.rstrip("/").rpartition(":")[2])
    tab = look(page, at=f"#token={TOKEN}")
    page.close()
    start(port=port, token=f"{TOKEN}-new")
    expect(tab.get_by_label("Token of this page")).to_be_visible()
