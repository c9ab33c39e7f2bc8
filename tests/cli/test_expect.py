"""--expect: paths into the trace document."""

from __future__ import annotations

import pytest

from meshsim.cli.expect import look_up, parse_expectation
from meshsim.cli.usage import UsageError
from meshsim.render.json import document
from meshsim.schema import schema
from tests.render.builders import a_call, a_report

DOCUMENT = document(a_report(call=a_call(headers={"x-user": "jason"})), show_secrets=True)


@pytest.mark.parametrize(
    "text",
    [
        "outcome.kind=forwarded",
        "outcome.status=null",
        "outcome.kind!=replied",
        "hops[0].cluster=outbound|80|v1|reviews.default",
        "hops[-1].port=80",
        "hops[0].port=80.0",
        "hops[0].tls.mode=mtls",
        'hops[0].tls.alpn_offered=["istio", "http/1.1"]',
        "hops[0].tls.alpn_offered[1]=http/1.1",
        "hops[1].cluster=null",
        "call.headers.x-user=jason",
        'call.headers["x-user"]=jason',
        "call.headers.absent=null",
        "call.tls.sni=null",
        "call.transparent=false",
        "call.mark!=false",
        "netfilter[0].before.uid=1000",
        "choices[0].of[0].share=0.9",
        "hops[0].origin.route=VirtualService default/reviews",
        "hops[0].upstream.path=/v1/reviews/1",
        "hops[0].downstream.tls=null",
    ],
)
def test_what_holds(text: str) -> None:
    assert parse_expectation(text, schema("trace")).holds(DOCUMENT)


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        ("outcome.kind=replied", "expected outcome.kind to be replied, got forwarded"),
        ("outcome.kind!=forwarded", "expected outcome.kind to be anything but forwarded, got forwarded"),
        ("hops[1].cluster=x", "expected hops[1].cluster to be x, got null"),
        ("hops[0].port=81", "expected hops[0].port to be 81, got 80"),
        ("call.mark=false", "expected call.mark to be false, got 0"),
    ],
)
def test_what_does_not(text: str, failure: str) -> None:
    expectation = parse_expectation(text, schema("trace"))
    assert not expectation.holds(DOCUMENT)
    assert expectation.failure(DOCUMENT) == failure


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("hops[0].clutser=x", "cluster"),
        ("outcom.kind=x", "outcome"),
        ("outcome", "PATH=VALUE"[:4]),
        ("hops.cluster=x", "[0]"),
        ("outcome[0]=x", ""),
        ("outcome.kind.x=1", ""),
        ("hops[x].cluster=1", ""),
        ("=x", ""),
    ],
)
def test_a_path_that_no_trace_has_is_a_usage_error(text: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_expectation(text, schema("trace"))
    assert hint in str(caught.value) + caught.value.hint


def test_a_path_that_leads_nowhere_is_null() -> None:
    assert look_up({"a": [1]}, ("a", 3, "b")) is None


def test_a_failure_repeats_no_secret_it_was_given() -> None:
    shown = document(a_report(call=a_call(headers={"authorization": "Bearer abcdef1"})))
    for name in ("authorization", "x-api-key"):
        failure = parse_expectation(f"call.headers.{name}=Bearer hunter2", schema("trace")).failure(shown)
        assert "hunter2" not in failure
    assert "jim" in parse_expectation("call.headers.x-user=jim", schema("trace")).failure(DOCUMENT)
