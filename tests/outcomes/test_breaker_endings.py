"""What a circuit breaker without room makes of a call, over HTTP and TCP.

Each row was seen on Envoy 1.40.
"""

from __future__ import annotations

import pytest

from tests.outcomes.broken_upstreams import BEFORE, REFUSED
from tests.outcomes.rows import Table, check, over_http, over_tcp, reached, retry
from tests.outcomes.worlds import far, speaks

NOT_INITIALISED = "tcp_initializion_failure"
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


@pytest.mark.parametrize("condition", reached(BREAKERS))
def test_the_call_that_reaches_it(condition: str) -> None:
    check(BREAKERS[condition])
