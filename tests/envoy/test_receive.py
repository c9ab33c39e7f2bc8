"""Before routing: codec, host, client address, scheme, and what no client may send."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.facts.conversation import Conversation
from meshsim.facts.request import Request
from tests.builders_http import Walked, connection, one_route, pod, request, table_fields, virtual_host, walk
from tests.builders_http import manager as hcm

PLAIN = hcm(one_route())


def refused(walked: Walked) -> tuple[str, int | None, str | None, tuple[str, ...]]:
    ending = walked.ending
    return ending.kind, ending.status, ending.response_code_details, ending.response_flags


DPE = ("DPE",)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Conversation("tcp", payload="hello\n"), ("replied", 400, "http1.codec_error", DPE)),
        (Conversation("tcp", server_first=True), ("closed", None, None, ())),
        (request(version="http/1.0"), ("replied", 426, "low_version", DPE)),
        (request(host=None), ("replied", 400, "missing_host_header", ())),
        (request("/a#b", host=None), ("replied", 400, "missing_host_header", ())),
        (request("/a#b"), ("replied", 400, "path_normalization_failed", ())),
        (request("*", method="OPTIONS"), ("replied", 404, "absolute_path_rejected", ())),
        (request("*"), ("replied", 400, "http1.invalid_url", DPE)),
        (request("abc"), ("replied", 400, "http1.codec_error", DPE)),
        (request("/a b"), ("replied", 400, "http1.codec_error", DPE)),
        (request("/é"), ("replied", 400, "http1.codec_error", DPE)),
        (request(method="FOO"), ("replied", 400, "http1.codec_error", DPE)),
        (request(method="get"), ("replied", 400, "http1.codec_error", DPE)),
        (request(host="a com"), ("replied", 400, "http.invalid_authority", DPE)),
        (request(host="a/b"), ("replied", 400, "http.invalid_authority", DPE)),
        (request(method="CONNECT", host="a.com"), ("replied", 400, "http1.invalid_url", DPE)),
        (
            request(headers={"transfer-encoding": ("chunked",), "content-length": ("1",)}),
            ("replied", 400, "http1.content_length_and_chunked_not_allowed", DPE),
        ),
        (request(headers={"x": ("1",) * 100}), ("replied", 431, "http1.too_many_headers", DPE)),
        (request(host=None, version="http2"), ("closed", None, "http2.violation.of.messaging.rule", DPE)),
        (request("x", version="http2"), ("closed", None, "http2.violation.of.messaging.rule", DPE)),
        (request("", version="http2"), ("closed", None, "http2.invalid.header.field", DPE)),
    ],
)
def test_what_is_refused(said: Any, expected: Any) -> None:
    walked = walk(PLAIN, said)
    assert refused(walked) == expected
    assert walked.decisions["http"].deciding
    assert walked.hop.status == expected[1]


@pytest.mark.parametrize(
    ("payload", "waits"),
    [
        ("", False),  # bytes nobody stated
        ("hello", True),
        ("hello\n", False),
        ("\x16\x03", False),
        ("\r\n", True),
        ("GET /a HTTP/1.1\r\nHost: a\r\n", True),
        ("SSH-2.0-x\r\n", False),
    ],
)
def test_plain_bytes(payload: str, waits: bool) -> None:
    ending = walk(PLAIN, Conversation("tcp", payload=payload)).ending
    assert (ending.kind, ending.status, ending.after) == ("replied", *((408, "300s") if waits else (400, None)))


def test_without_timers_nobody_ends_the_wait() -> None:
    ending = walk(hcm(one_route(), stream_idle_timeout="0s"), Conversation("tcp", payload="GET")).ending
    assert (ending.kind, ending.why.code) == ("hanging", "http.incomplete")


PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = "\0\0\0\x04\0\0\0\0\0"
BOTH_TIMERS = {"idle_timeout": "3s", "max_connection_duration": "2s"}


@pytest.mark.parametrize(
    ("payload", "fields", "kind", "after"),
    [
        (PREFACE, {}, "closed", "3606s"),
        (PREFACE[:12], {"drain_timeout": "1s", "delayed_close_timeout": "0s"}, "closed", "3601s"),
        (PREFACE + SETTINGS, {"common_http_protocol_options": BOTH_TIMERS}, "closed", "8s"),
        (PREFACE, {"common_http_protocol_options": {"idle_timeout": "0s"}}, "hanging", None),
        (PREFACE + SETTINGS + "\0\0\x01\x01\0\0\0\0\x01x", {}, "unknown", None),
        (PREFACE + "\0\0\x01\x01\0\0\0\0\x01x", {}, "closed", None),
        (PREFACE + "junk", {}, "closed", "3606s"),
        (PREFACE[:11], {}, "replied", "300s"),
        (PREFACE[:11], {"codec_type": "HTTP2"}, "closed", "3606s"),
        (PREFACE, {"codec_type": "HTTP1"}, "replied", None),
        ("PRI * HTTP/2.5\r\n", {}, "closed", None),
    ],
)
def test_the_beginning_of_http2(payload: str, fields: dict[str, Any], kind: str, after: str | None) -> None:
    ending = walk(hcm(one_route(), **fields), Conversation("tcp", payload=payload)).ending
    assert (ending.kind, ending.after) == (kind, after)


def test_plain_bytes_can_be_a_whole_request() -> None:
    said = Conversation("tcp", payload="GET /a?b HTTP/1.1\r\nHost: a.com\r\nX: 1\r\nx: 2\r\n\r\n")
    walked = walk(PLAIN, said)
    assert (walked.sent.method, walked.sent.authority, walked.sent.path) == ("GET", "a.com", "/a?b")
    assert walked.sent.headers["x"] == ("1", "2")
    assert walk(PLAIN, Conversation("tcp", payload="GET /a HTTP/1.1\n\n")).ending.status == 400


def test_bodies_of_refusals() -> None:
    assert walk(PLAIN, Conversation("tcp")).ending.body == "Bad Request"
    assert walk(PLAIN, request(version="http/1.0")).ending.body == "Upgrade Required"
    assert walk(PLAIN, request(host=None)).ending.body == ""


@pytest.mark.parametrize(
    ("codec", "version", "alpn_h2", "passes"),
    [
        ("AUTO", "http2", False, True),
        ("HTTP1", "http2", False, False),
        ("HTTP2", "http/1.1", False, False),
        ("HTTP2", "http2", False, True),
        ("AUTO", "http/1.1", True, False),
    ],
)
def test_the_codec_must_fit(codec: str, version: str, alpn_h2: bool, passes: bool) -> None:
    walked = walk(hcm(one_route(), codec_type=codec), request(version=version), accepted=connection(tls=alpn_h2))
    assert (walked.hop.upstream is not None) is passes


def test_options_of_the_codec() -> None:
    options = {"accept_http_10": True, "default_host_for_http_10": "d.com", "allow_custom_methods": True}
    old = hcm(one_route(), http_protocol_options=options)
    assert walk(old, request(host=None, version="http/1.0")).sent.authority == "d.com"
    assert walk(old, request(method="FOO")).sent.method == "FOO"
    named = {"headers": {"a_b": ("1",), "c": ("2",)}}
    reject = hcm(one_route(), common_http_protocol_options={"headers_with_underscores_action": "REJECT_REQUEST"})
    assert walk(reject, request(**named)).ending.response_code_details == "http1.unexpected_underscore"
    drop = hcm(one_route(), common_http_protocol_options={"headers_with_underscores_action": "DROP_HEADER"})
    assert "a_b" not in walk(drop, request(**named)).sent.headers


def test_an_absolute_target_replaces_host_and_scheme() -> None:
    sent = walk(PLAIN, request("HTTPS://c.com:99/y?z", host="a.com")).sent
    assert (sent.authority, sent.path, sent.scheme) == ("c.com:99", "/y?z", "https")
    assert walk(PLAIN, request("http://c.com")).sent.path == "/"
    assert walk(PLAIN, request("http://c.com?x=1")).ending.response_code_details == "absolute_path_rejected"


def test_two_host_lines_are_one_value() -> None:
    assert walk(PLAIN, request(headers={"host": ("zz",)})).sent.authority == "a.com,zz"
    assert walk(PLAIN, request(host=None, headers={"host": ("zz",)})).sent.authority == "zz"
    assert walk(PLAIN, request(headers={"host": ("zz",)}, version="http2")).sent.authority == "a.com"


@pytest.mark.parametrize(
    ("options", "host", "authority"),
    [
        ({"strip_any_host_port": True}, "a.com:81", "a.com"),
        ({"strip_matching_host_port": True}, "a.com:81", "a.com:81"),
        ({"strip_matching_host_port": True}, "a.com:080", "a.com"),
        ({"strip_trailing_host_dot": True}, "a.com.:80", "a.com:80"),
        ({"strip_any_host_port": True, "strip_trailing_host_dot": True}, "a.com.:80", "a.com"),
        ({}, "a.com.:80", "a.com.:80"),
    ],
)
def test_host_normalisation(options: dict[str, Any], host: str, authority: str) -> None:
    assert walk(hcm(one_route(), **options), request(host=host)).sent.authority == authority


def sent(options: dict[str, Any], *, tls: bool = False, peer: bool = False, **headers: str) -> Request:
    named = {name.replace("_", "-"): (value,) for name, value in headers.items()}
    return walk(hcm(one_route(), **options), request(headers=named), accepted=connection(tls=tls, peer=peer)).sent


REMOTE = {"use_remote_address": True}
INTERNAL = {"internal_address_config": {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}}


@pytest.mark.parametrize(
    ("options", "given", "made"),
    [
        ({}, None, None),
        ({}, "1.1.1.1", "1.1.1.1"),
        (REMOTE, None, "10.80.3.109"),
        (REMOTE, "1.1.1.1", "1.1.1.1,10.80.3.109"),
        ({**REMOTE, "skip_xff_append": True}, "1.1.1.1", "1.1.1.1"),
    ],
)
def test_x_forwarded_for(options: dict[str, Any], given: str | None, made: str | None) -> None:
    named = {} if given is None else {"x_forwarded_for": given}
    assert sent(options, **named).headers.get("x-forwarded-for", (None,))[0] == made


def test_a_loopback_client_is_shown_as_the_proxys_own_address() -> None:
    walked = walk(hcm(one_route(), **REMOTE), accepted=connection(remote="127.0.0.1:5"), owner=pod(address="10.1.1.1"))
    assert walked.sent.headers["x-forwarded-for"] == ("10.1.1.1",)


@pytest.mark.parametrize(
    ("options", "listed", "remote"),
    [
        ({}, "1.1.1.1, 2.2.2.2", "2.2.2.2:0"),
        ({"xff_num_trusted_hops": 1}, "1.1.1.1, 2.2.2.2", "1.1.1.1:0"),
        ({"xff_num_trusted_hops": 2}, "1.1.1.1, 2.2.2.2", "10.80.3.109:40000"),
        ({}, "junk", "10.80.3.109:40000"),
        (REMOTE, "1.1.1.1", "10.80.3.109:40000"),
        ({**REMOTE, "xff_num_trusted_hops": 1}, "1.1.1.1, 2.2.2.2", "2.2.2.2:0"),
    ],
)
def test_who_the_client_is_taken_to_be(options: dict[str, Any], listed: str, remote: str) -> None:
    walked = walk(hcm(one_route(), **options), request(headers={"x-forwarded-for": (listed,)}))
    assert walked.hop.downstream is not None
    assert walked.hop.downstream.remote == remote
    assert walked.hop.downstream.direct_remote == "10.80.3.109:40000"


@pytest.mark.parametrize(
    ("options", "listed", "internal"),
    [
        ({}, "10.0.0.1", False),  # nothing is internal unless configured
        (INTERNAL, "10.0.0.1", True),
        (INTERNAL, "10.0.0.1,10.0.0.2", False),
        ({**INTERNAL, **REMOTE}, "10.0.0.1", False),
        ({**INTERNAL, **REMOTE}, None, True),
    ],
)
def test_internal(options: dict[str, Any], listed: str | None, internal: bool) -> None:
    named = {} if listed is None else {"x_forwarded_for": listed}
    made = sent(options, x_envoy_internal="true", x_envoy_upstream_rq_timeout_ms="77", **named).headers
    assert made.get("x-envoy-internal") == (("true",) if internal else None)
    assert made["x-envoy-expected-rq-timeout-ms"] == ("77" if internal else "15000",)
    assert "x-envoy-upstream-rq-timeout-ms" not in made


def test_the_edge_removes_more() -> None:
    headers = {"x_envoy_decorator_operation": "o", "x_envoy_attempt_count": "9"}
    assert "x-envoy-decorator-operation" in sent({}, **headers).headers
    edge = sent(REMOTE, **headers).headers
    assert "x-envoy-decorator-operation" not in edge
    assert edge["x-envoy-attempt-count"] == ("9",)
    assert edge["x-envoy-external-address"] == ("10.80.3.109",)


@pytest.mark.parametrize(
    ("options", "tls", "stated", "proto", "scheme"),
    [
        ({}, False, None, "http", "http"),
        ({}, True, None, "https", "https"),
        ({}, True, "http", "http", "http"),  # believed
        ({}, False, "HTTPS", "HTTPS", "https"),
        ({}, False, "foo", "foo", "http"),
        (REMOTE, False, "https", "http", "http"),
        ({"scheme_header_transformation": {"scheme_to_overwrite": "https"}}, False, "http", "https", "https"),
    ],
)
def test_scheme(options: dict[str, Any], tls: bool, stated: str | None, proto: str, scheme: str) -> None:
    walked = walk(
        hcm(one_route(), **options),
        request(version="http2" if tls else "http/1.1", headers={"x-forwarded-proto": (stated,)} if stated else {}),
        accepted=connection(tls=tls),
    )
    assert walked.sent.headers["x-forwarded-proto"] == (proto,)
    if not tls:
        assert walked.sent.scheme == scheme


@pytest.mark.parametrize(
    ("options", "given", "made"),
    [
        ({}, None, ()),  # generated: only run time knows
        ({}, "id", ("id",)),
        (REMOTE, "id", ()),
        ({**REMOTE, "preserve_external_request_id": True}, "id", ("id",)),
        ({"generate_request_id": False}, None, None),
    ],
)
def test_request_id(options: dict[str, Any], given: str | None, made: Any) -> None:
    named = {} if given is None else {"x_request_id": given}
    assert sent(options, **named).headers.get("x-request-id") == made


def test_hop_by_hop_headers_end_here() -> None:
    made = sent(
        {},
        connection="x-one, keep-alive",
        x_one="1",
        keep_alive="5",
        proxy_connection="x",
        transfer_encoding="chunked",
        te="gzip, trailers",
        upgrade="h2c",
    ).headers
    assert set(made) == {"te", "x-forwarded-proto", "x-request-id", "x-envoy-expected-rq-timeout-ms"}
    assert made["te"] == ("trailers",)


def test_repeated_lines_of_some_headers_become_one() -> None:
    made = walk(PLAIN, request(headers={"accept": ("1", "2"), "x-own": ("1", "2 ")})).sent.headers
    assert made["accept"] == ("1,2",)
    assert made["x-own"] == ("1", "2")


@pytest.mark.parametrize(
    ("mode", "peer", "made"),
    [
        (None, True, None),
        ("FORWARD_ONLY", True, ("old",)),
        ("FORWARD_ONLY", False, None),
        ("SANITIZE_SET", True, ("By=unknown;Hash=unknown",)),
        ("APPEND_FORWARD", False, None),
        ("ALWAYS_FORWARD_ONLY", False, ("old",)),
    ],
)
def test_client_certificate_header(mode: str | None, peer: bool, made: Any) -> None:
    options = {} if mode is None else {"forward_client_cert_details": mode}
    manager = hcm(one_route(), **options)
    named = {"x-forwarded-client-cert": ("old",)}
    walked = walk(manager, request(headers=named, version="http2"), accepted=connection(peer=peer))
    assert walked.sent.headers.get("x-forwarded-client-cert") == made


def test_internal_only_headers_of_the_route_configuration() -> None:
    table = table_fields(virtual_host(one_route()), internal_only_headers=["X-Secret"])
    assert "x-secret" not in walk(hcm(table=table), request(headers={"x-secret": ("1",)})).sent.headers


def test_an_escaped_slash_can_redirect_but_not_a_grpc_request() -> None:
    manager = hcm(one_route(), path_with_escaped_slashes_action="UNESCAPE_AND_REDIRECT")
    walked = walk(manager, request("/a%2Fb?q"))
    assert refused(walked) == ("replied", 307, "path_normalization_failed", ())
    assert walked.ending.location == "/a/b?q"
    grpc = walk(manager, request("/a%2Fb", headers={"content-type": ("application/grpc",)})).ending
    assert (grpc.status, grpc.grpc_status, grpc.location) == (200, 13, None)


def test_the_explanation_shows_what_changed() -> None:
    decision = walk(hcm(one_route(), normalize_path=True), request("/a/../b")).decisions["http"]
    assert not decision.trivial
    assert ("path", "/a/../b", "/b") in [(change.field, change.before, change.after) for change in decision.changes]


def test_options_that_are_not_modelled_are_assumptions() -> None:
    walked = walk(
        hcm(one_route(), early_header_mutation_extensions=[{"name": "e", "typed_config": {"@type": "x/alien"}}])
    )
    assert [reason.fact("field") for reason in walked.chooser.assumptions] == ["early_header_mutation_extensions"]


def test_ranges_that_are_blotted_out_are_named() -> None:
    ranges = [{"address_prefix": "IP_REDACTED", "prefix_len": 8}, {"address_prefix": "10.0.0.0", "prefix_len": 8}]
    manager = hcm(one_route(), internal_address_config={"cidr_ranges": ranges})
    walked = walk(manager, request(headers={"x-forwarded-for": ("10.1.1.1",)}))
    assert walked.sent.headers["x-envoy-internal"] == ("true",)
    assert [reason.code for reason in walked.chooser.assumptions] == ["http.range-unreadable"]
