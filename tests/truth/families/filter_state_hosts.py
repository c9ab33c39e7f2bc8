"""Endpoints by what filters wrote as filter state: hashed by load balancers, or dialled by ORIGINAL_DST clusters."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.truth.families import _shapes
from tests.truth.families._balanced import SERVED, Case, cluster, hosts, setting
from tests.truth.setting import Setting

ADDRESS = "envoy.network.transport_socket.original_dst_address"
HASHABLE = "envoy.hashable_string"
SOURCE = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
KEYED = [{"headers": {"x-key": f"key-{number}"}} for number in range(10)]
SOURCES = [{"source": f"127.0.0.{number}:0"} for number in range(1, 11)]


def settings() -> Iterator[Setting]:
    yield setting("hashed", list(_hashed()), "filter state")
    yield setting("original destinations", list(_dialled()), "filter state")


def written(layer: str, *values: tuple[str, str], **fields: Any) -> dict[str, Any]:
    """A filter that writes texts under keys."""
    moment = {"http": "on_request_headers", "network": "on_new_connection"}[layer]
    entries = [
        {"object_key": key, "format_string": {"text_format_source": {"inline_string": text}}, **fields}
        for key, text in values
    ]
    return _shapes.filter_of(layer, "set_filter_state.v3.Config", **{moment: entries})


def _hashed() -> Iterator[Case]:
    by_state = {"hash_policy": [{"filter_state": {"key": "k"}}]}
    by_name = {"hash_policy": [{"filter_state": {"key": HASHABLE}}]}
    for policy in ("RING_HASH", "MAGLEV"):
        made = cluster(hosts(*range(1, 8)), lb_policy=policy)
        own = written("http", ("k", "%REQ(x-key)%"), factory_key=HASHABLE)
        yield Case(cluster=made, filters=[own], route=by_state, calls=[*KEYED, {}])
        yield Case(cluster=made, filters=[written("http", (HASHABLE, "%REQ(x-key)%"))], route=by_name, calls=KEYED)
        twice = written("http", (HASHABLE, "first"), (HASHABLE, "%REQ(x-key)%"))
        yield Case(cluster=made, filters=[twice], route=by_name, calls=KEYED)
        both = {"hash_policy": [{"filter_state": {"key": "k"}}, {"header": {"header_name": "x-key"}}]}
        yield Case(cluster=made, filters=[own], route=both, calls=KEYED)
        unhashable = written("http", ("k", "%REQ(x-key)%"), factory_key="envoy.string")
        yield Case(cluster=made, filters=[unhashable], route=both, calls=KEYED)
        before = written("network", ("k", SOURCE), factory_key=HASHABLE)
        yield Case(cluster=made, before=[before], route=by_state, calls=SOURCES)
        yield Case(cluster=made, before=[before], filters=[own], route=by_state, calls=KEYED)
        yield Case(cluster=made, before=[before], tcp=True, route=by_state, calls=SOURCES)
        named = written("network", (HASHABLE, SOURCE))
        yield Case(cluster=made, before=[named], tcp=True, route=by_name, calls=SOURCES)


def _towards(text: str) -> tuple[str, str]:
    return ADDRESS, text


def _dialled() -> Iterator[Case]:
    made = {"name": "{}", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "1s"}
    header = {"original_dst_lb_config": {"use_http_header": True}}
    port = {"original_dst_lb_config": {"upstream_port_override": SERVED}}
    numbered: Sequence[Mapping[str, Any]] = [{"headers": {"x-key": str(number)}} for number in (1, 2, 3)]
    other = [{"headers": {"x-key": "4", "x-envoy-original-dst-host": f"10.94.0.9:{SERVED}"}}]
    text = f"10.94.0.%REQ(x-key)%:{SERVED}"
    yield Case(cluster=made, filters=[written("http", _towards(text))], calls=[*numbered, {}])
    yield Case(cluster=made | header, filters=[written("http", _towards(text))], calls=[*numbered, *other])
    yield Case(cluster=made | port, filters=[written("http", _towards("10.94.0.5:7"))])
    for wrong in ("10.94.0.6", "nowhere", "10.94.0.6:99999", ""):
        yield Case(cluster=made | header, filters=[written("http", _towards(wrong))], calls=[{}, *other])
    kept = written("http", _towards(f"10.94.0.7:{SERVED}"), _towards("nowhere"))
    yield Case(cluster=made, filters=[kept])
    before = written("network", _towards(f"10.94.0.8:{SERVED}"))
    yield Case(cluster=made, before=[before])
    yield Case(cluster=made, before=[before], tcp=True)
    yield Case(cluster=made, before=[before], filters=[written("http", _towards(text))], calls=numbered)
    yield Case(cluster=made, before=[written("network", _towards("nowhere"))], tcp=True)
    yield Case(cluster=made | port, before=[written("network", _towards("10.94.0.8:7"))], tcp=True)
    elsewhere = written("http", ("k", f"10.94.0.7:{SERVED}"), factory_key=ADDRESS)
    yield Case(cluster=made, filters=[elsewhere])
