"""What network filters say, end to end: tcp_proxy has dialled by the time anybody is asked who the client is."""

from __future__ import annotations

from typing import Any

from tests.outcomes.worlds import TYPES, ask, far, gate, hcm, speaks, tcp_proxy, world

EVERYBODY = {"permissions": [{"any": True}], "principals": [{"any": True}]}


def network(short: str, name: str = "guard", **config: Any) -> dict[str, Any]:
    return {"name": name, "typed_config": {"@type": f"{TYPES}filters.network.{short}", **config}}


def denies(**policies: Any) -> dict[str, Any]:
    return network("rbac.v3.RBAC", stat_prefix="x", rules={"action": "DENY", "policies": policies or {"p": EVERYBODY}})


RAW = {"protocol": "tcp", "payload": "hello"}


def test_a_denied_connection_was_dialled_all_the_same() -> None:
    done = ask(world(gate(denies(), tcp_proxy()), speaks("tcp")), **RAW)
    (hop,) = done.hops
    assert (done.outcome.kind, done.outcome.answered_by, done.outcome.client_sees) == ("closed", 0, "closed")
    assert [(each.endpoint, each.result) for each in hop.attempts] == [("10.1.0.2:80", "connected")]
    assert hop.connection_termination_details == "rbac_access_denied_matched_policy[p]"
    assert hop.downstream_local_close_reason == "rbac_deny_close"
    assert (hop.response_flags, hop.response_code_details) == ((), None)


def test_an_upstream_that_refuses_is_met_before_the_policy() -> None:
    refused = ask(world(gate(denies(), tcp_proxy()), far({"listen": "0.0.0.0:81"})), **RAW).hops[0]
    assert (refused.response_flags, refused.connection_termination_details) == (("UF", "URX"), None)


def test_a_missing_cluster_is_met_before_the_policy() -> None:
    (hop,) = ask(world(gate(denies(), tcp_proxy("nowhere"))), **RAW).hops
    assert (hop.response_flags, hop.connection_termination_details) == (("NC",), None)


def test_a_connection_manager_is_never_reached() -> None:
    done = ask(world(gate(denies(), hcm()), speaks("http")))
    (hop,) = done.hops
    assert done.outcome.kind == "closed" and hop.attempts == ()
    assert hop.connection_termination_details == "rbac_access_denied_matched_policy[p]"
    labels = {each.label: each for decision in done.explain("network") for each in decision.candidates}
    assert labels["p"].kind == "rbac_policy"


def test_a_server_that_speaks_first_is_heard() -> None:
    done = ask(world(gate(denies(), tcp_proxy()), speaks("tcp")), protocol="tcp", server_first=True)
    notes = [note.code for decision in done.explain("network") for note in decision.notes]
    assert notes == ["network.server-speaks-first"]


def test_a_service_that_is_asked_is_an_assumption_and_a_pin() -> None:
    guard = network("ext_authz.v3.ExtAuthz", stat_prefix="x", grpc_service={"envoy_grpc": {"cluster_name": "out"}})
    held = world(gate(guard, tcp_proxy()), speaks("tcp"))
    assert [each.code for each in ask(held, **RAW).assumptions] == ["network.asks-a-service"]
    (denied,) = ask(held, **RAW, choices={"0/filter/guard": "denied"}).hops
    assert (denied.response_flags, denied.response_code_details) == (("UAEX",), "ext_authz_denied")
    assert denied.downstream_local_close_reason == "ext_authz_close"


def test_an_echo_is_what_was_said() -> None:
    done = ask(world(gate(network("echo.v3.Echo"))), **RAW)
    assert (done.outcome.kind, done.outcome.body, done.outcome.client_sees) == ("replied", "hello", "data")
    assert ask(world(gate(network("echo.v3.Echo"))), protocol="tcp").outcome.kind == "hanging"
