"""No secret leaves any output unless asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import meshsim
from meshsim.explanation import Candidate, Change, Check, Fate
from meshsim.facts.answer import Answer
from meshsim.facts.call import Call
from meshsim.outcome import Outcome
from meshsim.reasons import because
from meshsim.render.json import document
from meshsim.render.options import Options
from meshsim.render.redact import Redactor, is_secret_name, mask
from meshsim.render.text import text
from meshsim.report import Report, Upstream
from tests.render.builders import a_call, a_decision, a_hop, a_report
from tests.schema_check import check_trace

SECRET = "s3cr3t-Value.of+7"


def outputs(report: Report, *, show: bool = False) -> list[str]:
    pages = [text(report, Options(depth=depth, show_secrets=show)) for depth in (0, 1, 2)]
    return [*pages, *(json.dumps(document(report, show_secrets=show, depth=depth)) for depth in (0, 1, 2))]


def reports_with_secret(secret: str) -> dict[str, Report]:
    seen = Candidate("r", "route", Fate.FAILED, (Check("header authorization", "other", f"Bearer {secret}", False),))
    wanted = Candidate("r", "route", Fate.FAILED, (Check("header x-api-key", secret, "other", False),))
    call = a_call(headers={"Authorization": f"Bearer {secret}"})
    leak = because("wire.outside", destination=f"a place that got {secret}")

    def decided(candidate: Candidate, **changes: Any) -> tuple[Any, ...]:
        return (a_decision(candidates=(candidate,), **changes),)

    return {
        "call header": a_report(call=call),
        "call header of many values": a_report(call=a_call(headers={"x-api-key": ("a", secret)})),
        "cookie": a_report(call=a_call(headers={"cookie": f"lang=en; session={secret}"})),
        "query": a_report(call=a_call(path=f"/a?b=1&access_token={secret}&c=2")),
        "stated answer": a_report(call=a_call(answers={"0/filter/a": Answer(401, {"set-cookie": f"id={secret}"})})),
        "upstream header": a_report(
            hops=(a_hop(upstream=Upstream("http2", headers={"x-amz-security-token": (secret,)})),)
        ),
        "upstream query": a_report(hops=(a_hop(upstream=Upstream("http2", path=f"/?password={secret}")),)),
        "location": a_report(outcome=Outcome("replied", leak, location=f"http://h/?token={secret}", status=301)),
        "response": a_report(
            outcome=Outcome("replied", leak, response_headers={"set-cookie": (f"id={secret}; Secure",)})
        ),
        "body": a_report(call=call, outcome=Outcome("replied", leak, body=f"you sent {secret}")),
        "check that saw it": a_report(call=call, decisions=decided(seen), cause=decided(seen)[0]),
        "check that wants it": a_report(decisions=decided(wanted), cause=decided(wanted)[0]),
        "change": a_report(call=call, decisions=decided(seen, changes=(Change("header authorization", secret, "x"),))),
        "assumption": a_report(call=call, assumptions=(leak,)),
    }


@pytest.mark.parametrize("where", sorted(reports_with_secret("")))
def test_a_secret_shows_nowhere_unless_asked(where: str) -> None:
    report = reports_with_secret(SECRET)[where]
    assert not [output for output in outputs(report) if SECRET in output]
    assert [output for output in outputs(report, show=True) if SECRET in output], "the test put it nowhere"
    check_trace(document(report))


@given(st.text("abcdefghij0123456789", min_size=12, max_size=40), st.sampled_from(sorted(reports_with_secret(""))))
@settings(max_examples=60, deadline=None)
def test_whatever_the_secret_is(secret: str, where: str) -> None:
    assert not [output for output in outputs(reports_with_secret(secret)[where]) if secret in output]


def test_the_mark_is_stable_and_tells_secrets_apart() -> None:
    assert mask("a") == mask("a") != mask("b")
    headers = document(a_report(call=a_call(headers={"authorization": "a"})))["call"]["headers"]
    assert headers == {"authorization": mask("a")}


def test_the_rest_of_the_query_stays() -> None:
    assert Redactor(active=True).target("/a?b=1&api%5Fkey=xyz&c=2#f") == f"/a?b=1&api%5Fkey={mask('xyz')}&c=2#f"


@pytest.mark.parametrize(
    "name", ["Authorization", "proxy-authorization", "cookie", "Set-Cookie", "x-api-key", "apiKey"]
)
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["x-user", ":authority", "x-forwarded-client-cert", "content-type", "monkey", "author"]
)
def test_innocent_names(name: str) -> None:
    assert not is_secret_name(name)


def test_private_keys_and_tokens_are_known_by_their_shape() -> None:
    redactor = Redactor(active=True)
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"
    assert redactor.text(f"inline {key} end") == f"inline {mask(key)} end"
    token = "eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2lnbmF0dXJl"
    assert token not in redactor.text(f"saw {token}")


def test_names_of_resources_are_never_garbled() -> None:
    report = a_report(call=a_call(headers={"x-api-key": "reviews.default"}))
    assert document(report)["hops"][0]["cluster"] == "outbound|80|v1|reviews.default"


def test_python_objects_keep_the_truth() -> None:
    report = evolve(a_report(), call=a_call(headers={"authorization": SECRET}))
    document(report)
    assert report.call.headers["authorization"] == SECRET


def call_outputs(call: Call) -> str:
    return "".join(outputs(meshsim.load_demo().trace(call).report(decisions=True)))


@pytest.mark.parametrize(
    "fields",
    [
        {"authority": f"user:{SECRET}@reviews"},
        {"authority": "user:pw@reviews"},
        {"path": f"/a;token={SECRET}/b"},
        {"path": f"/a#access_token={SECRET}"},
        {"path": f"http://user:{SECRET}@reviews/a"},
        {"payload": f"AUTH {SECRET}\r\n", "protocol": "tcp"},
        {"payload": f"GET / HTTP/1.1\r\nhost: a\r\nx-api-key: {SECRET}\r\n\r\n", "protocol": "tcp"},
        {"runtime": {"vault.token": SECRET}},
    ],
    ids=str,
)
def test_a_secret_is_hidden_wherever_a_call_can_carry_one(fields: dict[str, Any]) -> None:
    shown = call_outputs(Call(destination="10.0.0.5:80", **fields))
    assert SECRET not in shown
    assert "user:pw" not in shown


def test_what_is_no_secret_stays_readable() -> None:
    call = Call(
        destination="10.0.0.5:80",
        authority="reviews",
        path="/a;v=1?x=2#part",
        payload="GET / HTTP/1.1\r\nx-user: jason\r\n\r\n",
        headers={"x-user": "jason@example.com"},
        runtime={"upstream.weight": "15"},
    )
    assert "[redacted:" not in call_outputs(call)
