"""The table of network filters: what routes, what only watches, and what nobody models."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.envoy.network_filters import compile_network_filters
from meshsim.envoy.network_filters.base import NetworkFilter
from meshsim.envoy.network_filters.hcm import HttpConnectionManager
from meshsim.envoy.network_filters.tcp_proxy import TcpProxy
from meshsim.errors import Rejected
from tests.builders_connection import FILTERS, PREFIX, chain, hcm, tcp_proxy, view


def compiled(*filters: dict[str, Any]) -> tuple[NetworkFilter, ...]:
    return compile_network_filters(view(chain("c", *filters)))


def wasm(code: str) -> dict[str, Any]:
    value = {"config": {"vm_config": {"code": {"local": {"filename" if "/" in code else "inline_string": code}}}}}
    struct = {
        "@type": PREFIX + "udpa.type.v1.TypedStruct",
        "type_url": FILTERS + "network.wasm.v3.Wasm",
        "value": value,
    }
    return {"name": "istio.stats", "typed_config": struct}


STATS = {"name": "istio.stats", "typed_config": {"@type": PREFIX + "stats.PluginConfig"}}
ZOOKEEPER = {
    "name": "z",
    "typed_config": {"@type": FILTERS + "network.zookeeper_proxy.v3.ZooKeeperProxy", "stat_prefix": "x"},
}


def test_istio_telemetry_only_watches() -> None:
    exchange = {"name": "x", "typed_config": {"@type": PREFIX + "envoy.tcp.metadataexchange.config.MetadataExchange"}}
    made = compiled(
        exchange,
        STATS,
        wasm("/etc/istio/extensions/stats-filter.compiled.wasm"),
        wasm("envoy.wasm.stats"),
        {"name": "envoy.filters.network.metadata_exchange"},
        tcp_proxy(),
    )
    assert [each.kind for each in made] == ["neutral"] * 5 + ["tcp"]


def test_other_wasm_and_unknown_filters_are_opaque() -> None:
    made = compiled(wasm("mine"), ZOOKEEPER, {"name": "mixer"}, tcp_proxy())
    assert [each.kind for each in made] == ["opaque"] * 3 + ["tcp"]


def test_filters_out_of_place_are_refused() -> None:
    sni = {"name": "sni", "typed_config": {"@type": FILTERS + "network.sni_cluster.v3.SniCluster"}}
    with pytest.raises(Rejected, match="ends nothing"):
        compiled(sni)
    with pytest.raises(Rejected, match="not the last"):
        compiled(tcp_proxy(), tcp_proxy())


def test_tcp_proxy_and_connection_manager_carry_their_configuration() -> None:
    tcp, http = compiled(tcp_proxy("blue"))[0], compiled(hcm())[0]
    assert isinstance(tcp.config, TcpProxy) and tcp.config.cluster == "blue"
    assert isinstance(http.config, HttpConnectionManager)
    assert (tcp.short_name, http.short_name) == ("tcp_proxy", "http_connection_manager")


@pytest.mark.parametrize("name", ["envoy.tcp_proxy", "envoy.filters.network.tcp_proxy"])
def test_untyped_filters_of_old_dumps(name: str) -> None:
    (made,) = compiled({"name": name, "config": {"stat_prefix": "x", "cluster": "old"}})
    assert isinstance(made.config, TcpProxy) and made.config.cluster == "old"


def test_a_protocol_nobody_models_ends_the_chain_and_names_its_clusters() -> None:
    config = {
        "@type": FILTERS + "network.redis_proxy.v3.RedisProxy",
        "stat_prefix": "x",
        "settings": {"op_timeout": "1s"},
        "prefix_routes": {"catch_all_route": {"cluster": "redis-a"}, "routes": [{"cluster": "redis-b"}]},
    }
    made = compiled(STATS, {"name": "envoy.filters.network.redis_proxy", "typed_config": config})[-1]
    assert (made.kind, set(made.clusters), made.short_name) == ("terminal", {"redis-a", "redis-b"}, "redis_proxy")


def test_weights_and_the_rest_of_tcp_proxy() -> None:
    weights = {"clusters": [{"name": "a", "weight": 90}, {"name": "b", "weight": 10}]}
    (made,) = compiled(tcp_proxy(weighted_clusters=weights, max_connect_attempts=3, mystery=1))
    config = made.config
    assert isinstance(config, TcpProxy)
    assert (config.cluster, config.weighted_clusters) == (None, (("a", 90), ("b", 10)))
    assert (config.max_connect_attempts, config.idle_timeout_ms, config.tunnels) == (3, 3_600_000, False)
    assert [reason.fact("field") for reason in config.unmodelled] == ["mystery"]


def test_tcp_proxy_without_a_cluster_is_refused_as_envoy_refuses_it() -> None:
    with pytest.raises(Rejected, match="must contain at least 1 item"):
        compiled(tcp_proxy(weighted_clusters={}))
