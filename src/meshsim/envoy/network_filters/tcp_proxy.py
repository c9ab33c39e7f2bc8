"""tcp_proxy: bytes go to a cluster, picked by name or by weight.

Follows envoyproxy/envoy source/common/tcp_proxy/tcp_proxy.cc.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import define

from ...config.view import View
from ...errors import Rejected
from ...place import Place
from ...reasons import Reason
from ..endpoints import filter_metadata
from ..hash_policy import HashPolicy, compile_connection_policies
from ..unmodelled import unmodelled_fields
from .verdicts import Closes

DEFAULT_IDLE_TIMEOUT_MS = 3_600_000

_KNOWN = frozenset(
    {
        "stat_prefix",
        "cluster",
        "weighted_clusters",
        "max_connect_attempts",
        "metadata_match",
        "idle_timeout",
        "max_downstream_connection_duration",
        "hash_policy",
        "tunneling_config",
        # time, logs and bytes after the cluster is known
        "downstream_idle_timeout",
        "upstream_idle_timeout",
        "access_log",
        "access_log_flush_interval",
        "flush_access_log_on_connected",
        "flush_access_log_on_start",
        "access_log_options",
        "backoff_options",
        "proxy_protocol_tlvs",
        "proxy_protocol_tlv_merge_policy",
    }
)


@define(eq=False)
class TcpProxy:
    name: str
    place: Place
    cluster: str | None
    """None when clusters are picked by weight."""
    weighted_clusters: tuple[tuple[str, int], ...]
    stat_prefix: str
    max_connect_attempts: int
    metadata_match: Mapping[str, Any] | None
    """filter_metadata `envoy.lb`, or None."""
    idle_timeout_ms: int | float
    max_duration_ms: int | float
    """max_downstream_connection_duration; 0: none."""
    hash_policies: tuple[HashPolicy, ...]
    """What feeds a hashing load balancer."""
    tunnels: bool
    """The bytes travel inside an HTTP CONNECT or POST."""
    unmodelled: tuple[Reason, ...]
    denial: Closes | None = None
    """What a filter before it will say once the upstream connection stands; None: nothing."""

    kind: ClassVar[str] = "tcp"
    speaks_http: ClassVar[bool] = False
    priority: ClassVar[str] = "DEFAULT"
    retry_policy: ClassVar[None] = None
    """tcp_proxy has connect attempts, no retry policy."""


def compile_tcp_proxy(view: View, name: str) -> TcpProxy:
    weighted = view.view("weighted_clusters")
    entries = tuple(
        (each.text("name", ""), each.integer("weight", 0))
        for each in (weighted.views("clusters") if weighted is not None else ())
    )
    cluster = view.text("cluster")
    if cluster is None and not entries:
        raise Rejected(
            "no-cluster",
            "tcp_proxy names no cluster",
            place=view.place,
            hint="give cluster or weighted_clusters; Envoy refuses this listener too",
        )
    longest = view.duration_ms("max_downstream_connection_duration")
    if longest is not None and longest < 1:
        raise Rejected(
            "too-short",
            "max_downstream_connection_duration is less than a millisecond",
            place=view.place_of("max_downstream_connection_duration"),
            hint="leave it out for no limit; Envoy refuses this listener too",
        )
    return TcpProxy(
        name=name,
        place=view.place,
        cluster=cluster,
        weighted_clusters=entries,
        stat_prefix=view.text("stat_prefix", ""),
        max_connect_attempts=view.integer("max_connect_attempts", 1),
        metadata_match=filter_metadata(view, "envoy.lb", "metadata_match") or None,
        idle_timeout_ms=view.duration_ms("idle_timeout", DEFAULT_IDLE_TIMEOUT_MS),
        max_duration_ms=longest or 0,
        hash_policies=compile_connection_policies(view.views("hash_policy")),
        tunnels=view.has("tunneling_config"),
        unmodelled=unmodelled_fields(view, _KNOWN, name),
    )
