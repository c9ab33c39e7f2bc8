"""Filter chain matches nobody wrote, drawn from a seed as a config dump, and connections that probe them.

One listener takes everything (its original destination restored), each chain passes through under its own name.
"""

import itertools
import random
from collections.abc import Iterator
from typing import Any

POD, POD_ADDRESS = "here", "10.93.0.2"
RULES = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -j REDIRECT --to-ports 15001
-A OUTPUT -p tcp -m owner ! --uid-owner 1337 -j REDIRECT --to-ports 15001
COMMIT
"""
PORTS = (80, 443, 9000)
DESTINATIONS = ("10.93.0.99", "10.93.1.1", "198.51.100.7")
PEERS = ("10.93.0.9", "10.93.1.9", "203.0.113.5")
RANGES = ("10.93.0.0/24", "10.93.0.0/16", "10.0.0.0/8", "198.51.100.7/32", "203.0.113.0/24", "10.93.0.2/32")
NAMES = ("a.test", "b.a.test", "*.a.test", "*.test")
SNIS = ("a.test", "b.a.test", "c.b.a.test", "x.test", "other", None)
PROTOCOLS = ("http/1.1", "h2", "istio")
INSPECTORS = {
    "tls": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
    "http": "type.googleapis.com/envoy.extensions.filters.listener.http_inspector.v3.HttpInspector",
}
ORIGINAL_DESTINATION = "type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst"
TCP_PROXY = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"


def dump(seed: int) -> dict[str, Any]:
    draw = random.Random(seed)
    kinds = draw.choice((("tls",), ("http",), ("tls", "http"), ()))
    filters = [_extension("original_dst", ORIGINAL_DESTINATION)]
    filters += [_extension(f"{kind}_inspector", INSPECTORS[kind]) for kind in kinds]
    listener: dict[str, Any] = {
        "name": "drawn",
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": 15001}},
        "listener_filters": filters,
        "filter_chains": list(_chains(draw)),
    }
    if draw.random() < 0.5:
        listener["default_filter_chain"] = {"name": "default", "filters": [_passing_through()]}
    cluster = {"name": "passthrough", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "2s"}
    return {
        "configs": [
            {
                "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
                "dynamic_active_clusters": [{"cluster": cluster}],
            },
            {
                "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
                "dynamic_listeners": [{"name": "drawn", "active_state": {"listener": listener}}],
            },
        ]
    }


def calls(seed: int, count: int = 30) -> list[dict[str, Any]]:
    """HTTP, TLS and bytes of no protocol, to others and from peers to the pod."""
    draw = random.Random(f"calls {seed}")
    made = []
    for _ in range(count):
        port = draw.choice(PORTS)
        kind = draw.choice(("http", "tls", "tcp"))
        call: dict[str, Any] = {"protocol": "tcp", "payload": "\x01\x02bytes\n"}
        if kind != "tcp":
            call = {"protocol": "http", "authority": "a.test"}
        if kind == "tls":
            offered = draw.sample(PROTOCOLS, draw.randint(0, 3))
            call["tls"] = {"sni": draw.choice(SNIS), "alpn": offered}
        if draw.random() < 0.4:
            source = f"{draw.choice(PEERS)}:0"
            call |= {"from": "outside", "direction": "inbound", "pod": POD, "source": source}
            call["destination"] = f"{POD_ADDRESS}:{port}"
        else:
            call["destination"] = f"{draw.choice(DESTINATIONS)}:{port}"
        made.append(call)
    return made


def _chains(draw: random.Random) -> Iterator[dict[str, Any]]:
    """Chains that Envoy accepts: no two of them match the same."""
    taken: set[tuple[object, ...]] = set()
    for index in range(draw.randint(2, 9)):
        match = _match(draw)
        claimed = set(_claims(match))
        if claimed & taken:
            continue
        taken |= claimed
        yield {"name": f"chain-{index}", "filter_chain_match": match, "filters": [_passing_through()]}


def _match(draw: random.Random) -> dict[str, Any]:
    match: dict[str, Any] = {}
    if draw.random() < 0.4:
        match["destination_port"] = draw.choice(PORTS)
    if draw.random() < 0.4:
        match["prefix_ranges"] = [_range(text) for text in draw.sample(RANGES, draw.randint(1, 2))]
    if draw.random() < 0.3:
        match["server_names"] = draw.sample(NAMES, draw.randint(1, 2))
    if draw.random() < 0.4:
        match["transport_protocol"] = draw.choice(("tls", "raw_buffer"))
    if draw.random() < 0.4:
        match["application_protocols"] = draw.sample(PROTOCOLS, draw.randint(1, 2))
    if draw.random() < 0.2:
        match["source_type"] = draw.choice(("SAME_IP_OR_LOOPBACK", "EXTERNAL"))
    if draw.random() < 0.3:
        match["source_prefix_ranges"] = [_range(text) for text in draw.sample(RANGES, draw.randint(1, 2))]
    if draw.random() < 0.15:
        match["direct_source_prefix_ranges"] = [_range(draw.choice(RANGES))]
    return match


def _claims(match: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    criteria = []
    for name in (
        "destination_port",
        "prefix_ranges",
        "server_names",
        "transport_protocol",
        "application_protocols",
        "direct_source_prefix_ranges",
        "source_type",
        "source_prefix_ranges",
    ):
        value = match.get(name)
        criteria.append([str(each) for each in value] if isinstance(value, list) else [str(value)])
    return itertools.product(*criteria)


def _range(text: str) -> dict[str, Any]:
    address, _, length = text.partition("/")
    return {"address_prefix": address, "prefix_len": int(length)}


def _passing_through() -> dict[str, Any]:
    return _extension("tcp", TCP_PROXY, stat_prefix="tcp", cluster="passthrough")


def _extension(name: str, kind: str, **config: Any) -> dict[str, Any]:
    return {"name": name, "typed_config": {"@type": kind, **config}}
