"""Listeners nobody wrote, drawn from a seed: who owns an address, what listener filters learn, which chain takes it.

One receiver hands connections on by their original destination; beside it stand listeners of one address, of a whole
port, of several addresses, with chains that overlap or a matcher tree. Every chain passes through under its own name.
"""

import contextlib
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meshsim.errors import Rejected
from tests.builders_connection import listener_table
from tests.realism import random_chains, random_matchers
from tests.realism.random_chains import DESTINATIONS, NAMES, PEERS, POD, POD_ADDRESS, PORTS, PROTOCOLS, RANGES, SNIS

LISTENER = "type.googleapis.com/envoy.extensions.filters.listener."
PASSTHROUGH = random_chains._passing_through
TIMEOUT = "0.4s"
CLIENT_PORTS = (20001, 20004, 20010, 20017)
DIALLED = (*DESTINATIONS, "10.93.7.7")
PAYLOADS = ("\x01\x02bytes\n", "x", "hello /world\r\n", "EHLO mail.test\r\n", "PRI * HTTP", "get / HTTP/1.1\r\n\r\n")


def dump(seed: int, count: int = 9) -> dict[str, Any]:
    draw = random.Random(f"listeners {seed}")
    owned: set[tuple[str, int]] = set()
    listeners = [_receiver(draw)]
    for index in range(count):
        addresses = _addresses(draw, owned)
        if addresses:
            listeners.append(_accepted(draw, f"l{index}", addresses))
    cluster = {"name": "passthrough", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "2s"}
    kinds = "type.googleapis.com/envoy.admin.v3."
    entries = [{"name": each["name"], "active_state": {"listener": each}} for each in listeners]
    return {
        "configs": [
            {"@type": f"{kinds}ClustersConfigDump", "dynamic_active_clusters": [{"cluster": cluster}]},
            {"@type": f"{kinds}ListenersConfigDump", "dynamic_listeners": entries},
        ]
    }


