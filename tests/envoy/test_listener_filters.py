"""Listener filters: what is learned, who waits, and what a timeout does."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.envoy.listener_filters import InspectResult, ListenerFilter, run
from meshsim.errors import Rejected
from meshsim.facts.connection import Connection
from meshsim.facts.conversation import Conversation, ProxyProtocol
from tests.builders_connection import (
    FILTERS,
    HTTP_INSPECTOR,
    ORIGINAL_DST,
    PROXY_PROTOCOL,
    SILENT,
    TLS_INSPECTOR,
    chain,
    connection,
    hello,
    http,
    listener_filter,
    one_listener,
    tcp,
)


def pass_all(_each: ListenerFilter) -> bool:
    return True


def inspect(
    filters: list[dict[str, Any]],
    conversation: Conversation,
    seen: Connection | None = None,
    *,
    handoff: bool = True,
    ask: Any = pass_all,
    **flags: Any,
) -> InspectResult:
    listener = one_listener(chain("c"), listener_filters=filters, **flags)
    return run(listener.listener_filters, seen or connection(), conversation, handoff, ask)


def test_tls_inspector_reads_sni_and_alpn_in_the_clients_order() -> None:
    found = inspect([TLS_INSPECTOR], tcp(tls=hello("A.Example", "istio", "h2"))).connection
    assert (found.transport, found.sni, found.alpn) == ("tls", "a.example", ("istio", "h2"))


def test_plaintext_is_raw_buffer_once_the_filters_are_done() -> None:
    assert inspect([TLS_INSPECTOR], http()).connection.transport == "raw_buffer"
    assert inspect([], http()).connection.transport == "raw_buffer"
    assert inspect([], tcp(tls=hello("a"))).connection.transport == "raw_buffer"


@pytest.mark.parametrize(("version", "alpn"), [("http/1.1", "http/1.1"), ("http/1.0", "http/1.0"), ("http2", "h2c")])
def test_http_inspector_writes_the_protocol_as_alpn(version: str, alpn: str) -> None:
    assert inspect([HTTP_INSPECTOR], http(version)).connection.alpn == (alpn,)


def test_http_inspector_leaves_tls_alone_before_and_after_the_tls_inspector() -> None:
    for order in ([TLS_INSPECTOR, HTTP_INSPECTOR], [HTTP_INSPECTOR, TLS_INSPECTOR]):
        found = inspect(order, http(tls=hello("a", "h2"))).connection
        assert (found.transport, found.alpn) == ("tls", ("h2",))


def test_bytes_that_are_not_http_leave_alpn_empty() -> None:
    result = inspect([TLS_INSPECTOR, HTTP_INSPECTOR], tcp("PING\r\n"))
    assert (result.ended, result.connection.alpn) == (None, ())
    assert [what for _each, what, _value in result.filters] == ["found-no-tls", "found-no-http"]


def test_use_original_dst_restores_after_all_other_filters() -> None:
    seen = connection(original="10.0.0.5:80")
    result = inspect([TLS_INSPECTOR], http(), seen, use_original_dst=True)
    assert (result.connection.local_text(), result.connection.restored) == ("10.0.0.5:80", True)
    assert result.connection.transport == "", "the listener it is handed to decides"
    assert [each.kind for each, _what, _value in result.filters] == ["tls_inspector", "original_dst"]
    assert inspect([], http(), seen, handoff=False, use_original_dst=True).connection.transport == "raw_buffer"


def test_the_filter_alone_restores_without_a_handoff() -> None:
    result = inspect([ORIGINAL_DST], http(), connection(original="10.0.0.5:80"))
    assert (result.connection.restored, result.connection.transport) == (True, "raw_buffer")


def test_without_an_answer_nothing_is_restored_unless_the_socket_is_transparent() -> None:
    assert not inspect([ORIGINAL_DST], http()).connection.restored
    tproxied = inspect([ORIGINAL_DST], http(), connection("10.0.0.5:80"), transparent=True).connection
    assert (tproxied.restored, tproxied.local_text()) == (True, "10.0.0.5:80")


@pytest.mark.parametrize(
    ("flags", "ended", "after"),
    [
        ({}, "closed", "15s"),
        ({"listener_filters_timeout": "0.2s"}, "closed", "0.2s"),
        ({"continue_on_listener_filters_timeout": True}, None, "15s"),
        ({"listener_filters_timeout": "0s"}, "hanging", None),
        ({"listener_filters_timeout": "0s", "continue_on_listener_filters_timeout": True}, "hanging", None),
    ],
)
def test_a_client_that_waits_for_the_server(flags: dict[str, Any], ended: str | None, after: str | None) -> None:
    result = inspect([TLS_INSPECTOR, HTTP_INSPECTOR], SILENT, **flags)
    assert (result.ended, result.after) == (ended, after)
    assert [what for _each, what, _value in result.filters] == ["waits"]


def test_a_timeout_that_continues_skips_the_implied_original_dst() -> None:
    seen = connection(original="10.0.0.5:3306")
    result = inspect([HTTP_INSPECTOR], SILENT, seen, use_original_dst=True, continue_on_listener_filters_timeout=True)
    assert (result.connection.restored, result.connection.transport) == (False, "raw_buffer")
    first = inspect([ORIGINAL_DST, HTTP_INSPECTOR], SILENT, seen, continue_on_listener_filters_timeout=True)
    assert first.connection.restored


def test_a_silent_client_passes_where_nobody_peeks() -> None:
    assert inspect([ORIGINAL_DST], SILENT, connection(original="10.0.0.5:1")).ended is None


def disabled(start: int, end: int) -> dict[str, Any]:
    return {**HTTP_INSPECTOR, "filter_disabled": {"destination_port_range": {"start": start, "end": end}}}


@pytest.mark.parametrize(("start", "end", "runs"), [(80, 81, False), (79, 80, True), (81, 90, True), (80, 80, True)])
def test_port_predicates_are_half_open_and_see_the_restored_port(start: int, end: int, runs: bool) -> None:
    found = inspect([ORIGINAL_DST, disabled(start, end)], http(), connection(original="10.0.0.5:80")).connection
    assert (found.alpn == ("http/1.1",)) is runs


def test_port_predicates_before_the_implied_original_dst_see_the_receivers_port() -> None:
    seen = connection("10.9.9.9:15001", original="10.0.0.5:80")
    assert inspect([disabled(15001, 15002)], http(), seen, use_original_dst=True).connection.alpn == ()


@pytest.mark.parametrize(
    ("predicate", "runs"),
    [
        ({"any_match": True}, False),
        ({"not_match": {"any_match": True}}, True),
        ({"or_match": {"rules": [{"destination_port_range": {"start": 1, "end": 2}}, {"any_match": True}]}}, False),
        ({"and_match": {"rules": [{"destination_port_range": {"start": 1, "end": 2}}, {"any_match": True}]}}, True),
    ],
)
def test_predicates_combine(predicate: dict[str, Any], runs: bool) -> None:
    found = inspect([{**HTTP_INSPECTOR, "filter_disabled": predicate}], http()).connection
    assert (found.alpn == ("http/1.1",)) is runs


def test_an_empty_predicate_is_refused_as_envoy_refuses_it() -> None:
    with pytest.raises(Rejected):
        inspect([{**HTTP_INSPECTOR, "filter_disabled": {}}], http())


PROXIED = ProxyProtocol("9.9.9.9:1000", "8.8.8.8:443")


def test_proxy_protocol_rewrites_both_sides_and_is_consumed() -> None:
    said = http()
    conversation = Conversation(said.protocol, request=said.request, proxy_protocol=PROXIED)
    result = inspect([PROXY_PROTOCOL, HTTP_INSPECTOR], conversation)
    found = result.connection
    assert (found.remote_text(), found.local_text(), found.restored) == ("9.9.9.9:1000", "8.8.8.8:443", True)
    assert found.direct_remote_text() == "10.80.3.109:40000"
    assert found.alpn == ("http/1.1",)
    assert result.conversation.proxy_protocol is None


def test_a_missing_proxy_header_closes_and_a_silent_client_waits() -> None:
    assert inspect([PROXY_PROTOCOL], http()).ended == "closed"
    assert inspect([PROXY_PROTOCOL], http()).after is None
    assert inspect([PROXY_PROTOCOL], SILENT).after == "15s"
    allowed = listener_filter("proxy_protocol.v3.ProxyProtocol", allow_requests_without_proxy_protocol=True)
    assert inspect([allowed], http()).ended is None


def test_an_unread_proxy_header_hides_tls_and_http() -> None:
    conversation = Conversation("http/1.1", tls=hello("a"), request=http().request, proxy_protocol=PROXIED)
    found = inspect([TLS_INSPECTOR, HTTP_INSPECTOR], conversation)
    assert (found.connection.transport, found.connection.sni, found.connection.alpn) == ("raw_buffer", "", ())
    assert found.conversation.proxy_protocol is PROXIED


def test_names_alone_are_understood_and_unknown_filters_are_asked_about() -> None:
    assert inspect([{"name": "envoy.listener.tls_inspector"}], tcp(tls=hello("a"))).connection.transport == "tls"
    strange = {"name": "strange", "typed_config": {"@type": FILTERS + "listener.strange.v3.Strange"}}
    assert inspect([strange, TLS_INSPECTOR], tcp(tls=hello("a"))).connection.transport == "tls"
    blocked = inspect([strange, TLS_INSPECTOR], tcp(tls=hello("a")), ask=lambda _each: False)
    assert (blocked.ended, len(blocked.filters)) == ("closed", 1)


def test_what_one_listener_found_stays_known_on_the_next() -> None:
    seen = connection(transport="tls", sni="a", alpn=("h2",))
    found = inspect([HTTP_INSPECTOR], http(tls=hello("a", "h2")), seen, handoff=False).connection
    assert (found.transport, found.sni, found.alpn) == ("tls", "a", ("h2",))


@pytest.mark.parametrize(
    ("payload", "remark"),
    [
        ("GET / HTTP/1.1\r\n\r\n", "TLS_error|error:1000009c:SSL_routines:OPENSSL_internal:HTTP_REQUEST:TLS_error_end"),
        ("CONNECT a:1 x", "TLS_error|error:1000009b:SSL_routines:OPENSSL_internal:HTTPS_PROXY_REQUEST:TLS_error_end"),
        ("DELETE /", "TLS_error|error:100000f7:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end"),
        ("\x15\x03\x01\x00\x02\x02\x28", None),
    ],
)
def test_tls_inspector_notes_what_plain_bytes_look_like(payload: str, remark: str | None) -> None:
    found = inspect([TLS_INSPECTOR], tcp(payload))
    assert (found.remark, found.ended, found.connection.transport) == (remark, None, "raw_buffer")


def test_an_sslv2_hello_is_waited_for() -> None:
    assert inspect([TLS_INSPECTOR], tcp("\x80\x2e\x01\x03\x01")).ended == "closed"


def test_a_strict_tls_inspector_closes_what_is_no_tls() -> None:
    strict = listener_filter("tls_inspector.v3.TlsInspector", close_connection_on_client_hello_parsing_errors=True)
    assert inspect([strict], http()).ended == "closed"
    assert inspect([strict], tcp(tls=hello("a"))).ended is None


def test_http_inspector_gives_up_on_an_endless_line() -> None:
    found = inspect([HTTP_INSPECTOR], tcp("GET /" + "a" * 70_000))
    assert (found.ended, found.after) == ("closed", None)


HEADER = ProxyProtocol("1.2.3.4:1000", "5.6.7.8:2000")


@pytest.mark.parametrize(
    ("disallowed", "optional", "ended", "local"),
    [
        (["V2"], False, None, "5.6.7.8:2000"),
        (["V1"], False, "closed", "127.0.0.1:15001"),
        (["V1"], True, None, "127.0.0.1:15001"),
        ([0], True, None, "127.0.0.1:15001"),
    ],
)
def test_a_header_of_a_disallowed_version(disallowed: list[Any], optional: bool, ended: str | None, local: str) -> None:
    config = {"disallowed_versions": disallowed, "allow_requests_without_proxy_protocol": optional}
    found = inspect([listener_filter("proxy_protocol.v3.ProxyProtocol", **config)], tcp("x", proxy_protocol=HEADER))
    assert (found.ended, found.connection.local_text()) == (ended, local)
    assert (found.conversation.proxy_protocol is None) == (local == "5.6.7.8:2000")


def test_a_header_with_an_address_that_is_not_unicast_closes() -> None:
    found = inspect([PROXY_PROTOCOL], tcp("x", proxy_protocol=ProxyProtocol("0.0.0.0:1", "5.6.7.8:2000")))
    assert found.ended == "closed"


@pytest.mark.parametrize("enabled", [None, False])
def test_a_rate_limit_asks_unless_it_is_switched_off(enabled: bool | None) -> None:
    config = {} if enabled is None else {"runtime_enabled": {"default_value": enabled}}
    bucket = {"max_tokens": 1, "fill_interval": "1s"}
    limit = listener_filter("local_ratelimit.v3.LocalRateLimit", stat_prefix="x", token_bucket=bucket, **config)
    assert inspect([limit], tcp("x"), ask=lambda _each: False).ended == ("closed" if enabled is None else None)


@pytest.mark.parametrize(
    "predicate",
    [{"any_match": False}, {"and_match": {"rules": [{"any_match": True}]}}, {"or_match": {"rules": []}}],
)
def test_predicates_that_envoy_refuses(predicate: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        inspect([{**TLS_INSPECTOR, "filter_disabled": predicate}], tcp("x"))
