"""A cluster's name in a hop, with what Istio's form of it says. Not a stage."""

from __future__ import annotations

from ..istio.names import parse_cluster_name
from ..report import Hop


def describe_cluster(hop: Hop, cluster: str) -> None:
    hop.cluster = cluster
    name = parse_cluster_name(cluster)
    if name is not None:
        hop.service, hop.port, hop.subset = name.service, name.port, name.subset
