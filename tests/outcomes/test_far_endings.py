"""How each way of failing upstream is reported by the proxy that dialled: the texts Envoy 1.40 logged on loopback."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.config.capture import PodDocuments
from tests.outcomes.worlds import (
    FAR,
    GATE,
    ask,
    cluster,
    downstream_tls,
    facts,
    far,
    gate,
    hcm,
    proxy,
    speaks,
    tcp_proxy,
    upstream_tls,
    world,
)

BEFORE = "upstream_reset_before_response_started"
REFUSED = "delayed_connect_error:_Connection_refused"
TLS = "TLS_error:|{}:SSL_routines:OPENSSL_internal:{}:TLS_error_end"
NO_CERTIFICATE = TLS.format(268436496, "SSLV3_ALERT_HANDSHAKE_FAILURE")
WRONG_VERSION = TLS.format(268435703, "WRONG_VERSION_NUMBER")
MTLS_PROXY = far(held=proxy(hcm(), at=f"{FAR}:80", clusters=[cluster(f"{FAR}:81")], **downstream_tls()))
OLD_MTLS_PROXY = far(
    held=proxy(
        hcm(), at=f"{FAR}:80", **downstream_tls(common={"tls_params": {"tls_maximum_protocol_version": "TLSv1_2"}})
    )
)
PLAIN_PROXY = far(held=proxy(hcm(), at=f"{FAR}:80"))
NO_CHAIN = far(held=proxy(tcp_proxy(), at=f"{FAR}:80", filter_chain_match={"destination_port": 1}))

HTTP: dict[str, tuple[PodDocuments, dict[str, Any], tuple[Any, ...]]] = {
    # far side, cluster fields -> status, flag, details, transport failure, attempt
    "nobody listens": (far(), {}, (503, "UF", f"remote_connection_failure|{REFUSED}", REFUSED, "refused")),
    "closed": (speaks("close"), {}, (503, "UC", "connection_termination", None, "closed")),
    "reset": (speaks("reset"), {}, (503, "UC", "connection_termination", None, "reset")),
    "plaintext to a TLS chain": (MTLS_PROXY, {}, (503, "UC", "connection_termination", None, "closed")),
    "plaintext to a TLS application": (speaks("https"), {}, (503, "UC", "connection_termination", None, "closed")),
    "no filter chain": (NO_CHAIN, {}, (503, "UC", "connection_termination", None, "closed")),
    "no client certificate": (
        MTLS_PROXY,
        upstream_tls(certificate=False),
        (503, "UF", f"remote_connection_failure|{NO_CERTIFICATE}", NO_CERTIFICATE, "tls_failure"),
    ),
    "no client certificate, seen late": (
        MTLS_PROXY,
        upstream_tls(certificate=False, tls13=True),
        (503, "UC", "connection_termination", None, "closed"),
    ),
    "no client certificate, the far side speaks 1.2": (
        OLD_MTLS_PROXY,
        upstream_tls(certificate=False, tls13=True),
        (503, "UF", f"remote_connection_failure|{NO_CERTIFICATE}", NO_CERTIFICATE, "tls_failure"),
    ),
    "TLS to a plaintext proxy": (
        PLAIN_PROXY,
        upstream_tls(),
        (503, "UF", f"remote_connection_failure|{WRONG_VERSION}", WRONG_VERSION, "tls_failure"),
    ),
    "TLS to a plaintext application": (
        speaks("http"),
        upstream_tls(),
        (503, "UF", "remote_connection_failure", None, "tls_failure"),
    ),
    "an application that wants a certificate": (
        speaks("https", tls={"require_client_certificate": True}),
        upstream_tls(certificate=False),
        (503, "UF", f"remote_connection_failure|{NO_CERTIFICATE}", NO_CERTIFICATE, "tls_failure"),
    ),
}


@pytest.mark.parametrize("name", HTTP)
def test_over_http(name: str) -> None:
    pod, fields, (status, flag, details, transport, attempt) = HTTP[name]
    done = ask(world(gate(hcm(), clusters=[cluster(**fields)]), pod))
    hop, outcome = done.hops[0], done.outcome
    assert (outcome.kind, outcome.status, outcome.answered_by) == ("replied", status, 0)
    assert hop.response_flags == outcome.response_flags == (flag,)
    assert hop.response_code_details == outcome.response_code_details == f"{BEFORE}{{{details}}}"
    assert hop.upstream_transport_failure_reason == transport
    assert [each.result for each in hop.attempts] == [attempt]
    reason = details.partition("|")[0].replace("_", " ")
    assert outcome.body == f"upstream connect error or disconnect/reset before headers. reset reason: {reason}"


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS"])
def test_an_alert_in_answer_to_plaintext_is_no_http_response(method: str) -> None:
    done = ask(world(gate(hcm()), MTLS_PROXY), method=method)
    assert (done.outcome.status, done.outcome.response_flags) == (502, ("UPE",))
    assert done.outcome.response_code_details == f"{BEFORE}{{protocol_error}}"


@pytest.mark.parametrize(
    ("speaking", "http2", "agree"), [("http", True, False), ("h2c", False, False), ("h2c", True, True)]
)
def test_an_application_of_another_http_version(speaking: str, http2: bool, agree: bool) -> None:
    fields: dict[str, Any] = {"http2_protocol_options": {}} if http2 else {}
    done = ask(world(gate(hcm(), clusters=[cluster(**fields)]), speaks(speaking)))
    assert (done.outcome.kind == "delivered") is agree
    if not agree:
        assert (done.outcome.status, done.outcome.response_flags) == (502, ("UPE",))
        assert done.outcome.response_code_details == f"{BEFORE}{{protocol_error}}"


TCP: dict[str, tuple[PodDocuments, dict[str, Any], tuple[Any, ...]]] = {
    # -> flags, close reason of the gate, transport failure, attempt
    "nobody listens": (far(), {}, (("UF", "URX"), "tcp_initializion_failure:0", REFUSED, "refused")),
    "closed": (speaks("close"), {}, ((), None, None, "closed")),
    "reset": (speaks("reset"), {}, (("UR",), None, None, "reset")),
    "no filter chain": (NO_CHAIN, {}, ((), None, None, "closed")),
    "no client certificate": (
        MTLS_PROXY,
        upstream_tls(certificate=False),
        (("UF", "URX"), "tcp_initializion_failure:0", NO_CERTIFICATE, "tls_failure"),
    ),
    "no client certificate, seen late": (
        MTLS_PROXY,
        upstream_tls(certificate=False, tls13=True),
        ((), None, None, "closed"),
    ),
    "TLS to a plaintext proxy": (
        PLAIN_PROXY,
        upstream_tls(),
        (("UF", "URX"), "tcp_initializion_failure:0", WRONG_VERSION, "tls_failure"),
    ),
}


@pytest.mark.parametrize("name", TCP)
def test_over_tcp(name: str) -> None:
    pod, fields, (flags, close, transport, attempt) = TCP[name]
    done = ask(world(gate(tcp_proxy(), clusters=[cluster(**fields)]), pod), protocol="tcp", payload="hello")
    hop = done.hops[0]
    assert (done.outcome.kind, hop.response_flags, hop.downstream_local_close_reason) == ("closed", flags, close)
    assert (hop.upstream_transport_failure_reason, [each.result for each in hop.attempts]) == (transport, [attempt])
    assert hop.response_code_details is None


PIPE_OF = {
    "cluster_name": "out",
    "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": "/run/x"}}}}]}],
}


@pytest.mark.parametrize(
    ("sockets", "kind", "status", "flags", "assumed"),
    [
        (None, "forwarded", None, (), ["upstream.pipe-assumed"]),
        ([], "replied", 503, ("UF",), []),
        ([{"listen": "/run/x", "speaks": "http", "status": 204}], "delivered", 204, (), []),
        ([{"listen": "/run/x", "speaks": "close"}], "replied", 503, ("UC",), []),
        ([{"listen": "/run/x", "speaks": "https"}], "replied", 503, ("UC",), []),
    ],
)
def test_a_pipe_is_what_host_facts_say(
    sockets: list[dict[str, Any]] | None, kind: str, status: int | None, flags: tuple[str, ...], assumed: list[str]
) -> None:
    held = proxy(hcm(), clusters=[cluster(load_assignment=PIPE_OF)])
    stated = {} if sockets is None else {"sockets": sockets}
    done = ask(world(PodDocuments("gate", proxy=held, host=facts(addresses=[f"{GATE}/24"], **stated))))
    assert (done.outcome.kind, done.outcome.status, done.hops[0].response_flags) == (kind, status, flags)
    assert [each.code for each in done.assumptions if each.code.startswith("upstream")] == assumed
    assert (done.hops[0].endpoint, len(done.hops[0].attempts)) == ("/run/x", 1)


def test_a_close_that_is_passed_on_stays_the_far_proxys() -> None:
    done = ask(world(gate(tcp_proxy()), NO_CHAIN), protocol="tcp", payload="hello")
    assert (done.outcome.answered_by, done.outcome.response_flags) == (1, ("NR",))
    assert [attempt.next_hop for attempt in done.hops[0].attempts] == [1]


@pytest.mark.parametrize(
    ("certificate", "reached"), [({}, True), ({"trusted": False}, False), ({"uri_sans": ["spiffe://td/x"]}, False)]
)
def test_the_certificate_of_the_far_application(certificate: dict[str, Any], reached: bool) -> None:
    tls = upstream_tls(san=["spiffe://td/ns/a/sa/b"])
    done = ask(world(gate(hcm(), clusters=[cluster(**tls)]), speaks("https", tls={"alpn": ["h2"], **certificate})))
    hop = done.hops[0]
    assert (done.outcome.kind == "delivered") is reached
    assert hop.tls is not None and (hop.tls.alpn, hop.tls.certificate_requested) == ("h2", False)
    assert [each.result for each in hop.attempts] == ["connected" if reached else "tls_failure"]
    assert ("CERTIFICATE_VERIFY_FAILED" in (hop.upstream_transport_failure_reason or "")) is not reached


def test_what_a_known_proxy_negotiated_is_written_at_the_near_one() -> None:
    done = ask(world(gate(hcm(), clusters=[cluster(**upstream_tls())]), MTLS_PROXY))
    tls = done.hops[0].tls
    assert tls is not None and (tls.alpn, tls.certificate_requested) == ("h2", True)


def test_a_route_reply_of_the_far_proxy_is_passed_on() -> None:
    refuses = far(held=proxy(hcm(), at=f"{FAR}:80", clusters=[cluster(f"{FAR}:9")]))
    done = ask(world(gate(hcm()), refuses))
    assert (done.outcome.status, done.outcome.answered_by, done.outcome.response_flags) == (503, 1, ("UF",))
    assert (done.hops[0].status, done.hops[0].response_flags) == (503, ())
    assert done.hops[0].response_code_details == "via_upstream"
