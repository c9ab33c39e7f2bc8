"""How tcp_proxy ends a connection, row by row of Envoy's own tables: the call that reaches it, or that none does yet.

Each row was seen on Envoy 1.40.
"""

from __future__ import annotations

import pytest

from tests.outcomes.broken_upstreams import (
    AWAITED,
    BOUND,
    LOST,
    MISSING_PIPE,
    NOBODY,
    STRICT,
    UNHEALTHY,
    UNRESTORED,
    WITH_A_SECRET,
)
from tests.outcomes.rows import Table, check, over_tcp, reached, unreached
from tests.outcomes.worlds import FAR, cluster, far, speaks, tcp_proxy, upstream_tls

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
    "missing pipe": over_tcp(("UF", "URX"), f"{NOT_INITIALISED}:0", to=MISSING_PIPE, made=1),
    "no secret": over_tcp(
        ("UF", "URX"), f"{NOT_INITIALISED}:0", at=speaks("silent"), to=WITH_A_SECRET, gate_more=AWAITED, made=1
    ),
    "no secret, and refused": over_tcp(
        ("UF", "URX"), f"{NOT_INITIALISED}:0", at=far(), to=WITH_A_SECRET, gate_more=AWAITED, made=1
    ),
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
    "longest duration of a connection": over_tcp(
        ("DT",),
        "max_connection_duration_reached",
        at=speaks("silent"),
        filters=(tcp_proxy(max_downstream_connection_duration="0.2s"),),
        made=1,
    ),
    "longest duration before it stands": over_tcp(
        ("DT",),
        "max_connection_duration_reached",
        to=cluster("10.9.9.9:80"),
        gate_more=LOST,
        filters=(tcp_proxy(max_downstream_connection_duration="0.2s", max_connect_attempts=5),),
        made=1,
    ),
    "idle before it is too old": over_tcp(
        (),
        "tcp_session_idle_timeout",
        at=speaks("silent"),
        filters=(tcp_proxy(max_downstream_connection_duration="5s", idle_timeout="0.2s"),),
        made=1,
    ),
}


@pytest.mark.parametrize("condition", reached(TCP_PROXY))
def test_the_call_that_reaches_it(condition: str) -> None:
    check(TCP_PROXY[condition])


def test_what_no_call_reaches_yet() -> None:
    assert unreached(TCP_PROXY) == set()
