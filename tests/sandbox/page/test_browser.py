"""The page in a real browser: it shows what the sandbox has, and its buttons do what they say."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from holdfast.sandbox import Sandbox

Call = Callable[..., Any]
Customer = Callable[[Sandbox], str]
Open = Callable[[Sandbox], Page]
Until = Callable[[Callable[[], bool]], None]


def test_requests_appear_while_one_looks(box: Sandbox, call: Call, open_page: Open) -> None:
    page = open_page(box)
    expect(page.locator("#no-requests")).to_be_visible()
    made = call(box, "POST", "/v1/customers", {"name": "x"})
    box.fault("GET", "/v1/charges", "html_503")
    call(box, "GET", "/v1/charges")
    rows = page.locator("#request-rows tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("GET /v1/charges")
    expect(rows.nth(0)).to_contain_text("503")
    expect(rows.nth(0)).to_contain_text("fault html_503")
    expect(rows.nth(1)).to_contain_text(made.headers["Request-Id"])
    expect(page.locator("#ledger-rows tr")).to_have_count(1)
    expect(page.locator("#counters div", has_text="Requests")).to_contain_text("2")

    page.get_by_label("trouble only").check()
    expect(rows.filter(visible=True)).to_have_count(1)
    page.get_by_label("trouble only").uncheck()
    page.get_by_label("Filter").fill("customers")
    expect(rows.filter(visible=True)).to_contain_text(["POST /v1/customers"])


def test_a_lock_is_held_from_the_page_and_whoever_waits_is_seen(
    start: Callable[..., Sandbox], call: Call, customer: Customer, open_page: Open, until: Until
) -> None:
    box = start(lock_wait=60, hold=0)
    name = customer(box)
    page = open_page(box)
    form = page.locator("#hold-form")
    form.get_by_label("Object").fill(name)
    form.get_by_label("Seconds").fill("3")
    form.get_by_role("button", name="Hold").click()
    until(lambda: box.stats()["locks_held"] == 1)
    waiting = threading.Thread(
        target=lambda: call(box, "POST", f"/v1/customers/{name}", {"name": "y"})
    )
    waiting.start()
    rows = page.locator("#lock-rows tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("a holder from outside")
    expect(rows.nth(1)).to_contain_text(f"POST /v1/customers/{name}")
    expect(rows.nth(1)).to_contain_text("waiting")
    expect(page.locator("#lock-counts")).to_have_text("1 held, 1 waiting")
    waiting.join()
    expect(page.locator("#no-locks")).to_be_visible()
    expect(page.locator("#said")).to_have_text(f"{name} is held for 3 s.")
    slow = page.locator("#request-rows tr").nth(0)
    expect(slow.locator("td").nth(4)).to_contain_text(" s")


def test_a_fault_is_injected_and_cleared_from_the_page(
    box: Sandbox, call: Call, open_page: Open
) -> None:
    page = open_page(box)
    form = page.locator("#fault-form")
    form.get_by_label("Method").select_option("GET")
    form.get_by_label("Path").fill("/v1/customers")
    form.locator("[name=fault]").select_option("error_500")
    form.get_by_label("Times").fill("2")
    form.get_by_role("button", name="Inject").click()
    expect(page.locator("#faults li")).to_have_text(["GET /v1/customers: error_500 x 2"])
    assert call(box, "GET", "/v1/customers").status == 500
    expect(page.locator("#faults li")).to_have_text(["GET /v1/customers: error_500 x 1"])
    page.get_by_role("button", name="Clear all").click()
    expect(page.locator("#faults li")).to_have_count(0)
    assert call(box, "GET", "/v1/customers").status == 200

    form.locator("[name=fault]").select_option("latency")
    form.get_by_label("Seconds").fill("0")
    form.get_by_role("button", name="Inject").click()
    expect(page.locator("#said")).to_contain_text("seconds is 0")


def test_objects_are_browsed_and_followed(box: Sandbox, call: Call, open_page: Open) -> None:
    name = call(box, "POST", "/v1/customers", {"name": "First"}).json["id"]
    call(box, "POST", "/v1/customers", {"name": "Second"})
    charge = {"amount": "100", "currency": "usd", "customer": name}
    intent = call(box, "POST", "/v1/payment_intents", charge).json["id"]
    page = open_page(box)
    page.locator("#kind").select_option(label="customer (2)")
    expect(page.locator("#objects li")).to_contain_text(["Second", "First"])
    page.get_by_label("Id", exact=True).fill(intent)
    page.get_by_role("button", name="Look").click()
    expect(page.locator("#object-title")).to_have_text(f"payment_intent {intent}")
    page.locator("#object-data").get_by_role("button", name=name).click()
    expect(page.locator("#object-title")).to_have_text(f"customer {name}")
    expect(page.locator("#object-data")).to_contain_text('"name": "First"')
    page.get_by_role("button", name="Hold its lock").click()
    expect(page.locator("#hold-form").get_by_label("Object")).to_have_value(name)
    page.get_by_label("Id", exact=True).fill("cus_nobody")
    page.get_by_role("button", name="Look").click()
    expect(page.locator("#said")).to_have_text("There is no object cus_nobody.")


HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'


def test_markup_in_data_stays_text(box: Sandbox, call: Call, open_page: Open) -> None:
    made = call(box, "POST", "/v1/customers", {"name": HOSTILE, "metadata[<b>k]": HOSTILE}).json
    call(box, "POST", "/v1/customers/<img%20src=x%20onerror=alert(1)>", {"name": HOSTILE})
    held = '"><img src=x onerror=alert(1)>'
    box.hold_lock(held, 60)
    page = open_page(box)
    expect(page.locator("#objects li")).to_contain_text([HOSTILE])
    expect(page.locator("#lock-rows")).to_contain_text(held)
    expect(page.locator("#request-rows")).to_contain_text("onerror=alert(1)")
    page.locator("#objects").get_by_role("button", name=made["id"]).click()
    expect(page.locator("#object-data")).to_contain_text("<b>k")
    assert page.locator("img, main script, b, [onerror]").count() == 0
    assert page.title() == "Holdfast sandbox"


def test_the_policy_stops_code_even_if_it_got_in(box: Sandbox, browser: Any) -> None:
    page = browser.new_page()
    page.goto(f"{box.url}/_sandbox/")
    tried = page.evaluate(
        """() => {
            const script = document.createElement("script");
            try { script.textContent = "document.title = 'owned'"; } catch (error) {
                return error.name;
            }
            document.body.append(script);
            return "appended";
        }"""
    )
    assert tried == "TypeError"
    assert page.title() == "Holdfast sandbox"
    page.close()


def test_the_clock_is_moved_from_the_page(box: Sandbox, call: Call, open_page: Open) -> None:
    before = call(box, "GET", "/_sandbox/clock").json["now"]
    page = open_page(box)
    expect(page.locator("#clock")).to_contain_text("UTC")
    page.get_by_label("Forward by").fill("25h")
    page.get_by_role("button", name="Move").click()
    expect(page.locator("#said")).to_have_text("The clock was moved forward by 25h.")
    assert call(box, "GET", "/_sandbox/clock").json["now"] >= before + 25 * 3600
    page.get_by_label("Forward by").fill("a while")
    page.get_by_role("button", name="Move").click()
    expect(page.locator("#said")).to_contain_text("'a while'")
    expect(page.locator("#said")).to_have_class("bad")


def test_the_sandbox_is_reset_from_the_page_once_that_is_confirmed(
    box: Sandbox, call: Call, customer: Customer, open_page: Open
) -> None:
    customer(box)
    page = open_page(box)
    expect(page.locator("#objects button")).to_have_count(1)
    page.get_by_role("button", name="Reset …").click()
    page.get_by_role("button", name="Keep them").click()
    expect(page.locator("#reset-dialog")).to_be_hidden()
    assert len(box.ledger()) == 1
    page.get_by_role("button", name="Reset …").click()
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(page.locator("#said")).to_have_text("The sandbox starts over.")
    assert (box.ledger(), box.objects("customer")) == ([], [])
    expect(page.locator("#ledger-rows tr")).to_have_count(0)
    expect(page.locator("#objects")).to_have_text("There are no objects.")
    name = customer(box)
    expect(page.locator("#ledger-rows tr")).to_contain_text([name])


def test_what_the_sandbox_cannot_do_is_said_in_a_sentence(box: Sandbox, open_page: Open) -> None:
    page = open_page(box)
    page.route("**/_sandbox/clock", lambda route: route.fulfill(status=404, json={}))
    page.route("**/_sandbox/reset", lambda route: route.fulfill(status=404, json={}))
    page.get_by_role("button", name="Move").click()
    expect(page.locator("#said")).to_have_text("This sandbox has no clock that can be moved.")
    page.get_by_role("button", name="Reset …").click()
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(page.locator("#said")).to_have_text("This sandbox cannot be reset.")


def test_everything_can_be_done_from_the_keyboard(
    box: Sandbox, customer: Customer, open_page: Open, until: Until
) -> None:
    name = customer(box)
    page = open_page(box)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the requests")).to_be_focused()
    reached: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        place = "document.activeElement.id || document.activeElement.name"
        reached.append(page.evaluate(place) or page.evaluate("document.activeElement.textContent"))
    for wanted in ("pause", "request-filter", "object", "Hold", "path", "clear-faults", "reset"):
        assert wanted in reached
    page.locator("#hold-form").get_by_label("Object").focus()
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    until(lambda: box.stats()["locks_held"] == 1)
    page.locator("#reset").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep them")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#reset-dialog")).to_be_hidden()
    assert len(box.ledger()) == 1


def test_it_pauses_and_goes_on(box: Sandbox, customer: Customer, open_page: Open) -> None:
    page = open_page(box)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#connection")).to_have_text("Paused")
    customer(box)
    page.wait_for_timeout(1200)  # more than two questions would take
    expect(page.locator("#request-rows tr")).to_have_count(0)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#request-rows tr")).to_have_count(1)


def test_a_sandbox_that_went_and_came_back_is_shown_anew(
    start: Callable[..., Sandbox], customer: Customer, open_page: Open
) -> None:
    box = start(hold=0)
    customer(box)
    customer(box)
    page = open_page(box)
    expect(page.locator("#request-rows tr")).to_have_count(2)
    box.stop()
    expect(page.locator("#connection")).to_contain_text("does not answer")
    again = start(hold=0, port=box.port)
    name = customer(again)
    expect(page.locator("#ledger-rows tr")).to_have_count(1)
    expect(page.locator("#ledger-rows tr")).to_contain_text([name])
    expect(page.locator("#request-rows tr")).to_have_count(1)
    expect(page.locator("#connection")).to_have_text("Live")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_it_fits_and_can_be_read(
    box: Sandbox, call: Call, open_page: Open, scheme: Any, width: int
) -> None:
    call(box, "POST", "/v1/customers", {"name": "x" * 200})
    call(box, "GET", "/v1/customers/" + "y" * 300)
    page = open_page(box)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    expect(page.locator("#request-rows tr")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in ("body", ".faint", ".good", "#said", "th", "button.link", "#hold-form button"):
        assert page.evaluate(CONTRAST, selector) >= 4.5, selector


CONTRAST = """(selector) => {
    const element = document.querySelector(selector);
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const ground = (one) => {
        for (; one; one = one.parentElement) {
            const colour = parts(getComputedStyle(one).backgroundColor);
            if (colour.length === 3 || colour[3] > 0) return colour;
        }
        return [255, 255, 255];
    };
    const light = (colour) => {
        const [r, g, b] = colour.slice(0, 3).map((one) => {
            const share = one / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [one, other] = [parts(getComputedStyle(element).color), ground(element)].map(light);
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}"""