def listeners_of(drawn: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [entry["active_state"]["listener"] for entry in drawn["configs"][1]["dynamic_listeners"]]


def calls(seed: int, count: int) -> list[dict[str, Any]]:
    draw = random.Random(f"listener calls {seed}")
    return [_call(draw) for _ in range(count)]


def _call(draw: random.Random) -> dict[str, Any]:
    port = draw.choice(PORTS)
    kind = draw.choices(("http", "http/1.0", "tls", "tcp", "proxied", "silent"), (4, 1, 5, 3, 2, 0.3))[0]
    call: dict[str, Any] = {"protocol": "tcp", "payload": draw.choice(PAYLOADS)}
    if kind in ("http", "http/1.0"):
        call = {"protocol": kind, "authority": "a.test"}
    if kind == "tls":
        call = {"protocol": "http", "authority": "a.test"}
        call["tls"] = {"sni": draw.choice((*SNIS, "B.A.Test")), "alpn": draw.sample(PROTOCOLS, draw.randint(0, 3))}
    if kind == "silent":
        call = {"protocol": "tcp", "server_first": True, "timeout": 1.5}
    if kind == "proxied":
        peer, to = draw.choice(PEERS), draw.choice(DIALLED)
        call["proxy_protocol"] = {"source": f"{peer}:{draw.choice(CLIENT_PORTS)}", "destination": f"{to}:{port}"}
    if draw.random() < 0.4:
        call |= {"from": "outside", "direction": "inbound", "pod": POD, "source": f"{draw.choice(PEERS)}:0"}
        call["destination"] = f"{POD_ADDRESS}:{port}"
    else:
        call["destination"] = f"{draw.choice((*DIALLED, *DIALLED, POD_ADDRESS))}:{port}"
    return call


def _addresses(draw: random.Random, owned: set[tuple[str, int]]) -> list[tuple[str, int]]:
    wanted = [(draw.choice((*DIALLED, POD_ADDRESS, "0.0.0.0", "0.0.0.0")), draw.choice(PORTS))]
    if draw.random() < 0.3:
        wanted.append((draw.choice(DIALLED), draw.choice(PORTS)))
    free = [address for address in dict.fromkeys(wanted) if address not in owned]
    owned.update(free)
    return free


def _receiver(draw: random.Random) -> dict[str, Any]:
    own: dict[str, Any] = {
        "name": "receiver",
        "address": _address("0.0.0.0", 15001),
        "use_original_dst": True,
        "filter_chains": [{"name": "kept", "filters": [PASSTHROUGH()]}],
    }
    if draw.random() < 0.4:
        own["listener_filters"] = list(_filters(draw))
        own |= {"listener_filters_timeout": TIMEOUT, "continue_on_listener_filters_timeout": draw.random() < 0.5}
    return own


def _accepted(draw: random.Random, name: str, addresses: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """One that Envoy takes, which is to say one that we take."""
    while True:
        made = _listener(draw, name, addresses)
        with contextlib.suppress(Rejected):
            (compiled,) = listener_table(made).listeners
            assert compiled.chains.chains
            return made


def _listener(draw: random.Random, name: str, addresses: Sequence[tuple[str, int]]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "address": _address(*addresses[0]), "bind_to_port": False}
    if len(addresses) > 1:
        made["additional_addresses"] = [{"address": _address(*each)} for each in addresses[1:]]
    if draw.random() < 0.8:
        made["listener_filters"] = list(_filters(draw))
        made |= {"listener_filters_timeout": TIMEOUT, "continue_on_listener_filters_timeout": draw.random() < 0.5}
    chains = [
        {"name": f"{name}-{index}", "filters": [PASSTHROUGH()], "filter_chain_match": _match(draw)}
        for index in range(draw.randint(2, 8))
    ]
    if draw.random() < 0.35:
        made["filter_chain_matcher"] = random_matchers.matcher(draw, [chain["name"] for chain in chains])
    made["filter_chains"] = chains
    if draw.random() < 0.4:
        made["default_filter_chain"] = {"name": f"{name}-default", "filters": [PASSTHROUGH()]}
    return made


def _filters(draw: random.Random) -> Iterator[dict[str, Any]]:
    kinds = draw.choice((("tls",), ("http",), ("tls", "http"), ("http", "tls"), (), ("tls",), ("tls", "http")))
    entries = [_filter(f"{kind}_inspector.v3.{kind.capitalize()}Inspector") for kind in kinds]
    if draw.random() < 0.25:
        allow = draw.random() < 0.7
        entries.insert(
            draw.randint(0, len(entries)),
            _filter("proxy_protocol.v3.ProxyProtocol", allow_requests_without_proxy_protocol=allow),
        )
    if draw.random() < 0.2:
        entries.insert(draw.randint(0, len(entries)), _filter("original_dst.v3.OriginalDst"))
    for entry in entries:
        if draw.random() < 0.3:
            entry["filter_disabled"] = _predicate(draw)
        yield entry


def _filter(short: str, **config: Any) -> dict[str, Any]:
    name = "envoy.filters.listener." + short.partition(".")[0]
    return {"name": name, "typed_config": {"@type": LISTENER + short, **config}}


def _predicate(draw: random.Random, depth: int = 0) -> dict[str, Any]:
    kind = draw.choice(("range", "range", "any") + (("not", "and", "or") if depth < 2 else ()))
    if kind == "any":
        return {"any_match": True}
    if kind == "not":
        return {"not_match": _predicate(draw, depth + 1)}
    if kind in ("and", "or"):
        return {f"{kind}_match": {"rules": [_predicate(draw, depth + 1) for _ in range(2)]}}
    start = draw.choice((*PORTS, 79, 15001))
    return {"destination_port_range": {"start": start, "end": start + draw.choice((0, 1, 2, 10000))}}


def _match(draw: random.Random) -> dict[str, Any]:
    def some(options: Sequence[Any], most: int = 2) -> list[Any]:
        return draw.sample(list(options), draw.randint(1, most))

    def ranges(options: Sequence[str]) -> list[dict[str, Any]]:
        return [random_chains._range(text) for text in some(options)]

    made = {
        "destination_port": draw.choice(PORTS),
        "prefix_ranges": ranges(RANGES),
        "server_names": some(NAMES),
        "transport_protocol": draw.choice(("tls", "raw_buffer")),
        "application_protocols": some((*PROTOCOLS, "http/1.0", "h2c")),
        "direct_source_prefix_ranges": ranges((*RANGES, "127.0.0.0/8")),
        "source_type": draw.choice(("SAME_IP_OR_LOOPBACK", "EXTERNAL", "ANY")),
        "source_prefix_ranges": ranges(RANGES),
        "source_ports": some(range(20000, 20060), 20),
    }
    likely = {"destination_port": 0.2, "source_ports": 0.12, "direct_source_prefix_ranges": 0.15, "source_type": 0.25}
    return {name: value for name, value in made.items() if draw.random() < likely.get(name, 0.3)}


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}
