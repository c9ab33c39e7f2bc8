"""Maintenance of a cluster: a runtime key has requests turned away before any host is looked for. Not a stage.

envoyproxy/envoy source/common/router/router.cc (decodeHeaders) and source/common/upstream/upstream_impl.cc.
"""

from __future__ import annotations

from fractions import Fraction

from ..choices import Choice, Chooser
from ..envoy.no_upstream import in_maintenance
from ..envoy.route_actions import RouteAction
from ..outcome import Ending
from ..reasons import because
from ..states import AtEndpoint

_KEY = "upstream.maintenance_mode."


def maintained_of(at: AtEndpoint) -> Fraction:
    """The part of such requests that is turned away; asked once a request, and never of tcp_proxy."""
    proxy = at.pod.proxy
    if proxy is None or not proxy.runtime.entries or at.via.kind != "http" or at.tried is not None:
        return Fraction(0)
    return Fraction(min(max(proxy.runtime.integer(_KEY + at.cluster.name, 0), 0), 100), 100)


def is_maintained(at: AtEndpoint, part: Fraction, chooser: Chooser) -> bool:
    if part in (0, 1):
        return part == 1
    why = because("endpoint.maintenance-choice", at.cluster.place, cluster=at.cluster.name, key=_KEY + at.cluster.name)
    options, shares = ("pass", "turn away"), (1 - part, part)
    return bool(chooser.pick(Choice(f"{at.hop}/fraction/maintenance_mode", why, options, shares, why.place)))


def turned_away(at: AtEndpoint) -> Ending:
    why = because("endpoint.maintenance", at.cluster.place, cluster=at.cluster.name, key=_KEY + at.cluster.name)
    sends = isinstance(at.via, RouteAction) and at.via.envoy_headers
    return in_maintenance(at.stream, at.hop, why, envoy_headers=sends)
