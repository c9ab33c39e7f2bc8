"""The HTML block says what the text says, folds the decisions, and is safe wherever it is shown."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.render.html import html
from meshsim.render.notebook import bundle
from meshsim.render.options import Options
from meshsim.render.text import text
from tests.render.builders import a_call, a_decision, a_report, a_rich_report

OPTIONS = Options(locate=lambda place: place.at_line(42))
TAG = re.compile(r"<[^>]*>")


def visible(block: str) -> str:
    return unescape(TAG.sub("", block))


class Tags(HTMLParser):
    """The elements of a block, and whether each is closed in its turn."""

    def __init__(self, block: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(block)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes.update(name for name, _value in attrs)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_it_begins_with_what_the_text_says() -> None:
    report = a_rich_report()
    assert visible(html(evolve(report, decisions=None), OPTIONS)) == text(report, OPTIONS).rstrip("\n")


def test_each_decision_is_folded_and_the_cause_is_marked() -> None:
    decision = a_decision()
    block = html(a_report(decisions=(decision, a_decision(stage="chain")), cause=decision), OPTIONS)
    folded = block.split("<details>")[1:]
    assert len(folded) == 2
    assert ["(cause)" in fold for fold in folded] == [True, False]
    assert "nearly" in visible(folded[0])
    assert "sleep/config_dump.json:42" in folded[0]


def test_a_secret_stays_one() -> None:
    report = a_report(call=a_call(path="/reviews/1?api_key=hunter22222"), decisions=(a_decision(),))
    assert "hunter22222" not in html(report, OPTIONS)
    assert "hunter22222" in html(report, evolve(OPTIONS, show_secrets=True))


@settings(max_examples=60)
@given(st.text(max_size=40) | st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=y>', "</pre>&amp;"]))
def test_nothing_a_user_wrote_becomes_markup(written: str) -> None:
    decision = a_decision(pod=written)
    block = html(a_report(call=a_call(authority=written or "x"), decisions=(decision,), cause=decision), OPTIONS)
    tags = Tags(block)
    assert tags.open == []
    assert tags.names == {"div", "pre", "span", "details", "summary", "b"}
    assert tags.attributes == {"style"}


def test_a_notebook_gets_the_short_text_beside_the_block() -> None:
    report = a_report(decisions=(a_decision(),))
    shown = bundle(report, evolve(OPTIONS, depth=2))
    assert shown == {"text/plain": text(report, OPTIONS), "text/html": html(report, OPTIONS)}
