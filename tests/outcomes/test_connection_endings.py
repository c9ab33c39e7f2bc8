"""What ends a connection before its bytes or requests go anywhere: the call that reaches it, or that none does yet.

Each row was seen on Envoy 1.40.
"""

from __future__ import annotations

import pytest

from tests.outcomes.rows import (
    CODEC_ERROR,
    DRAINED,
    NOT_YET_MODELLED,
    Table,
    chained,
    check,
    network_filter,
    over_tcp,
    reached,
    unreached,
)
from tests.outcomes.worlds import downstream_tls, hcm, speaks, tcp_proxy

RAW = {"protocol": "tcp", "payload": "hello"}
SERVICE_OF_NOBODY = {"envoy_grpc": {"cluster_name": "nowhere"}}
HELLO = {"response": {"inline_string": "hello"}}
PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = "\0\0\0\x04\0\0\0\0\0"
PING = "\0\0\x08\x06\0\0\0\0\012345678"
EMPTY = {"max_tokens": 0, "fill_interval": "3600s"}
CONNECTIONS: Table = {
    "no filter chain": chained(
        tcp_proxy(),
        call=RAW,
        chain={"filter_chain_match": {"destination_port": 1}},
        flags=("NR",),
        details="filter_chain_not_found",
    ),
    "no filters": chained(call=RAW, close="no_filters"),
    "direct response of a filter": chained(
        network_filter("d", "direct_response.v3.Config", **HELLO), call=RAW, details="direct_response"
    ),
    "plaintext to a TLS chain": chained(hcm(), call={}, chain=downstream_tls()),
    "client without a certificate": chained(hcm(), call={"tls": {"sni": None, "alpn": []}}, chain=downstream_tls()),
    "the handshake takes too long": chained(
        hcm(),
        call={"protocol": "tcp", "server_first": True},
        chain={**downstream_tls(), "transport_socket_connect_timeout": "3s"},
        close="transport_socket_timeout",
    ),
    "RBAC over TCP": over_tcp(
        (),
        "rbac_deny_close",
        at=speaks("tcp"),
        filters=(network_filter("guard", "rbac.v3.RBAC", stat_prefix="x", rules={}), tcp_proxy()),
        made=1,
    ),
    "ext_authz over TCP": over_tcp(
        ("UAEX",),
        "ext_authz_close",
        at=speaks("tcp"),
        filters=(
            network_filter("guard", "ext_authz.v3.ExtAuthz", stat_prefix="x", grpc_service=SERVICE_OF_NOBODY),
            tcp_proxy(),
        ),
        details="ext_authz_error",
    ),
    "connection limit": NOT_YET_MODELLED,
    "local rate limit over TCP": over_tcp(
        ("URX",),
        "local_ratelimit_close_over_limit",
        filters=(
            network_filter("guard", "local_ratelimit.v3.LocalRateLimit", stat_prefix="x", token_bucket=EMPTY),
            tcp_proxy(),
        ),
    ),
    "the chain is drained away": NOT_YET_MODELLED,
    "the codec's own close reason": chained(
        hcm(),
        call={"protocol": "tcp", "payload": "hello\r\n\r\n"},
        status=400,
        flags=("DPE",),
        details="http1.codec_error",
        close=f"{CODEC_ERROR}HPE_INVALID_METHOD",
    ),
    "the client asks for the end": chained(
        hcm({"direct_response": {"status": 418}}),
        call={"headers": {"connection": "close"}},
        status=418,
        details="direct_response",
        close=DRAINED,
    ),
    "the connection is idle": chained(
        hcm(common_http_protocol_options={"idle_timeout": "0.2s", "max_connection_duration": "5s"}),
        call={"protocol": "tcp", "server_first": True},
        close="on_idle_timeout",
    ),
    "the connection is idle, by default": chained(
        hcm(), call={"protocol": "tcp", "server_first": True}, close="on_idle_timeout"
    ),
    "the connection is too old": chained(
        hcm(common_http_protocol_options={"max_connection_duration": "0.2s"}),
        call={"protocol": "tcp", "server_first": True},
        close="duration_timeout",
    ),
    "an HTTP/2 preface and no more": chained(
        hcm(drain_timeout="0.1s", delayed_close_timeout="0.1s", common_http_protocol_options={"idle_timeout": "0.1s"}),
        call={"protocol": "tcp", "payload": PREFACE},
        close="triggered_delayed_close_timeout",
    ),
    "an HTTP/2 preface, and no delay at the end": chained(
        hcm(drain_timeout="0.1s", delayed_close_timeout="0s", common_http_protocol_options={"idle_timeout": "0.1s"}),
        call={"protocol": "tcp", "payload": f"{PREFACE}{SETTINGS}"},
        close=DRAINED,
    ),
    "a part of an HTTP/2 preface": chained(
        hcm(
            drain_timeout="0s",
            delayed_close_timeout="0s",
            common_http_protocol_options={"idle_timeout": "0s", "max_connection_duration": "0.1s"},
        ),
        call={"protocol": "tcp", "payload": PREFACE[:12]},
        close=DRAINED,
    ),
    "an HTTP/2 preface, and a PING that nobody answers": chained(
        hcm(http2_protocol_options={"connection_keepalive": {"interval": "0.1s", "timeout": "0.1s"}}),
        call={"protocol": "tcp", "payload": PREFACE},
        close="http2_ping_timeout",
    ),
    "an HTTP/2 preface, and another frame than SETTINGS": chained(
        hcm(delayed_close_timeout="0s"),
        call={"protocol": "tcp", "payload": f"{PREFACE}{PING}"},
        flags=("DPE",),
        close="codec_error:The_user_callback_function_failed",
    ),
    "the connection may be idle for ever": chained(
        hcm(common_http_protocol_options={"idle_timeout": "0.0001s"}), call={"protocol": "tcp", "server_first": True}
    ),
}


@pytest.mark.parametrize("condition", reached(CONNECTIONS))
def test_the_call_that_reaches_it(condition: str) -> None:
    check(CONNECTIONS[condition])


def test_what_no_call_reaches_yet() -> None:
    assert unreached(CONNECTIONS) == {"connection limit", "the chain is drained away"}
