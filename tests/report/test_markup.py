"""Whatever a text holds, it is text."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.report.markup import Markup, element, joined
from holdfast.report.texts import middle_cut, plural, shown


@given(st.text())
def test_a_text_never_becomes_markup(text: str) -> None:
    made = element("p", text, title=text)
    assert made.count("<") == 2
    assert made.count(">") == 2
    assert made.count('"') == 2


def test_attributes_and_children() -> None:
    made = element("a", "x & y", [element("b", "z"), "!"], class_="c", aria_label="l", open=True)
    assert made == '<a class="c" aria-label="l" open>x &amp; y<b>z</b>!</a>'
    assert element("meta", name="n", content=None) == '<meta name="n">'
    assert isinstance(joined("<", Markup("<")), Markup)
    assert joined("<", Markup("<")) == "&lt;<"


def test_nothing_invisible_is_shown() -> None:
    assert shown("a\x00b\x1b[31m\u202ec\u2066d\u200be\ud800 \r\n\n e\n") == (
        "a\\x00b\\x1b[31m\\u202ec\\u2066d\\u200be\\ud800 e "
    )
    assert shown("Zürich 東京 🦊") == "Zürich 東京 🦊"


def test_secrets_are_not_shown() -> None:
    assert "4eC39HqLyjWDarj" not in shown("no access with sk_live_4eC39HqLyjWDarjtT1zdp7dc")


def test_long_texts_are_cut() -> None:
    assert shown("x" * 1000) == "x" * 299 + "…"
    assert middle_cut("cus_0001", 8) == "cus_0001"
    assert middle_cut("cus_00000001", 8) == "cus_…001"
    assert (plural(1, "retry", "retries"), plural(1200, "line")) == ("1 retry", "1,200 lines")
