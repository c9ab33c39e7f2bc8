"""The unix sockets on which Istio's agent serves the proxy of its own pod.

Upstream: istio/istio tools/packaging/common/envoy_bootstrap.json, whose clusters dial them.
"""

from __future__ import annotations

_PATHS = frozenset(("etc/istio/proxy/XDS", "etc/istio/proxy/SDS", "var/run/secrets/workload-spiffe-uds/socket"))


def held_by_agent(path: str) -> bool:
    """Whether the agent listens there wherever an Istio proxy runs."""
    return path.removeprefix(".").removeprefix("/") in _PATHS
