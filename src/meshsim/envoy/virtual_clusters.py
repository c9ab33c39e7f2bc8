"""Virtual clusters: names for kinds of requests to a virtual host, which only statistics (and tests) see.

envoyproxy/envoy source/common/router/config_impl.cc (virtualClusterFromEntries).
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ..config.view import View
from ..match.condition import Condition
from .matchers import compile_header_matcher

CATCH_ALL = "other"
"""What requests belong to that fit none, where there are any."""


@frozen(eq=False)
class VirtualCluster:
    name: str
    conditions: tuple[Condition[Any], ...]


def compile_virtual_clusters(virtual_host: View) -> tuple[VirtualCluster, ...]:
    """Those of a VirtualHost, in order."""
    return tuple(
        VirtualCluster(entry.text("name", ""), tuple(map(compile_header_matcher, entry.views("headers"))))
        for entry in virtual_host.views("virtual_clusters")
    )


def virtual_cluster_of(clusters: tuple[VirtualCluster, ...], facts: Any) -> str:
    """The first that fits; empty where a virtual host has none. `facts` know the request."""
    if not clusters:
        return ""
    fitting = (each.name for each in clusters if all(condition.holds(facts) for condition in each.conditions))
    return next(fitting, CATCH_ALL)
