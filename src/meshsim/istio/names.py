"""What Istio's names mean: clusters, SNI names, and the object a `filter_metadata.istio.config` path points to.

Names only: no proxy, no configuration object. What is not in Istio's form is None, never a guess.
"""

from __future__ import annotations

from functools import lru_cache

from attrs import frozen

DIRECTIONS = ("outbound", "inbound", "inbound-vip")


@frozen
class ClusterName:
    """`outbound|80|v1|reviews.default.svc.cluster.local` taken apart; empty parts are None."""

    direction: str
    port: int
    subset: str | None
    service: str | None
    """The service's host; None for inbound clusters since 1.8."""


@lru_cache(maxsize=4096)
def parse_cluster_name(name: str) -> ClusterName | None:
    """Istio pilot/pkg/model/context.go BuildSubsetKey; None for any other name."""
    return _parse(name.split("|"))


@lru_cache(maxsize=4096)
def parse_sni(name: str) -> ClusterName | None:
    """`outbound_.80_.v1_.reviews.default.svc.cluster.local`, as Istio's mutual TLS sends it (BuildDNSSrvSubsetKey)."""
    return _parse(name.split("_.", 3))


def _parse(parts: list[str]) -> ClusterName | None:
    if len(parts) != 4:
        return None
    direction, port, subset, service = parts
    if direction not in DIRECTIONS or not port.isascii() or not port.isdigit() or int(port) > 65535:
        return None
    if direction == "inbound" and service and subset:
        # Up to 1.7 the third part of an inbound name is the port's name, not a subset.
        subset = ""
    return ClusterName(direction, int(port), subset or None, service or None)


def parse_config_path(path: str) -> str | None:
    """`/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews` -> `VirtualService default/reviews`."""
    parts = path.strip("/").split("/")
    if len(parts) != 7 or parts[0] != "apis" or parts[3] != "namespaces":
        return None
    namespace, kind, name = parts[4:]
    words = "".join(word.capitalize() for word in kind.split("-"))
    return f"{words} {namespace}/{name}"
