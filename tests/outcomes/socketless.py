"""One Envoy whose listeners dial others of its own: internal ones and pipes. The same file configures the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.builders_connection import FILTERS, HTTP_INSPECTOR, ORIGINAL_DST, PREFIX, PROXY_PROTOCOL, TLS_INSPECTOR
from tests.builders_matchers import leads_to, mapped, network_input
from tests.realism import access_log

METADATA = "envoy.filters.listener.original_dst"
INTERNAL = {
    "name": "envoy.bootstrap.internal_listener",
    "typed_config": {"@type": f"{PREFIX}envoy.extensions.bootstrap.internal_listener.v3.InternalListener"},
}
Document = dict[str, Any]
Chain = tuple[str, Any, Document]
"""Its name, the status it answers with or the cluster it goes on to, and its filter_chain_match."""
TO_7777 = {"destination_port": 7777}
LOCAL = {"source_type": "SAME_IP_OR_LOOPBACK"}
NOWHERE = {"prefix_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]}
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
ONE_REQUEST = {
    "@type": PREFIX + OPTIONS,
    "explicit_http_config": {"http_protocol_options": {}},
    "common_http_protocol_options": {"max_requests_per_connection": 1},
}
"""So that a connection is logged as soon as its request is answered."""


class World:
    """The configuration, and the port of each listener that clients dial: http-CLUSTER and tcp-CLUSTER."""

    def __init__(self, log: str, folder: str, upstream: int) -> None:
        self._log = log
        self._folder = folder
        self._upstream = upstream
        self.inner: list[Document] = list(self._inner())
        self.clusters: list[Document] = list(self._clusters())

    def bootstrap(self, ports: dict[str, int]) -> Document:
        """`ports` of the outer listeners."""
        outer = [
            {"name": name, **_at(port), **self._logged(name), "filter_chains": [self._outer(name)]}
            for name, port in ports.items()
        ]
        resources = {"listeners": [*outer, *self.inner], "clusters": self.clusters}
        return {
            "node": {"id": "sidecar~127.0.0.1~here.default~default.svc.cluster.local", "cluster": "here"},
            "bootstrap_extensions": [INTERNAL],
            "static_resources": resources,
        }

    def outer_names(self) -> list[str]:
        reached = [each["name"] for each in self.clusters if "-" in each["name"]]
        return [f"{kind}:{name}" for kind in ("http", "tcp") for name in reached if (kind, name) not in RACING]

    def _outer(self, name: str) -> Document:
        kind, _, cluster = name.partition(":")
        filters = self._http(name, {"route": {"cluster": cluster}}) if kind == "http" else self._tcp(name, cluster)
        return {"name": "outer", "filters": [filters]}

    def _http(self, listener: str, route: Document) -> Document:
        config = {
            "@type": f"{FILTERS}network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "x",
            "access_log": [access_log.logger(self._log, kind="http", listener=listener)],
            "route_config": {
                "name": "routes",
                "virtual_hosts": [
                    {"name": "any", "domains": ["*"], "routes": [{"name": "r", "match": {"prefix": "/"}, **route}]}
                ],
            },
            "http_filters": [{"name": "router", "typed_config": {"@type": f"{FILTERS}http.router.v3.Router"}}],
        }
        return {"name": "hcm", "typed_config": config}

    def _tcp(self, listener: str, cluster: str) -> Document:
        config = {
            "@type": f"{FILTERS}network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": "x",
            "cluster": cluster,
            "access_log": [access_log.logger(self._log, kind="tcp", listener=listener)],
        }
        return {"name": "tcp", "typed_config": config}

    def _logged(self, listener: str) -> Document:
        return {"access_log": [access_log.logger(self._log, kind="listener", listener=listener)]}

    def _inner(self) -> Iterator[Document]:
        internal, pipe = self._internal, self._pipe
        yield internal("answers", ("a", 418, {}))
        yield internal("restored", ("7777", 421, TO_7777), ("n", 422, {}), filters=[ORIGINAL_DST])
        yield internal("passes", ("p", "original", {}), filters=[ORIGINAL_DST])
        yield internal("hands-nothing-on", ("k", 424, {}), use_original_dst=True)
        yield internal("closes", ("c", "empty", {}))
        yield internal("names-nothing", ("c", "nobody", {}))
        yield internal("fits-nobody", ("f", 425, {"destination_port": 1}))
        yield internal("restored-to-nobody", ("f", 425, {"destination_port": 1}), filters=[ORIGINAL_DST])
        yield internal("kinds", ("local", 426, LOCAL), ("far", 427, {}))
        yield internal("placed", ("nowhere", 428, NOWHERE), ("n", 429, {}))
        speaks_http, inspectors = {"application_protocols": ["http/1.1"]}, [TLS_INSPECTOR, HTTP_INSPECTOR]
        yield internal("spoken", ("h", 430, speaks_http), ("n", 431, {}), filters=inspectors)
        yield internal("wants-header", ("w", 432, {}), filters=[PROXY_PROTOCOL])
        by_address = mapped("prefix", network_input("DestinationIPInput"), {"": leads_to("ip")}, leads_to("none"))
        yield internal("asked", ("ip", 433, {}), ("none", 434, {}), filter_chain_matcher=by_address)
        yield internal("goes-on", ("g", "to-answers", {}))
        yield internal("goes-nowhere", ("g", "to-closes", {}))
        skipped = {**ORIGINAL_DST, "filter_disabled": {"destination_port_range": {"start": 1, "end": 2}}}
        yield internal("skips", ("7777", 436, TO_7777), ("n", 437, {}), filters=[skipped])
        yield pipe("pipe", ("a", 438, {}))
        yield pipe("pipe-kinds", ("local", 439, LOCAL), ("far", 440, {}))
        yield pipe("pipe-placed", ("nowhere", 441, NOWHERE), ("n", 442, {}))
        yield pipe("pipe-closes", ("c", "empty", {}))
        yield pipe("pipe-original", ("o", "original", {}), filters=[ORIGINAL_DST])

    def _internal(self, name: str, *chains: Chain, filters: Sequence[Document] = (), **rest: Any) -> Document:
        made = {"name": name, "internal_listener": {}, "listener_filters": list(filters), **self._logged(name), **rest}
        return {**made, "filter_chains": [self._chain(name, *chain) for chain in chains]}

    def _chain(self, listener: str, name: str, end: Any, match: Document) -> Document:
        """Answers with a status, or passes on to a cluster."""
        answers = isinstance(end, int)
        last = self._http(listener, {"direct_response": {"status": end}}) if answers else self._tcp(listener, end)
        return {"name": name, "filters": [last], **({"filter_chain_match": match} if match else {})}

    def _pipe(self, name: str, *chains: Chain, filters: Sequence[Document] = ()) -> Document:
        made = self._internal(name, *chains, filters=filters)
        del made["internal_listener"]
        return {**made, "address": {"pipe": {"path": f"{self._folder}/{name}"}}}

    def _clusters(self) -> Iterator[Document]:
        for each in self.inner:
            name = each["name"]
            address = each.get("address") or {"envoy_internal_address": {"server_listener_name": name}}
            yield _cluster(f"to-{name}", address)
        yield _cluster("to-one-id", {"envoy_internal_address": {"server_listener_name": "answers", "endpoint_id": "7"}})
        yield _cluster("to-nobody", {"envoy_internal_address": {"server_listener_name": "nobody"}})
        for name in ("restored", "hands-nothing-on", "restored-to-nobody", "skips"):
            yield self._telling(f"tells-{name}", name, "host", "127.0.0.1:7777")
        yield self._telling("tells-of-cluster", "restored", "cluster", "127.0.0.1:7777")
        yield self._telling("tells-nothing", "restored", None, "127.0.0.1:7777")
        yield self._telling("tells-upstream", "passes", "host", f"127.0.0.1:{self._upstream}")
        yield self._telling("tells-rubbish", "passes", "host", "rubbish")
        yield {"name": "original", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"}
        yield {"name": "empty", "type": "STATIC"}

    def _telling(self, name: str, listener: str, kind: str | None, destination: str) -> Document:
        metadata = {"filter_metadata": {METADATA: {"local": destination}}}
        made = _cluster(name, {"envoy_internal_address": {"server_listener_name": listener}})
        if kind == "cluster":
            made["metadata"] = metadata
        else:
            made["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["metadata"] = metadata
        if kind is not None:
            sockets = f"{PREFIX}envoy.extensions.transport_sockets."
            raw = {"name": "raw", "typed_config": {"@type": f"{sockets}raw_buffer.v3.RawBuffer"}}
            config = {
                "@type": f"{sockets}internal_upstream.v3.InternalUpstreamTransport",
                "passthrough_metadata": [{"kind": {kind: {}}, "name": METADATA}],
                "transport_socket": raw,
            }
            made["transport_socket"] = {"name": "internal_upstream", "typed_config": config}
        return made


RACING = frozenset((("tcp", "to-wants-header"), ("tcp", "to-goes-nowhere")))
"""Ends with a reset or without one, as bytes and the close overtake each other."""


def _cluster(name: str, address: Document) -> Document:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "typed_extension_protocol_options": {OPTIONS: ONE_REQUEST},
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }


def _at(port: int) -> Document:
    return {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}
