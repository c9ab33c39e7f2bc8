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
    Table,
    check,
    http_filter,
    over_http,
    reached,
    unreached,
)
from tests.outcomes.worlds import TYPES

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


@pytest.mark.parametrize("condition", reached(BEFORE_THE_UPSTREAM))
def test_the_call_that_reaches_it(condition: str) -> None:
    check(BEFORE_THE_UPSTREAM[condition])


def test_what_no_call_reaches_yet() -> None:
    assert unreached(BEFORE_THE_UPSTREAM) == {
        "ext_authz",
        "buffer limit",
        "local rate limit",
        "strict header check",
        "lua answers",
        "global rate limit",
        "rate limit service fails",
        "JWT",
    }
