"""How a request ends at its upstream, row by row of Envoy's tables: the call that reaches it, or that none does yet.

Each row was seen on Envoy 1.40.
"""

from __future__ import annotations

import pytest

from meshsim.branches import branches
from meshsim.facts.call import read_call
from tests.outcomes.broken_upstreams import (
    AWAITED,
    BAD_BIND,
    BEFORE,
    BOUND,
    LOST,
    MISSING_PIPE,
    NO_CERTIFICATE,
    NO_PIPE,
    NO_SECRET,
    NOBODY,
    REFUSED,
    STRICT,
    UNHEALTHY,
    WITH_A_SECRET,
)
from tests.outcomes.rows import NOT_YET_MODELLED, Table, check, over_http, reached, retry, unreached
from tests.outcomes.worlds import GATE, PREVIOUS_HOSTS, cluster, far, gate, hcm, speaks, upstream_tls, world

DROPPING = {
    "load_assignment": {
        **cluster()["load_assignment"],
        "policy": {"drop_overloads": [{"category": "all", "drop_percentage": {"numerator": 100}}]},
    }
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
    "secret not delivered": over_http(
        503,
        ("UF",),
        f"{BEFORE}{{remote_connection_failure|TLS_error:_Secret_is_not_supplied_by_SDS}}",
        at=speaks("http"),
        to=WITH_A_SECRET,
        gate_more=AWAITED,
        made=1,
    ),
    "secret not delivered, and refused": over_http(
        503,
        ("UF",),
        f"{BEFORE}{{remote_connection_failure|delayed_connect_error:_Connection_refused.{NO_SECRET}}}",
        at=far(),
        to=WITH_A_SECRET,
        gate_more=AWAITED,
        made=1,
    ),
    "secret not delivered, and nobody answers": over_http(
        503,
        ("UF",),
        f"{BEFORE}{{connection_timeout|{NO_SECRET[1:]}}}",
        to={**cluster("10.9.9.9:80"), **WITH_A_SECRET},
        gate_more={**LOST, **AWAITED},
        made=1,
    ),
    "secret not delivered, and a source that cannot be bound": over_http(
        503,
        ("UF",),
        f"{BEFORE}{{local_connection_failure|failed_to_bind_to_127.0.0.6:0:_Invalid_argument.{NO_SECRET}}}",
        to={**cluster("[::1]:80"), **BOUND, **WITH_A_SECRET},
        gate_more=AWAITED,
    ),
    "no such pipe": over_http(
        503, ("UF",), f"{BEFORE}{{remote_connection_failure|{NO_PIPE}}}", to=MISSING_PIPE, made=1
    ),
    "no such pipe, retried": over_http(
        503,
        ("URX", "UF"),
        f"{BEFORE}{{remote_connection_failure|{NO_PIPE}}}",
        to=MISSING_PIPE,
        route=retry("connect-failure", 2),
        made=3,
    ),
    "no such pipe, and a secret not delivered": over_http(
        503,
        ("UF",),
        f"{BEFORE}{{remote_connection_failure|{NO_PIPE}.{NO_SECRET}}}",
        to={**MISSING_PIPE, **WITH_A_SECRET},
        gate_more=AWAITED,
        made=1,
    ),
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
    "the client left": over_http(0, ("DC",), "downstream_remote_disconnect", at=speaks("silent"), max_time="0.5s"),
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
    "maintenance mode": over_http(
        503,
        ("UO",),
        "maintenance_mode",
        at=speaks("http"),
        gate_more={"runtime": {"upstream.maintenance_mode.out": 100}},
    ),
    "maintenance mode of another cluster": over_http(
        204,
        (),
        "via_upstream",
        at=speaks("http", status=204),
        gate_more={"runtime": {"upstream.maintenance_mode.other": 100, "upstream.maintenance_mode.out": 0}},
    ),
    "endpoints drop the call": over_http(503, ("UDO",), "unconditional_drop_overload", at=speaks("http"), to=DROPPING),
}


@pytest.mark.parametrize("condition", reached(UPSTREAM))
def test_the_call_that_reaches_it(condition: str) -> None:
    check(UPSTREAM[condition])


def test_maintenance_of_a_part_is_a_choice() -> None:
    held = gate(hcm(), runtime={"upstream.maintenance_mode.out": 30})
    call = {"from": "outside", "destination": f"{GATE}:8080", "source": "192.0.2.9:1234"}
    found = branches(world(held, speaks("http")), read_call(call)).items
    shares = {each.trace.outcome.status: float(each.share or 0) for each in found}
    assert shares == {None: pytest.approx(0.7), 503: pytest.approx(0.3)}


def test_what_no_call_reaches_yet() -> None:
    assert unreached(UPSTREAM) == {"broken off within the body"}
