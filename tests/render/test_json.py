"""The trace document: INTERFACE's names and order, nulls where nothing applies, calls that can be read again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.facts.call import Call, read_call
from meshsim.facts.conversation import ClientCertificate, ClientTls, ProxyProtocol
from meshsim.outcome import KINDS, Outcome
from meshsim.reasons import because
from meshsim.render.json import call_document, document
from meshsim.render.redact import Redactor
from tests.render.builders import a_call, a_decision, a_hop, a_report, a_rich_report
from tests.schema_check import check_trace, problems

TOP = ["version", "id", "call", "resolution", "outcome", "probability", "choices", "assumptions", "hops", "netfilter"]


def test_the_fields_stand_in_the_documented_order() -> None:
    made = document(a_report())
    assert list(made) == TOP
    assert list(made["outcome"])[:3] == ["kind", "after", "status"]
    assert list(made["hops"][0])[:4] == ["pod", "direction", "from_hop", "cause"]
    assert list(made["call"])[:3] == ["id", "from", "direction"]


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_full_and_a_bare_report_keep_to_the_schema(depth: int) -> None:
    for report in (a_report(), a_rich_report(), a_report(hops=(), netfilter=(), choices=(), probability=None)):
        made = document(report, depth=depth)
        check_trace(made)
        assert json.loads(json.dumps(made, allow_nan=False)) == made


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_outcome_has_a_summary(kind: str) -> None:
    made = document(a_report(outcome=Outcome(kind, because("wire.outside", destination="10.0.0.5:80"))))
    check_trace(made)
    assert "10.0.0.5:80" in made["outcome"]["summary"]


def test_a_reply_names_the_proxy_that_answered_and_the_status() -> None:
    outcome = Outcome("replied", because("wire.outside", destination="x"), status=502, answered_by=0)
    assert document(a_report(outcome=outcome))["outcome"]["summary"].startswith("the proxy of sleep answers 502: ")


def test_header_values_are_a_text_a_list_or_null() -> None:
    headers = document(a_report())["hops"][0]["upstream"]["headers"]
    assert headers == {"x-user": "jason", "x-request-id": None, "x-many": ["1", "2"]}


def test_without_an_upstream_the_tls_mode_is_null() -> None:
    made = document(a_report(hops=(a_hop(tls=None, upstream=None),)))
    assert made["hops"][0]["tls"]["mode"] is None
    assert made["hops"][0]["upstream"] is None


def test_decisions_come_only_when_asked_and_checks_one_step_later() -> None:
    report = a_report(decisions=(a_decision(),))
    assert "decisions" not in document(report)
    near = [c for c in document(report, depth=1)["decisions"][0]["candidates"] if c["near_miss"]]
    assert [candidate["label"] for candidate in near] == ["for-tom"]
    assert "checks" not in near[0]
    deep = next(c for c in document(report, depth=2)["decisions"][0]["candidates"] if c["near_miss"])
    assert deep["checks"][1] == {
        "what": "header x-user",
        "want": "tom",
        "seen": "jason",
        "ok": False,
        "place": "sleep/config_dump.json#/configs/4/headers",
    }


NAMES = st.text("abcxyz-", min_size=1, max_size=8)
CERTIFICATES = st.builds(
    ClientCertificate,
    uri_sans=st.lists(NAMES, max_size=2).map(tuple),
    dns_sans=st.lists(NAMES, max_size=2).map(tuple),
    subject=NAMES,
    trusted=st.booleans(),
    expired=st.booleans(),
)
CALLS = st.builds(
    Call,
    destination=NAMES,
    id=st.none() | st.integers() | NAMES,
    from_=st.none() | NAMES,
    direction=st.sampled_from(["outbound", "inbound"]),
    pod=st.none() | NAMES,
    uid=st.integers(0, 2**32 - 1),
    groups=st.lists(st.integers(0, 9), max_size=2).map(tuple),
    protocol=st.sampled_from(["http/1.0", "http/1.1", "http2", "tcp", "udp"]),
    tls=st.none() | st.builds(ClientTls, st.none() | NAMES, st.lists(NAMES).map(tuple), st.none() | CERTIFICATES),
    proxy_protocol=st.none() | st.builds(ProxyProtocol, NAMES, NAMES),
    authority=st.none() | NAMES,
    headers=st.dictionaries(NAMES, NAMES | st.lists(NAMES, min_size=2, max_size=3).map(tuple), max_size=3),
    random_value=st.none() | st.integers(0, 2**64 - 1),
    max_time=st.none() | st.sampled_from(["0.5s", "12s"]),
    choices=st.dictionaries(NAMES, NAMES, max_size=2),
    resolve=st.dictionaries(NAMES, NAMES, max_size=2),
)


@given(CALLS)
@settings(max_examples=150, deadline=None)
def test_a_written_call_reads_as_the_same_call(call: Call) -> None:
    written = call_document(call, Redactor(active=False))
    assert not problems("call", written)
    assert read_call(json.loads(json.dumps(written))) == call


def test_the_schemas_refuse_what_is_not_documented() -> None:
    made = document(a_report())
    assert problems("trace", {**made, "extra": 1})
    assert problems("trace", {**made, "outcome": {**made["outcome"], "kind": "fine"}})
    assert problems("call", {"destinaton": "10.0.0.5:80"})
    assert not problems("call", {"destination": "10.0.0.5:80"})
    assert problems("host_facts", {"kind": "HostFacts", "socket": []})
    assert not problems("host_facts", {"kind": "HostFacts", "sockets": [{"listen": "0.0.0.0:80", "speaks": "http"}]})


def test_an_unset_authority_of_an_uncompleted_call_is_null() -> None:
    assert call_document(Call(), Redactor(active=True))["authority"] is None
    assert call_document(a_call(), Redactor(active=True))["authority"] == "reviews"
