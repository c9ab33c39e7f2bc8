"""Listeners by address: exact before wildcard, families apart, and only what is in force."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.address import parse_endpoint
from meshsim.config.config_dump import ResourceState
from meshsim.errors import Rejected
from meshsim.explanation import Fate
from tests.builders_connection import address, chain, listener_config, listener_table, refused, view, warming


def at(text: str) -> tuple[int, int]:
    return parse_endpoint(text)


def found(table: object, text: str) -> str | None:
    listener = table.lookup(*at(text))  # type: ignore[attr-defined]
    winner, candidates = table.explain_lookup(*at(text))  # type: ignore[attr-defined]
    assert winner is listener
    assert sum(each.fate is Fate.CHOSEN for each in candidates) == (listener is not None)
    return listener.name if listener is not None else None


def test_exact_address_then_the_wildcard_of_the_same_family() -> None:
    table = listener_table(
        listener_config("any", "0.0.0.0:80", chain()),
        listener_config("own", "10.0.0.1:80", chain()),
        listener_config("six", "[::]:443", chain()),
    )
    assert found(table, "10.0.0.1:80") == "own"
    assert found(table, "10.0.0.2:80") == "any"
    assert found(table, "10.0.0.1:81") is None
    assert found(table, "[fd00::1]:443") == "six"
    assert found(table, "[fd00::1]:80") is None
    assert found(table, "10.0.0.1:443") is None


def test_an_ipv4_compatible_wildcard_yields_to_a_real_one() -> None:
    six = listener_config("six", "[::]:80", chain())
    six["address"]["socket_address"]["ipv4_compat"] = True
    alone = listener_table(six)
    assert found(alone, "10.0.0.1:80") == "six"
    both = listener_table(six, listener_config("four", "0.0.0.0:80", chain()))
    assert found(both, "10.0.0.1:80") == "four"
    assert found(both, "[fd00::1]:80") == "six"


def internal(name: str = "in", **rest: Any) -> dict[str, Any]:
    return {"name": name, "internal_listener": {}, "filter_chains": [chain()], **rest}


def test_internal_listeners_and_pipes_are_found_by_their_own_names() -> None:
    before = {"name": "x", "address": {"envoy_internal_address": {"server_listener_name": "old"}}}
    pipe = {"name": "p", "address": {"pipe": {"path": "/run/p"}}, "filter_chains": [chain()]}
    table = listener_table(internal(), {**before, "filter_chains": [chain()]}, pipe)
    assert (set(table.internal), set(table.pipes), table.listeners) == ({"in", "old"}, {"/run/p"}, ())


@pytest.mark.parametrize(
    "field",
    [
        {"address": address("10.0.0.1:80")},
        {"additional_addresses": [{"address": address("10.0.0.1:80")}]},
        {"freebind": True},
        {"transparent": True},
        {"enable_reuse_port": False},
        {"connection_balance_config": {"exact_balance": {}}},
    ],
)
def test_an_internal_listener_has_no_socket_to_configure(field: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        listener_table(internal(**field))


def test_additional_addresses_are_full_keys() -> None:
    table = listener_table(
        listener_config("two", "10.0.0.1:80", chain(), additional_addresses=[{"address": address("10.0.0.2:81")}])
    )
    assert found(table, "10.0.0.2:81") == "two"
    assert found(table, "10.0.0.2:80") is None


@pytest.mark.parametrize("flag", [{"bind_to_port": False}, {"deprecated_v1": {"bind_to_port": False}}])
def test_a_listener_without_a_socket_is_found_but_not_bound(flag: dict[str, object]) -> None:
    table = listener_table(listener_config("a", "0.0.0.0:80", chain(), **flag), listener_config("b", "0.0.0.0:90"))
    assert found(table, "1.1.1.1:80") == "a"
    assert [listener.name for listener in table.bound()] == ["b"]


def test_what_is_not_in_force_answers_nothing_and_is_named() -> None:
    config = listener_config("virtualInbound", "0.0.0.0:15006", chain())
    table = listener_table(refused("virtualInbound", config), warming("slow", listener_config("slow", "0.0.0.0:81")))
    assert found(table, "10.0.0.1:15006") is None
    (rejected,) = table.rejected
    assert (rejected.addresses, rejected.error, rejected.time) == (
        (at("0.0.0.0:15006"),),
        "it is wrong",
        "2025-02-17T14:49:37Z",
    )
    assert [each.name for each in table.warming] == ["slow"]
    assert table.bound() == ()
    _, candidates = table.explain_lookup(*at("10.0.0.1:15006"))
    assert [each.label for each in candidates if each.lost_at == "state"] == ["virtualInbound"]


def test_a_refused_update_leaves_the_old_version_in_force() -> None:
    config = listener_config("a", "0.0.0.0:80", chain())
    table = listener_table(refused("a", None, active=config))
    assert found(table, "10.0.0.1:80") == "a"
    assert table.rejected == ()
    update = table.listeners[0].refused_update
    assert update is not None and update.error == "it is wrong"


def test_listeners_no_tcp_address_reaches_are_kept_aside() -> None:
    table = listener_table(
        {"name": "pipe", "address": {"pipe": {"path": "/x"}}},
        {"name": "internal", "internal_listener": {}},
        {"name": "udp", "address": {"socket_address": {"protocol": "UDP", "address": "0.0.0.0", "port_value": 53}}},
    )
    assert table.listeners == ()
    assert table.aside == ("pipe", "internal", "udp")


def test_nameless_listeners_do_not_collide() -> None:
    states = [
        ResourceState(name, view({"address": address(name)}), static=True, state=view({}))
        for name in ("0.0.0.0:15021", "0.0.0.0:15090")
    ]
    table = listener_table(*states)
    assert found(table, "127.0.0.1:15090") == "0.0.0.0:15090"
    assert found(table, "127.0.0.1:15021") == "0.0.0.0:15021"


def test_flags_are_read_under_their_old_names_too() -> None:
    table = listener_table(
        listener_config("a", "0.0.0.0:80", hidden_envoy_deprecated_use_original_dst=True),
        {"name": "b", "address": address("0.0.0.0:81"), "useOriginalDst": True, "trafficDirection": "OUTBOUND"},
        listener_config("c", "0.0.0.0:82", listener_filters_timeout="0s", continue_on_listener_filters_timeout=True),
    )
    a, b, c = table.listeners
    assert (a.use_original_dst, b.use_original_dst, c.use_original_dst) == (True, True, False)
    assert (a.traffic_direction, b.traffic_direction) == ("UNSPECIFIED", "OUTBOUND")
    assert (a.listener_filters_timeout_ms, c.listener_filters_timeout_ms, c.continue_on_timeout) == (15_000, 0, True)


def test_a_field_nobody_knows_is_named() -> None:
    (listener,) = listener_table(listener_config("a", "0.0.0.0:80", mystery={"x": 1})).listeners
    assert [reason.fact("field") for reason in listener.unmodelled] == ["mystery"]


def test_a_host_name_is_refused_as_envoy_refuses_it() -> None:
    written = view(listener_config("a", "somewhere:80"))
    with pytest.raises(Rejected, match="is no IP address"):
        listener_table(ResourceState(name="a", view=written, static=True, state=written))


def test_a_delivered_listener_whose_address_somebody_blackened_is_a_doubt_about_its_port() -> None:
    table = listener_table(listener_config("a", "IP_REDACTED:80"), listener_config("b", "10.0.0.1:81"))
    assert [listener.name for listener in table.listeners] == ["b"]
    assert [doubt.fact("listener") for doubt in table.doubts(80)] == ["a"]
    assert table.doubts(81) == ()


def test_somebody_with_a_wrong_address_sees_the_right_one() -> None:
    table = listener_table(listener_config("svc", "10.0.0.1:80", chain()))
    winner, candidates = table.explain_lookup(*at("10.0.0.9:80"))
    assert winner is None
    assert [each.label for each in candidates if each.near_miss and each.lost_at == "address"][-1] == "svc"
