"""Another attempt: when, on which host, how often, and what is said when none is left. As Envoy 1.40 on loopback."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from meshsim.trace import Trace
from tests.outcomes.worlds import (
    FAR,
    PREVIOUS_HOSTS,
    TYPES,
    ask,
    cluster,
    far,
    gate,
    hcm,
    proxy,
    speaks,
    tcp_proxy,
    upstream_tls,
    world,
)

SILENT = speaks("silent")


def retrying(on: str, tries: int = 2, **fields: Any) -> dict[str, Any]:
    return {"retry_policy": {"retry_on": on, "num_retries": tries, **fields}}


def attempts(done: Trace) -> list[str]:
    return [attempt.result for attempt in done.hops[0].attempts]


RESETS: dict[str, tuple[str, Any, str, int, tuple[str, ...]]] = {
    # conditions, what the far side does -> attempts, flags
    "Istio's own, refused": ("connect-failure,refused-stream,unavailable,cancelled", None, "refused", 3, ("URX", "UF")),
    "Istio's own, closed": ("connect-failure,refused-stream,unavailable,cancelled", "close", "closed", 1, ("UC",)),
    "reset, refused": ("reset", None, "refused", 3, ("URX", "UF")),
    "reset, closed": ("reset", "close", "closed", 3, ("URX", "UC")),
    "5xx, refused": ("5xx", None, "refused", 3, ("URX", "UF")),
    "5xx, closed": ("5xx", "close", "closed", 3, ("URX", "UC")),
    "gateway-error, refused": ("gateway-error", None, "refused", 3, ("URX", "UF")),
    "reset-before-request, refused": ("reset-before-request", None, "refused", 3, ("URX", "UF")),
    "reset-before-request, closed": ("reset-before-request", "close", "closed", 1, ("UC",)),
    "unavailable, refused": ("unavailable", None, "refused", 1, ("UF",)),
    "no condition at all": ("", None, "refused", 1, ("UF",)),
}


@pytest.mark.parametrize("name", RESETS)
def test_an_attempt_without_a_response(name: str) -> None:
    on, speaking, result, made, flags = RESETS[name]
    pod = far() if speaking is None else speaks(speaking)
    done = ask(world(gate(hcm(retrying(on))), pod))
    assert (attempts(done), done.outcome.response_flags) == ([result] * made, flags)
    told = "retried and the latest reset reason" if made > 1 else "headers. reset reason"
    assert told in (done.outcome.body or "")


STATUSES: dict[str, tuple[dict[str, Any], int, int, tuple[str, ...]]] = {
    "5xx on 500": (retrying("5xx", 1), 500, 2, ("URX",)),
    "gateway-error on 500": (retrying("gateway-error", 1), 500, 1, ()),
    "gateway-error on 503": (retrying("gateway-error", 1), 503, 2, ("URX",)),
    "retriable-4xx on 409": (retrying("retriable-4xx", 1), 409, 2, ("URX",)),
    "retriable-4xx on 404": (retrying("retriable-4xx", 1), 404, 1, ()),
    "a listed status": (retrying("retriable-status-codes", 1, retriable_status_codes=[418]), 418, 2, ("URX",)),
    "an unlisted status": (retrying("retriable-status-codes", 1, retriable_status_codes=[418]), 503, 1, ()),
    "a list without the condition": (retrying("connect-failure", 1, retriable_status_codes=[503]), 503, 1, ()),
}


@pytest.mark.parametrize("name", STATUSES)
def test_a_response_that_is_not_wanted(name: str) -> None:
    route, status, made, flags = STATUSES[name]
    done = ask(world(gate(hcm(route)), speaks("http", status=status)))
    hop = done.hops[0]
    assert (done.outcome.kind, done.outcome.status) == ("delivered", status)
    assert [attempt.status for attempt in hop.attempts] == [status] * made
    assert (hop.response_flags, hop.response_code_details) == (flags, "via_upstream")


def test_no_retries_left_from_the_start() -> None:
    done = ask(world(gate(hcm(retrying("connect-failure", 0))), far()))
    assert (attempts(done), done.outcome.response_flags) == (["refused"], ("URX", "UF"))
    assert "retried" not in (done.outcome.body or "")


def test_a_circuit_breaker_that_allows_no_retries() -> None:
    breaker: dict[str, Any] = {"circuit_breakers": {"thresholds": [{"max_retries": 0}]}}
    done = ask(world(gate(hcm(retrying("5xx")), clusters=[cluster(**breaker)]), far()))
    assert (attempts(done), done.outcome.response_flags) == (["refused"], ("UO", "UF"))
    done = ask(world(gate(hcm(retrying("5xx")), clusters=[cluster(**breaker)]), speaks("http", status=503)))
    assert done.hops[0].response_flags == ("UO",)


@pytest.mark.parametrize(
    ("route", "headers", "made"),
    [
        ({}, {"x-envoy-retry-on": "connect-failure", "x-envoy-max-retries": "3"}, 4),
        ({}, {"x-envoy-retry-on": "connect-failure"}, 2),
        ({}, {"x-envoy-max-retries": "3"}, 1),
        (retrying("connect-failure", 1), {"x-envoy-max-retries": "3"}, 4),
        (retrying("connect-failure", 1), {"x-envoy-retry-on": "reset"}, 2),
        (retrying("connect-failure", 1, retriable_request_headers=[{"name": "x-yes", "present_match": True}]), {}, 1),
        (
            retrying("connect-failure", 1, retriable_request_headers=[{"name": "x-yes", "present_match": True}]),
            {"x-yes": "1"},
            2,
        ),
    ],
)
def test_what_the_request_itself_asks_for(route: dict[str, Any], headers: dict[str, str], made: int) -> None:
    assert len(attempts(ask(world(gate(hcm(route)), far()), headers=headers))) == made


def test_a_client_outside_may_not_ask_for_retries() -> None:
    manager = hcm(internal_address_config={"cidr_ranges": [{"address_prefix": "10.9.9.9", "prefix_len": 32}]})
    done = ask(world(gate(manager), far()), headers={"x-envoy-retry-on": "connect-failure"})
    assert attempts(done) == ["refused"]


def test_the_routes_policy_replaces_the_virtual_hosts() -> None:
    manager = hcm()
    host = manager["typed_config"]["route_config"]["virtual_hosts"][0]
    host["retry_policy"] = {"retry_on": "connect-failure", "num_retries": 3}
    assert len(attempts(ask(world(gate(manager), far())))) == 4
    host["routes"][0]["route"] |= retrying("retriable-4xx")
    assert len(attempts(ask(world(gate(manager), far())))) == 1


def test_a_grpc_client_gets_the_failure_as_a_status() -> None:
    done = ask(world(gate(hcm(retrying("connect-failure", 1))), far()), protocol="grpc")
    assert (done.outcome.status, done.outcome.grpc_status) == (200, 14)
    assert "retried" in done.outcome.response_headers["grpc-message"][0]


def test_previous_hosts_lead_to_the_other_endpoint_for_certain() -> None:
    two = cluster(f"{FAR}:79", f"{FAR}:80")
    route = retrying("connect-failure", 2, retry_host_predicate=[PREVIOUS_HOSTS], host_selection_retry_max_attempts="5")
    done = ask(world(gate(hcm(route), clusters=[two]), speaks("http", status=200)))
    assert [(each.endpoint, each.result) for each in done.hops[0].attempts] == [
        (f"{FAR}:79", "refused"),
        (f"{FAR}:80", "connected"),
    ]
    assert done.probability == 0.5
    assert (done.outcome.kind, done.hops[0].response_flags) == ("delivered", ())


def test_random_balancing_draws_again_so_often() -> None:
    three = cluster(f"{FAR}:78", f"{FAR}:79", f"{FAR}:80", lb_policy="RANDOM")
    route = retrying("connect-failure", 1, retry_host_predicate=[PREVIOUS_HOSTS], host_selection_retry_max_attempts=1)
    done = ask(world(gate(hcm(route), clusters=[three]), far()))
    second = done.report().choices[1]
    assert second.site == "0/endpoint/2"
    assert [option.share for option in second.of] == [
        pytest.approx(Fraction(1, 9)),
        pytest.approx(Fraction(4, 9)),
        pytest.approx(Fraction(4, 9)),
    ]


@pytest.mark.parametrize(("every", "made"), [(None, 3), (1, 2), (2, 3)])
def test_previous_priorities_are_left_out(every: int | None, made: int) -> None:
    plugin = {
        "name": "envoy.retry_priorities.previous_priorities",
        "typed_config": {
            "@type": TYPES + "retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
            "update_frequency": every,
        },
    }
    two = cluster([f"{FAR}:79"], [f"{FAR}:80"])
    route = retrying("connect-failure", 2, **({} if every is None else {"retry_priority": plugin}))
    done = ask(world(gate(hcm(route), clusters=[two]), speaks("http", status=200)))
    assert len(attempts(done)) == made
    assert (done.outcome.kind == "delivered") is (every is not None)


@pytest.mark.parametrize(("limit", "made"), [(None, 1), (3, 3)])
def test_tcp_proxy_connects_again(limit: int | None, made: int) -> None:
    fields: dict[str, Any] = {} if limit is None else {"max_connect_attempts": limit}
    done = ask(world(gate(tcp_proxy(**fields)), far()), protocol="tcp", payload="x")
    assert (attempts(done), done.outcome.response_flags) == (["refused"] * made, ("UF", "URX"))


def test_tcp_proxy_keeps_the_flag_of_an_attempt_that_failed() -> None:
    two = cluster(f"{FAR}:79", f"{FAR}:80")
    done = ask(
        world(gate(tcp_proxy(max_connect_attempts=2), clusters=[two]), speaks("tcp")), protocol="tcp", payload="x"
    )
    assert (attempts(done), done.hops[0].response_flags) == (["refused", "connected"], ("UF",))
    assert done.outcome.kind == "delivered"


def test_an_attempt_into_a_known_proxy_opens_a_hop_of_its_own() -> None:
    closes = far(held=proxy(tcp_proxy(), at=f"{FAR}:80", filter_chain_match={"destination_port": 1}))
    done = ask(world(gate(hcm(retrying("reset"))), closes))
    assert [(hop.from_hop, hop.cause) for hop in done.hops] == [
        (None, "connect"),
        (0, "connect"),
        (0, "retry"),
        (0, "retry"),
    ]
    assert [attempt.next_hop for attempt in done.hops[0].attempts] == [1, 2, 3]
    assert all(hop.response_flags == ("NR",) for hop in done.hops[1:])


TIMERS: dict[str, tuple[dict[str, Any], dict[str, str], tuple[Any, ...]]] = {
    # route, headers -> status, flags, details, after, attempts
    "the route's time-out": ({"timeout": "3s"}, {}, (504, ("UT",), "response_timeout", "3s", 1)),
    "the default of 15 s": ({}, {}, (504, ("UT",), "response_timeout", "15s", 1)),
    "the client's time-out": (
        {},
        {"x-envoy-upstream-rq-timeout-ms": "200"},
        (504, ("UT",), "response_timeout", "0.2s", 1),
    ),
    "a try's time-out, retried": (
        {"timeout": "9s", **retrying("5xx", 2, per_try_timeout="1s")},
        {},
        (504, ("URX", "UT"), "upstream_per_try_timeout", "3s", 3),
    ),
    "a try's time-out, not retried": (
        {"timeout": "9s", **retrying("connect-failure", 2, per_try_timeout="1s")},
        {},
        (504, ("UT",), "upstream_per_try_timeout", "1s", 1),
    ),
    "the route's time-out among the tries": (
        {"timeout": "3.5s", **retrying("5xx", 9, per_try_timeout="1s")},
        {},
        (504, ("UT",), "response_timeout", "3.5s", 4),
    ),
    "no time-out but the stream's": ({"timeout": "0s"}, {}, (504, ("SI",), "stream_idle_timeout", "300s", 1)),
    "the route's own idle time": (
        {"timeout": "0s", "idle_timeout": "7s"},
        {},
        (504, ("SI",), "stream_idle_timeout", "7s", 1),
    ),
}


@pytest.mark.parametrize("name", TIMERS)
def test_a_timer_is_named_and_not_waited_for(name: str) -> None:
    route, headers, (status, flags, details, after, made) = TIMERS[name]
    done = ask(world(gate(hcm(route)), SILENT), headers=headers)
    outcome = done.outcome
    assert (outcome.kind, outcome.status, outcome.after) == ("replied", status, after)
    assert (outcome.response_flags, outcome.response_code_details) == (flags, details)
    assert len(done.hops[0].attempts) == made
    assert outcome.body == ("stream timeout" if "SI" in flags else "upstream request timeout")


def test_no_timer_at_all_hangs() -> None:
    done = ask(world(gate(hcm({"timeout": "0s"}, stream_idle_timeout="0s")), SILENT))
    assert (done.outcome.kind, done.outcome.after) == ("hanging", None)


def test_packets_that_get_no_answer_end_by_the_connect_time_out() -> None:
    lost = cluster("10.9.9.9:80")
    mesh = world(gate(hcm(retrying("connect-failure", 2)), clusters=[lost], unreachable=["10.9.0.0/16"]))
    done = ask(mesh)
    assert (attempts(done), done.outcome.after) == (["timeout"] * 3, "3s")
    assert (done.outcome.response_flags, done.outcome.status) == (("URX", "UF"), 503)
    assert done.outcome.response_code_details == "upstream_reset_before_response_started{connection_timeout}"
    done = ask(world(gate(tcp_proxy(), clusters=[lost], unreachable=["10.9.0.0/16"])), protocol="tcp", payload="x")
    assert (done.outcome.kind, done.outcome.after, done.outcome.response_flags) == ("closed", "1s", ("UF", "URX"))


def test_the_nearer_timer_ends_it_and_the_far_one_if_it_is_shorter() -> None:
    def both(near: str, behind: str) -> Trace:
        held = proxy(hcm({"timeout": behind}), at=f"{FAR}:80", clusters=[cluster(f"{FAR}:81")])
        pod = far({"listen": "0.0.0.0:81", "speaks": "silent"}, held=held)
        return ask(world(gate(hcm({"timeout": near})), pod))

    done = both("2s", "9s")
    assert (done.outcome.answered_by, done.outcome.after, done.hops[1].response_flags) == (0, "2s", ("DC",))
    assert [each.result for each in done.hops[1].attempts] == ["connected"]
    assert (done.hops[1].status, done.hops[1].response_code_details) == (0, "downstream_remote_disconnect")
    done = both("9s", "2s")
    assert (done.outcome.answered_by, done.outcome.after, done.hops[0].status) == (1, "2s", 504)


@pytest.mark.parametrize(
    ("filters", "limit", "protocol", "flags", "close"),
    [
        (hcm(), "max_connections", "http", (), None),
        (hcm(), "max_pending_requests", "http", ("UO",), None),
        (tcp_proxy(), "max_connections", "tcp", ("UO",), "tcp_initializion_failure:2"),
        (tcp_proxy(), "max_pending_requests", "tcp", ("URX",), "tcp_initializion_failure:0"),
        (tcp_proxy(max_connect_attempts=3), "max_pending_requests", "tcp", ("URX",), "tcp_initializion_failure:0"),
        (tcp_proxy(), "max_requests", "tcp", (), None),
    ],
)
def test_circuit_breakers_at_zero(
    filters: dict[str, Any], limit: str, protocol: str, flags: tuple[str, ...], close: str | None
) -> None:
    found = cluster(circuit_breakers={"thresholds": [{limit: 0}]})
    done = ask(
        world(gate(filters, clusters=[found]), speaks("tcp")),
        protocol=protocol,
        payload="" if protocol == "http" else "x",
    )
    assert (done.hops[0].response_flags, done.hops[0].downstream_local_close_reason) == (flags, close)


def test_many_attempts_are_no_circle() -> None:
    held = proxy(hcm(retrying("connect-failure", 9)), at=f"{FAR}:80", clusters=[cluster(f"{FAR}:9")])
    done = ask(world(gate(hcm(retrying("gateway-error", 9))), far(held=held)))
    assert (done.outcome.kind, done.outcome.status) == ("replied", 503)
    assert len(done.hops) == 11
    assert [len(hop.attempts) for hop in done.hops] == [10] * 11


@pytest.mark.parametrize(
    ("route", "headers", "expected"),
    [
        ({"timeout": "5s", **retrying("5xx", 2, per_try_timeout="1s")}, {}, "1000"),
        ({"timeout": "0s", **retrying("5xx", 2, per_try_timeout="1s")}, {}, "1000"),
        ({"timeout": "5s", **retrying("5xx", 2, per_try_timeout="9s")}, {}, "5000"),
        ({"timeout": "5s"}, {"x-envoy-upstream-rq-per-try-timeout-ms": "700"}, "700"),
    ],
)
def test_what_the_upstream_is_told(route: dict[str, Any], headers: dict[str, str], expected: str) -> None:
    manager = hcm(route)
    manager["typed_config"]["route_config"]["virtual_hosts"][0]["include_request_attempt_count"] = True
    done = ask(world(gate(manager), speaks("http", status=503)), headers=headers)
    sent = done.hops[0].upstream
    assert sent is not None and sent.headers is not None
    assert sent.headers["x-envoy-expected-rq-timeout-ms"] == (expected,)
    assert sent.headers["x-envoy-attempt-count"] == (str(len(attempts(done))),)


def test_the_time_of_a_try_without_any_policy() -> None:
    done = ask(world(gate(hcm()), SILENT), headers={"x-envoy-upstream-rq-per-try-timeout-ms": "700"})
    assert (done.outcome.after, done.outcome.response_code_details) == ("0.7s", "upstream_per_try_timeout")
    assert (attempts(done), done.outcome.response_flags) == (["timeout"], ("UT",))


def test_a_host_that_never_answers_the_handshake_is_not_connected() -> None:
    done = ask(world(gate(hcm(), clusters=[cluster(**upstream_tls())]), SILENT))
    assert (done.outcome.after, done.outcome.response_flags) == ("1s", ("UF",))
    assert done.outcome.response_code_details == "upstream_reset_before_response_started{connection_timeout}"


def test_a_predicate_that_is_not_modelled_matters_only_to_another_attempt() -> None:
    canary = {"name": "envoy.retry_host_predicates.omit_canary_hosts"}
    route = retrying("connect-failure", 1, retry_host_predicate=[canary])
    assert not ask(world(gate(hcm(route)), speaks("http", status=200))).assumptions
    (assumed,) = ask(world(gate(hcm(route)), far())).assumptions
    assert assumed.fact("field") == "retry_host_predicate"
