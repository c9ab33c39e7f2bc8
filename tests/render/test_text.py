"""The text answer: a fixed layout that is safe to print and fits its page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import meshsim
from meshsim.explanation import Candidate, Check, Fate
from meshsim.facts.answer import Answer
from meshsim.facts.call import Call
from meshsim.facts.conversation import ClientTls
from meshsim.outcome import Outcome
from meshsim.place import Place
from meshsim.reasons import because
from meshsim.render.checks_text import check_text
from meshsim.render.options import Options
from meshsim.render.page import Page, printable
from meshsim.render.redact import Redactor
from meshsim.render.text import text
from meshsim.report import Attempt, ChoiceOption, ChoiceReport, Resolution
from tests.golden_files import check_golden
from tests.render.builders import a_call, a_decision, a_hop, a_report, a_rich_report


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_the_layout(depth: int, request: pytest.FixtureRequest) -> None:
    options = Options(depth=depth, now=datetime(2025, 3, 1, tzinfo=UTC), locate=lambda place: place.at_line(42))
    check_golden(f"renderer-depth-{depth}.txt", text(a_rich_report(), options), request)


def test_the_outcome_is_the_first_line() -> None:
    outcome = Outcome(
        "replied",
        because("wire.outside", destination="x"),
        status=502,
        response_code_details="direct_response",
        answered_by=0,
    )
    first = text(a_report(outcome=outcome), Options()).splitlines()[0]
    assert first.startswith("replied 502 by the proxy of sleep: ")
    assert first.endswith("(direct_response)")


def test_the_cause_names_file_and_line_where_they_are_known() -> None:
    assert "sleep/config_dump.json:42" in text(a_report(), Options(locate=lambda place: place.at_line(42)))
    assert "sleep/config_dump.json#/configs/4/1" in text(a_report(), Options())


def test_a_near_miss_stands_beside_the_cause() -> None:
    page = text(a_report(), Options())
    assert "nearly for-tom: header x-user wants tom, sees jason" in page
    assert "far-0" not in page


def test_verbose_names_losers_near_misses_first_and_counts_the_rest() -> None:
    page = text(a_report(decisions=(a_decision(),)), Options(depth=1))
    assert page.index("route for-tom") < page.index("route far-0")
    assert "and 3 more that lost" in page
    assert "and 1 not asked" in page


def test_a_trivial_decision_is_folded_until_everything_is_asked_for() -> None:
    report = a_report(decisions=(a_decision(trivial=True),))
    assert "route for-tom" not in text(report, Options(depth=1))
    assert "route for-tom" in text(report, Options(depth=2))


def test_hops_stand_between_the_packets_that_opened_and_left_them() -> None:
    first = a_report().netfilter[0]
    second = evolve(first, from_hop=0, to_hop=None, sender="proxy", result="wire", destination="10.80.3.111:9080")
    page = text(a_report(netfilter=(first, second)), Options())
    assert page.index("from the application") < page.index("hop 0") < page.index("from the proxy")


def test_a_hop_without_a_packet_is_not_lost() -> None:
    assert "hop 0" in text(a_report(netfilter=()), Options())


def test_the_demo_says_so_and_has_no_age() -> None:
    page = text(a_report(demo=True), Options(now=datetime(2026, 1, 1, tzinfo=UTC)))
    assert "the embedded demo mesh" in page
    assert "ago" not in page


@pytest.mark.parametrize(
    ("now", "age"),
    [
        (datetime(2025, 2, 17, 14, 50, tzinfo=UTC), "(just now)"),
        (datetime(2025, 2, 17, 20, 50, tzinfo=UTC), "(6 hours ago)"),
        (datetime(2025, 3, 1, tzinfo=UTC), "(11 days ago)"),
    ],
)
def test_the_age_of_the_configuration(now: datetime, age: str) -> None:
    assert age in text(a_report(), Options(now=now, width=200))


def test_a_clock_before_the_configuration_says_nothing() -> None:
    assert "ago" not in text(a_report(), Options(now=datetime(2020, 1, 1, tzinfo=UTC)))


def test_colour_only_when_asked() -> None:
    assert "\x1b[" not in text(a_report(), Options())
    assert "\x1b[" in text(a_report(), Options(color=True))


def test_colour_changes_no_text() -> None:
    import re

    painted = text(a_rich_report(), Options(depth=2, color=True))
    assert re.sub(r"\x1b\[\d+m", "", painted) == text(a_rich_report(), Options(depth=2))


def test_ascii_where_the_output_knows_no_more() -> None:
    page = text(a_report(hops=(a_hop(cluster="größe"),)), Options(unicode=False, depth=2))
    assert page.isascii()
    assert "->" in page


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_nothing_from_a_file_can_steer_the_terminal(name: str) -> None:
    hop = a_hop(cluster=name, virtual_host=name, origin={"route": name})
    page = text(a_report(hops=(hop,), call=a_call(path="/" + name)), Options())
    assert not [c for c in page if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160)]


def test_control_characters_are_spelled_out() -> None:
    assert printable("a\x1b[31m\u202eb\r\n\tc\n") == "a\\x1b[31m\\u202eb c"


@given(st.lists(st.text("abc |", min_size=1, max_size=30), min_size=1, max_size=12), st.integers(60, 200))
@settings(max_examples=100, deadline=None)
def test_wrapped_lines_fit_and_lose_no_word(words: list[str], width: int) -> None:
    page = Page(Options(width=width))
    page.entry("label", " ".join(words), indent=4)
    assert page.text().split() == ["label", *" ".join(words).split()]
    assert all(len(line) <= width for line in page.text().splitlines())


def test_a_place_is_shown_as_it_is_where_nothing_can_find_its_line() -> None:
    outcome = Outcome("refused", because("hook.refused", Place("rules.v4", (), 12), destination="x"))
    assert "rules.v4:12" in text(a_report(outcome=outcome, cause=None), Options())


@pytest.mark.parametrize(
    ("result", "by", "shown"),
    [
        ("wire", None, "leaves on lo for 127.0.0.1:15001"),
        ("refused", None, "127.0.0.1:15001 on lo: no socket, refused"),
        ("dropped", "filter/INPUT/3", "dropped by filter/INPUT/3"),
        ("rejected", "filter/INPUT/policy", "rejected by filter/INPUT/policy"),
        ("lost", "route", "lost by route"),
    ],
)
def test_how_a_packet_ends(result: str, by: str | None, shown: str) -> None:
    passage = evolve(a_report().netfilter[0], result=result, by=by, socket=None, to_hop=None)
    assert shown in text(a_report(netfilter=(passage,)), Options(width=200))


@pytest.mark.parametrize("by", ["resolve-option", "host-facts", "dns-proxy", "service", "assumed"])
def test_every_way_to_resolve_a_name_has_words(by: str) -> None:
    resolution = Resolution("reviews", (), ("10.0.0.5", "10.0.0.6"), "10.0.0.5", by)
    page = text(a_report(resolution=resolution), Options())
    assert "reviews → 10.0.0.5 (" in page
    assert "also 10.0.0.6" in page


def test_the_words_of_a_check() -> None:
    redactor = Redactor(active=True)
    assert check_text(Check("finding", None, "found-http", True), redactor) == "finding: found-http"
    assert check_text(Check("header x", None, None, True), redactor) == "header x nothing: yes, nothing"
    assert check_text(Check("path", "/a", "/b", False), redactor) == "path wants /a, sees /b"


def test_only_a_loser_that_also_passed_something_was_near() -> None:
    passed, failed = Check("path", "/", "/", True), Check("header x", "a", "b", False)
    far = Candidate("far", "route", Fate.FAILED, (failed,))
    near = Candidate("", "route", Fate.FAILED, (passed, failed))
    page = text(a_report(decisions=(a_decision(candidates=(far, near)),)), Options(depth=1))
    assert "nearly     route (no name): header x" in page
    assert "failed     route far: header x" in page


def test_endpoints_no_input_states_are_said_once_with_the_remedy() -> None:
    reason = because("endpoints-not-in-dump", cluster="outbound|80||a", discovery="EDS")
    outcome = Outcome("forwarded", because("endpoint.unstated", cluster="outbound|80||a"), client_sees=None)
    page = text(a_report(outcome=outcome, assumptions=(reason,)), Options())
    assert page.count("config_dump?include_eds") == 1
    assert page.splitlines()[0].endswith("outbound|80||a; which one no input says")


def page_of(**fields: object) -> str:
    return text(meshsim.load_demo().trace(Call(**fields)).report(), Options())  # type: ignore[arg-type]


def test_tls_that_only_passes_through_is_not_called_plaintext() -> None:
    passed = page_of(destination="10.0.0.5:443", tls=ClientTls("a.example"))
    assert "    tls       the client's own\n" in passed
    assert "    tls       plaintext\n" in page_of(destination="10.0.0.5:443")


def test_a_found_listener_is_not_the_cause_of_what_its_cluster_lacks() -> None:
    assert "cause     cluster BlackHoleCluster has no endpoints" in page_of(destination="127.0.0.1:15001")


def test_a_call_that_meets_no_rules_and_no_proxy_has_no_path() -> None:
    assert "path\n" not in page_of(destination="10.0.0.5:80", from_="outside")


def test_a_choice_that_is_assumed_is_told_once() -> None:
    why = because("filter.opaque", Place("dump.json"), filter="lua", type="Lua")
    options = (ChoiceOption("pass", None), ChoiceOption("blocks", None))
    choice = ChoiceReport("0/filter/lua", "pass", options, why)
    page = text(a_report(choices=(choice,), assumptions=(why,)), Options())
    assert page.count("0/filter/lua") == 1
    assert "pass; else blocks: --pick 0/filter/lua=…" in " ".join(page.split())
    unassumed = text(a_report(choices=(evolve(choice, assumption=None),)), Options())
    assert "choice" in unassumed


def test_a_stated_answer_stands_beside_its_choice() -> None:
    options = (ChoiceOption("pass", None), ChoiceOption("blocks", None))
    call = a_call(answers={"0/filter/a": Answer(401)})
    page = text(a_report(call=call, choices=(ChoiceReport("0/filter/a", "blocks", options, None),)), Options())
    assert "0/filter/a: blocks (the answer 401 is stated); else pass" in " ".join(page.split())


def test_a_reason_whose_facts_are_lists_is_told_too() -> None:
    why = because("app.certificate-for-others", None, destination="10.0.0.5:443", names=["a.test", "b.test"])
    assert "a.test" in text(a_report(assumptions=(why,)), Options())


def test_what_nobody_answered_yet_is_not_called_closed() -> None:
    delayed = a_hop(status=None, response_flags=("DI",), response_code_details=None)
    assert "answer    not known DI" in text(a_report(hops=(delayed,)), Options())
    refused = a_hop(
        status=None, response_flags=("UF",), response_code_details=None, attempts=(Attempt("a", "refused"),)
    )
    assert "answer    closed UF" in text(a_report(hops=(refused,)), Options())
