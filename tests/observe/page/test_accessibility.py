"""By keyboard, by ear and by axe-core, in light and dark."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from browsing import violations
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect
from scripted_page import Scripted, everything, nothing

from holdfast.observe.page import Page

Start = Callable[..., Page]
Look = Callable[..., Tab]


@pytest.mark.parametrize(
    ("snapshot", "scheme", "width"),
    [
        (everything, "light", 1280),
        (everything, "dark", 360),
        (nothing, "dark", 1280),
        (nothing, "light", 360),
    ],
)
def test_axe_finds_no_violation(
    start: Start,
    look: Look,
    scheme: str,
    width: int,
    snapshot: Callable[[], dict[str, Any]],
) -> None:
    page = start(Scripted(snapshot()))
    size = {"width": width, "height": 800}
    tab = look(page, color_scheme=scheme, viewport=size, reduced_motion="reduce")
    for summary in tab.locator("summary:visible").all():
        summary.click()
    assert violations(tab) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_when_lost_or_paused_or_asked_for_a_token(
    script: Scripted, start: Start, look: Look, scheme: str
) -> None:
    page = start()
    lost, paused = (look(page, color_scheme=scheme, reduced_motion="reduce") for _ in range(2))
    paused.get_by_role("button", name="Pause").click()
    script.failure = FileNotFoundError("there is no journal yet")
    expect(lost.locator("#stale")).to_be_visible()
    assert violations(paused) == []
    assert violations(lost) == []
    form = look(start(token="a-token-of-enough-characters"), live=False, color_scheme=scheme)
    assert violations(form) == []


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(page: Page, look: Look) -> None:
    tab = look(page)
    tab.keyboard.press("Tab")
    expect(tab.locator(":focus")).to_have_text("Skip to the verdict")
    expect(tab.locator(":focus")).to_be_in_viewport()
    seen = []
    for _ in range(60):
        tab.keyboard.press("Tab")
        focused = tab.locator(":focus")
        if not focused.count() or focused.evaluate("e => e.matches('.skip')"):
            break
        outline = focused.evaluate("e => getComputedStyle(e).outlineStyle")
        assert outline == "solid"
        seen.append(focused.evaluate("e => e.id || e.closest('[id]').id"))
    order = list(dict.fromkeys(seen))
    assert order == [
        "pause",
        "theme",
        "verdict-list",
        "unsure-list",
        "class-details",
        "slowest-list",
    ]


def test_the_keyboard_opens_a_timeline_and_keeps_its_place(
    script: Scripted, page: Page, look: Look
) -> None:
    tab = look(page)
    summary = tab.locator("#slowest-list summary").first
    summary.focus()
    tab.keyboard.press("Enter")
    expect(tab.locator("#slowest-list .attempts").first).to_be_visible()
    asked = script.asked
    while script.asked < asked + 3:
        tab.wait_for_timeout(100)
    expect(summary).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator("#slowest-list .attempts").first).to_be_hidden()


def test_a_verdict_leads_to_its_part(page: Page, look: Look) -> None:
    tab = look(page, viewport={"width": 1000, "height": 500})
    link = tab.locator("#verdict-list a", has_text="cus_1 is hot")
    link.focus()
    tab.keyboard.press("Enter")
    expect(tab.locator("#hot")).to_be_focused()
    expect(tab.locator("#hot-title")).to_be_in_viewport()


def test_landmarks_and_headings_are_there(page: Page, look: Look) -> None:
    tab = look(page)
    for role in ("banner", "main", "contentinfo"):
        expect(tab.get_by_role(role)).to_have_count(1)
    expect(tab.get_by_role("heading", level=1)).to_have_text("Holdfast")
    headings = tab.get_by_role("heading", level=2)
    assert headings.all_text_contents() == [
        "Verdict",
        "Figures",
        "Unsure calls",
        "Bulk runs",
        "Attempts by outcome",
        "Hot objects",
        "Slowest calls",
        "Rate against limit",
        "Why calls ended",
    ]
    for name in headings.all_text_contents():
        expect(tab.get_by_role("region", name=name, exact=True)).to_have_count(1)
    expect(tab.get_by_role("img", name="In the last two minutes:")).to_have_count(1)
    expect(tab.get_by_role("table").get_by_role("rowheader").first).to_have_text("cus_1")


def test_the_ear_hears_another_verdict_and_no_moving_number(
    script: Scripted, start: Start, look: Look
) -> None:
    script.shown = nothing(in_flight=3)
    tab = look(start())
    tab.evaluate(
        "() => { window.heard = []; new MutationObserver(() => heard.push("
        "document.getElementById('announcer').textContent)).observe("
        "document.getElementById('announcer'), { childList: true, characterData: true,"
        " subtree: true }); }"
    )
    for number in range(4):
        script.shown = nothing(in_flight=number + 10)
        tab.wait_for_timeout(600)
    assert tab.evaluate("heard") == []
    script.shown = everything()
    announcer = tab.locator("#announcer")
    expect(announcer).to_contain_text("3 calls may have been executed: look at them first.")
    for number in range(4):
        script.shown["totals"]["unsure"] = number + 4
        tab.wait_for_timeout(600)
    assert len(tab.evaluate("heard")) == 1
    expect(tab).to_have_title(re.compile("7 calls may have been executed: look at them first"))


def test_motion_stops_for_whoever_wants_none(page: Page, look: Look) -> None:
    tab = look(page, reduced_motion="reduce")
    moving = "document.getAnimations().length"
    assert tab.evaluate(moving) == 0
    tab.emulate_media(reduced_motion="no-preference")
    assert tab.evaluate(moving) > 0
