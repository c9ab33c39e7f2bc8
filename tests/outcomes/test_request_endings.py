"""What answers a request before any upstream does: the codec, the manager, its filters, the route.

Each row was seen on Envoy 1.40.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.outcomes.rows import (
    CODEC_ERROR,
    DRAINED,
    NOT_YET_MODELLED,
    Document,
    Table,
    check,
    http_filter,
    over_http,
    reached,
    unreached,
)
from tests.outcomes.worlds import TYPES, far, speaks
from tests.truth.families._tokens import keys

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
STRICT_ROUTER = http_filter("router", "router.v3.Router", strict_check_headers=["x-envoy-retry-on"])
TOKEN_WANTED = http_filter(
    "jwt",
    "jwt_authn.v3.JwtAuthentication",
    providers={"one": {"issuer": "one", "local_jwks": {"inline_string": keys()}}},
    rules=[{"match": {"prefix": "/"}, "requires": {"provider_name": "one"}}],
)
NOT_A_TOKEN = "Jwt_is_not_in_the_form_of_Header.Payload.Signature_with_two_dots_and_3_sections"
ALWAYS = {"default_value": {"numerator": 100}}
BUCKET = http_filter(
    "bucket",
    "local_ratelimit.v3.LocalRateLimit",
    stat_prefix="x",
    token_bucket={"max_tokens": 0, "fill_interval": "3600s"},
    filter_enabled=ALWAYS,
    filter_enforced=ALWAYS,
)
DESCRIBED = {"rate_limits": [{"actions": [{"generic_key": {"descriptor_value": "x"}}]}]}


def authority(cluster: str) -> Document:
    server = {"uri": "http://authority", "cluster": cluster, "timeout": "5s"}
    return http_filter("authority", "ext_authz.v3.ExtAuthz", http_service={"server_uri": server})


def counted(cluster: str, **fields: Any) -> Document:
    service = {"grpc_service": {"envoy_grpc": {"cluster_name": cluster}}, "transport_api_version": "V3"}
    return http_filter("counted", "ratelimit.v3.RateLimit", domain="x", rate_limit_service=service, **fields)


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
        close="codec_error:Upgrade_required_for_HTTP/1.0_or_HTTP/0.9",
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
        close=f"{CODEC_ERROR}NO_REQUEST_LINE_IN_REQUEST",
        protocol="tcp",
        payload="\u0001\u0002\r\n\r\n",
    ),
    "too many headers": over_http(
        431,
        ("DPE",),
        "http1.too_many_headers",
        close=f"{CODEC_ERROR}headers_count_exceeds_limit",
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
    "strict header check": over_http(
        400,
        ("IH",),
        "request_headers_failed_strict_check{x-envoy-retry-on}",
        close=DRAINED,
        manager={"http_filters": [STRICT_ROUTER]},
        headers={"x-envoy-retry-on": "nonsense"},
    ),
    "RBAC over HTTP": over_http(
        403,
        (),
        "rbac_access_denied_matched_policy[none]",
        manager={"filters": [http_filter("rbac", "rbac.v3.RBAC", rules={})]},
    ),
    "JWT, no token": over_http(401, (), "jwt_authn_access_denied{Jwt_is_missing}", manager={"filters": [TOKEN_WANTED]}),
    "JWT, no token but a word": over_http(
        401,
        (),
        f"jwt_authn_access_denied{{{NOT_A_TOKEN}}}",
        manager={"filters": [TOKEN_WANTED]},
        headers={"authorization": "Bearer abc"},
    ),
    "ext_authz, nobody to ask": over_http(
        403, ("UAEX",), "ext_authz_error", manager={"filters": [authority("nowhere")]}
    ),
    "ext_authz, whoever is asked is down": over_http(
        403,
        ("UAEX",),
        "ext_authz_error",
        at=far(),
        manager={"filters": [authority("out")]},
        choices={"0/filter/authority": "fails"},
    ),
    "local rate limit": over_http(429, ("RL",), "local_rate_limited", manager={"filters": [BUCKET]}),
    "global rate limit": over_http(
        429,
        ("RL",),
        "request_rate_limited",
        at=speaks("h2c"),
        route=DESCRIBED,
        manager={"filters": [counted("out")]},
        to={"http2_protocol_options": {}},
        choices={"0/filter/counted": "blocks"},
    ),
    "rate limit service fails": over_http(
        500,
        ("RLSE",),
        "rate_limiter_error",
        route=DESCRIBED,
        manager={"filters": [counted("nowhere", failure_mode_deny=True)]},
    ),
    "buffer limit": over_http(
        413,
        (),
        "request_payload_too_large",
        close=DRAINED,
        manager={"filters": [http_filter("buffer", "buffer.v3.Buffer", max_request_bytes=4)]},
        method="POST",
        headers={"content-length": "8"},
    ),
    "lua answers": NOT_YET_MODELLED,
}


@pytest.mark.parametrize("condition", reached(BEFORE_THE_UPSTREAM))
def test_the_call_that_reaches_it(condition: str) -> None:
    check(BEFORE_THE_UPSTREAM[condition])


def test_what_no_call_reaches_yet() -> None:
    assert unreached(BEFORE_THE_UPSTREAM) == {"lua answers"}
