"""Every way in which a call through Envoy can end, table by table: the call that reaches it, or that none does yet.

The tables are those of Envoy's own flags, details and close reasons; each row was seen on Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import frozen

from meshsim.config.capture import PodDocuments
from meshsim.mesh import Mesh
from tests.outcomes.worlds import (
    FAR,
    GATE,
    PREVIOUS_HOSTS,
    TYPES,
    ask,
    cluster,
    downstream_tls,
    far,
    gate,
    hcm,
    proxy,
    speaks,
    tcp_proxy,
    upstream_tls,
    world,
)


@frozen
class Row:
    """A call and what the first hop's log says of it."""

    mesh: Callable[[], Mesh]
    call: dict[str, Any]
    status: int | None = None
    flags: tuple[str, ...] = ()
    details: str | None = None
    close: str | None = None
    made: int | None = None
    """How many attempts."""


NOT_YET_MODELLED = None
Table = dict[str, Row | None]
BEFORE = "upstream_reset_before_response_started"
RAW = {"protocol": "tcp", "payload": "hello"}
DRAINED = "deferred_close_on_drained_connection"
CODEC_ERROR = "codec_error:"
HTTP_ERROR = f"{CODEC_ERROR}http/1.1_protocol_error:_"
OLD = f"{CODEC_ERROR}Upgrade_required_for_HTTP/1.0_or_HTTP/0.9"
NO_LINE = f"{HTTP_ERROR}NO_REQUEST_LINE_IN_REQUEST"
MANY = f"{HTTP_ERROR}headers_count_exceeds_limit"
NOT_HTTP = {"protocol": "tcp", "payload": "\u0001\u0002\r\n\r\n"}
LOST = {"unreachable": ["10.9.0.0/16"]}
BOUND = {"upstream_bind_config": {"source_address": {"address": "127.0.0.6", "port_value": 0}}}
UNHEALTHY = {
    "load_assignment": {
        "cluster_name": "out",
        "endpoints": [
            {
                "lb_endpoints": [
                    {
                        "endpoint": {"address": {"socket_address": {"address": FAR, "port_value": 80}}},
                        "health_status": "UNHEALTHY",
                    }
                ]
            }
        ],
    },
    "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
}
NOBODY = {"load_assignment": {"cluster_name": "out", "endpoints": []}}
UNRESTORED = {"type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "load_assignment": {}}


def over_http(
    status: int | None,
    flags: tuple[str, ...],
    details: str | None,
    *,
    at: Any = None,
    route: dict[str, Any] | None = None,
    manager: dict[str, Any] | None = None,
    to: dict[str, Any] | None = None,
    gate_more: dict[str, Any] | None = None,
    made: int | None = None,
    close: str | None = None,
    **call: Any,
) -> Row:
    def build() -> Mesh:
        pods = [gate(hcm(route, **(manager or {})), clusters=[cluster(**(to or {}))], **(gate_more or {}))]
        return world(*pods, *(() if at is None else (at,)))

    return Row(build, call, status, flags, details, close, made)


def over_tcp(
    flags: tuple[str, ...],
    close: str | None = None,
    *,
    at: Any = None,
    filters: tuple[dict[str, Any], ...] = (),
    to: dict[str, Any] | None = None,
    gate_more: dict[str, Any] | None = None,
    details: str | None = None,
    made: int | None = None,
    **call: Any,
) -> Row:
    def build() -> Mesh:
        chain = filters or (tcp_proxy(),)
        pods = [gate(*chain, clusters=[cluster(**(to or {}))], **(gate_more or {}))]
        return world(*pods, *(() if at is None else (at,)))

    return Row(build, {**RAW, **call}, None, flags, details, close, made)


def chained(*filters: dict[str, Any], call: dict[str, Any], **expected: Any) -> Row:
    """Of the gate alone, with a chain of its own; `chain` are the fields beside its filters."""
    chain = expected.pop("chain", {})

    def build() -> Mesh:
        held = proxy(*filters, at=f"{GATE}:8080", **chain)
        return world(PodDocuments("gate", proxy=held, host=gate().host))

    return Row(build, call, **expected)


def retry(on: str, tries: int = 2, **fields: Any) -> dict[str, Any]:
    return {"retry_policy": {"retry_on": on, "num_retries": tries, **fields}}


SERVICE_OF_NOBODY = {"envoy_grpc": {"cluster_name": "nowhere"}}


def http_filter(name: str, kind: str, /, **fields: Any) -> dict[str, Any]:
    return {"name": name, "typed_config": {"@type": f"{TYPES}filters.http.{kind}", **fields}}


def network_filter(name: str, kind: str, /, **fields: Any) -> dict[str, Any]:
    return {"name": name, "typed_config": {"@type": f"{TYPES}filters.network.{kind}", **fields}}


FAULT = http_filter("fault", "fault.v3.HTTPFault", abort={"http_status": 555, "percentage": {"numerator": 100}})
CORS = http_filter("cors", "cors.v3.Cors")
CORS_POLICY = {
    "@type": f"{TYPES}filters.http.cors.v3.CorsPolicy",
    "allow_origin_string_match": [{"exact": "http://a.example"}],
}
PREFLIGHT: dict[str, Any] = {
    "method": "OPTIONS",
    "headers": {"origin": "http://a.example", "access-control-request-method": "PUT"},
}
HELLO = {"response": {"inline_string": "hello"}}
REFUSED = "{remote_connection_failure|delayed_connect_error:_Connection_refused}"
BAD_BIND = "{remote_connection_failure|immediate_connect_error:_Invalid_argument|remote_address:10.9.9.9:80}"
NO_CERTIFICATE = "TLS_error:|268436496:SSL_routines:OPENSSL_internal:SSLV3_ALERT_HANDSHAKE_FAILURE:TLS_error_end"
STRICT = far(held=proxy(hcm(), at=f"{FAR}:80", **downstream_tls()))
DRAINED = "deferred_close_on_drained_connection"
CODEC = "codec_error:http/1.1_protocol_error:_"
NO_LINE = f"{CODEC}NO_REQUEST_LINE_IN_REQUEST"
TOO_MANY = f"{CODEC}headers_count_exceeds_limit"
LOW_VERSION = "codec_error:Upgrade_required_for_HTTP/1.0_or_HTTP/0.9"
NOT_INITIALISED = "tcp_initializion_failure"

INTERNAL_ADDRESS = {"envoy_internal_address": {"server_listener_name": "nobody"}}
INTERNAL = {
    "load_assignment": {
        "cluster_name": "out",
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": INTERNAL_ADDRESS}}]}],
    }
}

TCP_PROXY: Table = {
    "unknown cluster": over_tcp(("NC",), f"{NOT_INITIALISED}:3", filters=(tcp_proxy("none"),), made=0),
    "no host": over_tcp(("UH",), f"{NOT_INITIALISED}:1", to=NOBODY, made=0),
    "original destination not restored": over_tcp(("UH",), f"{NOT_INITIALISED}:1", to=UNRESTORED, made=0),
    "all unhealthy, no panic": over_tcp(("UH",), f"{NOT_INITIALISED}:1", to=UNHEALTHY, made=0),
    "refused": over_tcp(("UF", "URX"), f"{NOT_INITIALISED}:0", at=far(), made=1),
    "refused, several attempts": over_tcp(
        ("UF", "URX"), f"{NOT_INITIALISED}:0", at=far(), filters=(tcp_proxy(max_connect_attempts=3),), made=3
    ),
    "connect time-out": over_tcp(
        ("UF", "URX"), f"{NOT_INITIALISED}:0", to=cluster("10.9.9.9:80"), gate_more=LOST, made=1
    ),
    "upstream handshake fails": over_tcp(
        ("UF", "URX"), f"{NOT_INITIALISED}:0", at=STRICT, to=upstream_tls(certificate=False), made=1
    ),
    "source cannot be bound": over_tcp(("URX",), f"{NOT_INITIALISED}:0", to={**cluster("[::1]:80"), **BOUND}, made=1),
    "nothing leaves from a bound loopback address": over_tcp(
        ("UF", "URX"), f"{NOT_INITIALISED}:0", to={**cluster("10.9.9.9:80"), **BOUND}, made=1
    ),
    "unknown internal listener": over_tcp(("UF", "URX"), f"{NOT_INITIALISED}:0", to=INTERNAL, made=1),
    "missing pipe": NOT_YET_MODELLED,
    "first attempt failed, second did not": over_tcp(
        ("UF",),
        at=speaks("tcp"),
        filters=(tcp_proxy(max_connect_attempts=2),),
        to=cluster(f"{FAR}:79", f"{FAR}:80"),
        made=2,
    ),
    "upstream resets": over_tcp(("UR",), at=speaks("reset"), made=1),
    "upstream closes": over_tcp((), at=speaks("close"), made=1),
    "idle": over_tcp((), "tcp_session_idle_timeout", at=speaks("silent"), made=1),
    "longest duration of a connection": NOT_YET_MODELLED,
}
BREAKERS: Table = {
    "max_connections, tcp": over_tcp(
        ("UO",), f"{NOT_INITIALISED}:2", to={"circuit_breakers": {"thresholds": [{"max_connections": 0}]}}
    ),
    "max_connections, http": over_http(
        None, (), None, at=speaks("http"), to={"circuit_breakers": {"thresholds": [{"max_connections": 0}]}}
    ),
    "max_pending_requests, tcp": over_tcp(
        ("URX",), f"{NOT_INITIALISED}:0", to={"circuit_breakers": {"thresholds": [{"max_pending_requests": 0}]}}
    ),
    "max_pending_requests, http": over_http(
        503,
        ("UO",),
        f"{BEFORE}{{overflow}}",
        to={"circuit_breakers": {"thresholds": [{"max_pending_requests": 0}]}},
    ),
    "max_requests, tcp": over_tcp((), at=speaks("tcp"), to={"circuit_breakers": {"thresholds": [{"max_requests": 0}]}}),
    "max_requests, http": over_http(
        503,
        ("UO",),
        BEFORE + "{overflow}",
        at=speaks("http"),
        to={"circuit_breakers": {"thresholds": [{"max_requests": 0}]}},
        made=1,
    ),
    "max_retries, http": over_http(
        503,
        ("UO", "UF"),
        BEFORE + REFUSED,
        at=far(),
        route=retry("connect-failure"),
        to={"circuit_breakers": {"thresholds": [{"max_retries": 0}]}},
        made=1,
    ),
}
UPSTREAM: Table = {
    "cluster missing": over_http(503, ("NC",), "cluster_not_found", route={"cluster": "none"}),
    "cluster missing, with a status of the route's": over_http(
        404,
        ("NC",),
        "cluster_not_found",
        route={"cluster": "none", "cluster_not_found_response_code": "NOT_FOUND"},
    ),
    "no host": over_http(503, ("UH",), "no_healthy_upstream", to=NOBODY),
    "all unhealthy, no panic": over_http(503, ("UH",), "no_healthy_upstream", to=UNHEALTHY),
    "refused": over_http(503, ("UF",), BEFORE + REFUSED, at=far(), made=1),
    "connect time-out": over_http(
        503, ("UF",), f"{BEFORE}{{connection_timeout}}", to=cluster("10.9.9.9:80"), gate_more=LOST
    ),
    "source cannot be bound": over_http(
        503,
        ("UF",),
        f"{BEFORE}{{local_connection_failure|failed_to_bind_to_127.0.0.6:0:_Invalid_argument}}",
        to={**cluster("[::1]:80"), **BOUND},
    ),
    "nothing leaves from a bound loopback address": over_http(
        503, ("UF",), BEFORE + BAD_BIND, to={**cluster("10.9.9.9:80"), **BOUND}
    ),
    "upstream handshake fails": over_http(
        503,
        ("UF",),
        f"{BEFORE}{{remote_connection_failure|{NO_CERTIFICATE}}}",
        at=STRICT,
        to=upstream_tls(certificate=False),
    ),
    "secret not delivered": NOT_YET_MODELLED,
    "closed before the response": over_http(503, ("UC",), f"{BEFORE}{{connection_termination}}", at=speaks("close")),
    "reset before the response": over_http(503, ("UC",), f"{BEFORE}{{connection_termination}}", at=speaks("reset")),
    "plaintext to a TLS server": over_http(503, ("UC",), f"{BEFORE}{{connection_termination}}", at=STRICT),
    "the answer is no HTTP": over_http(502, ("UPE",), f"{BEFORE}{{protocol_error}}", at=STRICT, method="DELETE"),
    "broken off within the body": NOT_YET_MODELLED,
    "the route's time-out": over_http(504, ("UT",), "response_timeout", at=speaks("silent")),
    "a try's time-out, retried": over_http(
        504,
        ("URX", "UT"),
        "upstream_per_try_timeout",
        at=speaks("silent"),
        route=retry("5xx", 1, per_try_timeout="1s"),
        made=2,
    ),
    "the stream's idle time-out": over_http(
        504, ("SI",), "stream_idle_timeout", at=speaks("silent"), route={"timeout": "0s"}
    ),
    "longest duration of a stream": over_http(
        504,
        (),
        "max_duration_timeout",
        at=speaks("silent"),
        route={"max_stream_duration": {"max_stream_duration": "1s"}},
    ),
    "the client left": NOT_YET_MODELLED,
    "retries exhausted": over_http(
        503,
        ("URX", "UF"),
        BEFORE + REFUSED,
        at=far(),
        route=retry("connect-failure", 2, retry_host_predicate=[PREVIOUS_HOSTS]),
        made=3,
    ),
    "the response after exhausted retries": over_http(
        503, ("URX",), "via_upstream", at=speaks("http", status=503), route=retry("gateway-error", 1), made=2
    ),
    "the response": over_http(204, (), "via_upstream", at=speaks("http", status=204)),
    "maintenance mode": NOT_YET_MODELLED,
    "endpoints drop the call": NOT_YET_MODELLED,
}
BEFORE_THE_UPSTREAM: Table = {
    "no virtual host": over_http(
        404,
        ("NR",),
        "route_not_found",
        manager={"route_config": {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["other"]}]}},
    ),
    "no route": over_http(
        404,
        ("NR",),
        "route_not_found",
        manager={"route_config": {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"]}]}},
    ),
    "no Host": over_http(400, (), "missing_host_header", close=DRAINED, authority=None),
    "HTTP/1.0 not accepted": over_http(
        426,
        ("DPE",),
        "low_version",
        close=f"{CODEC_ERROR}Upgrade_required_for_HTTP/1.0_or_HTTP/0.9",
        protocol="http/1.0",
    ),
    "path refused by normalisation": over_http(
        400,
        (),
        "path_normalization_failed",
        close=DRAINED,
        manager={"path_with_escaped_slashes_action": "REJECT_REQUEST"},
        path="/a%2fb",
    ),
    "upgrade not enabled": over_http(
        403, (), "upgrade_failed", close=DRAINED, headers={"connection": "upgrade", "upgrade": "websocket"}
    ),
    "TLS required": over_http(
        301,
        (),
        "direct_response",
        manager={
            "route_config": {
                "name": "r",
                "virtual_hosts": [
                    {
                        "name": "v",
                        "domains": ["*"],
                        "require_tls": "ALL",
                        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "out"}}],
                    }
                ],
            }
        },
    ),
    "direct response": over_http(418, (), "direct_response", route={"direct_response": {"status": 418}}),
    "fault": over_http(555, ("FI",), "fault_filter_abort", manager={"filters": [FAULT]}),
    "CORS preflight": over_http(
        200,
        (),
        "cors_response",
        manager={
            "filters": [CORS],
            "route_config": {
                "name": "r",
                "virtual_hosts": [
                    {
                        "name": "v",
                        "domains": ["*"],
                        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "out"}}],
                        "typed_per_filter_config": {"cors": CORS_POLICY},
                    }
                ],
            },
        },
        **PREFLIGHT,
    ),
    "not HTTP at all": over_http(
        400,
        ("DPE",),
        "http1.codec_error",
        close=f"{HTTP_ERROR}NO_REQUEST_LINE_IN_REQUEST",
        protocol="tcp",
        payload="\u0001\u0002\r\n\r\n",
    ),
    "too many headers": over_http(
        431,
        ("DPE",),
        "http1.too_many_headers",
        close=f"{HTTP_ERROR}headers_count_exceeds_limit",
        headers={f"x-{number}": "1" for number in range(120)},
    ),
    "request not complete in its time": over_http(
        408,
        (),
        "request_overall_timeout",
        close=DRAINED,
        manager={"request_timeout": "1s"},
        protocol="tcp",
        payload="GET / HTTP/1.1\r\nHost",
    ),
    "headers not complete in their time": over_http(
        408,
        (),
        "request_header_timeout",
        close=DRAINED,
        manager={"request_headers_timeout": "1s"},
        protocol="tcp",
        payload="GET / HTTP/1.1\r\nHost",
    ),
    "strict header check": NOT_YET_MODELLED,
    "RBAC over HTTP": over_http(
        403,
        (),
        "rbac_access_denied_matched_policy[none]",
        manager={"filters": [http_filter("rbac", "rbac.v3.RBAC", rules={})]},
    ),
    "JWT": NOT_YET_MODELLED,
    "ext_authz": NOT_YET_MODELLED,
    "local rate limit": NOT_YET_MODELLED,
    "global rate limit": NOT_YET_MODELLED,
    "rate limit service fails": NOT_YET_MODELLED,
    "buffer limit": NOT_YET_MODELLED,
    "lua answers": NOT_YET_MODELLED,
}
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
        filters=(network_filter("guard", "ext_authz.v3.ExtAuthz", grpc_service=SERVICE_OF_NOBODY), tcp_proxy()),
        details="ext_authz_error",
    ),
    "connection limit": NOT_YET_MODELLED,
    "local rate limit over TCP": over_tcp(
        ("URX",),
        "local_ratelimit_close_over_limit",
        filters=(
            network_filter("guard", "local_ratelimit.v3.LocalRateLimit", token_bucket={"max_tokens": 0}),
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
        close=f"{CODEC}HPE_INVALID_METHOD",
    ),
    "the client asks for the end": chained(
        hcm({"direct_response": {"status": 418}}),
        call={"headers": {"connection": "close"}},
        status=418,
        details="direct_response",
        close=DRAINED,
    ),
    "the connection is idle": NOT_YET_MODELLED,
}
TABLES: dict[str, Table] = {
    "tcp_proxy": TCP_PROXY,
    "circuit breakers": BREAKERS,
    "upstream": UPSTREAM,
    "before the upstream": BEFORE_THE_UPSTREAM,
    "connections": CONNECTIONS,
}


@pytest.mark.parametrize(
    ("table", "condition"),
    [(name, condition) for name, table in TABLES.items() for condition, row in table.items() if row is not None],
)
def test_the_call_that_reaches_it(table: str, condition: str) -> None:
    row = TABLES[table][condition]
    assert row is not None
    done = ask(row.mesh(), **row.call)
    hop = done.hops[0]
    assert (hop.status, hop.response_flags, hop.response_code_details) == (row.status, row.flags, row.details)
    assert hop.downstream_local_close_reason == row.close
    assert row.made is None or len(hop.attempts) == row.made
    if done.outcome.answered_by == 0:
        assert (done.outcome.status, done.outcome.response_flags) == (row.status, row.flags)


def test_what_no_call_reaches_yet_is_listed_and_becomes_less() -> None:
    missing = {name: [row for row, call in table.items() if call is None] for name, table in TABLES.items()}
    assert {name: len(rows) for name, rows in missing.items()} == {
        "tcp_proxy": 2,
        "circuit breakers": 0,
        "upstream": 5,
        "before the upstream": 8,
        "connections": 3,
    }
