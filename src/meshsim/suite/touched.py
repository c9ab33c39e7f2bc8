"""What of the configuration a course used: for `--affected-by`, and for those who count what a suite exercises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..envoy.mirrors import mirrors_of
from ..envoy.route_actions import RouteAction
from ..outcome import Ending
from ..pipeline import Move
from ..states import (
    AtChain,
    AtCluster,
    AtEndpoint,
    AtHook,
    AtInspect,
    AtListener,
    AtNetwork,
    AtRoute,
    AtRouter,
    AtTls,
    AtVhost,
)
from ..suite_results import Touched


def touched(moves: Iterable[Move]) -> frozenset[Touched]:
    """Every listener, filter chain, virtual host, route, cluster, endpoint and packet rule that had a say."""
    found: set[Touched] = set()
    for at, picked in moves:
        reader = _READERS.get(type(at))
        if reader is not None:
            pod = at.pod.name  # type: ignore[union-attr]
            found.update(
                Touched(kind, _name(thing), thing.place, pod)
                for kind, thing in reader(at, picked)
                if thing is not None and thing.place is not None
            )
    return frozenset(found)


def _name(thing: Any) -> str:
    return str(getattr(thing, "label", None) or thing.name or "")


Found = Iterator[tuple[str, Any]]


def _hook(_at: Any, landing: Any) -> Found:
    yield from (("rule", rule) for rule in landing.passage.rules)
    yield "listener", landing.listener


def _listener(at: Any, picked: Any) -> Found:
    yield "listener", picked or at.receiver


def _inspect(at: Any, _picked: Any) -> Found:
    """Whoever accepted, internal listeners and those on pipes among them."""
    yield "listener", at.listener


def _network(_at: Any, course: Any) -> Found:
    yield "network_filter", course.ended_by


def _vhost(at: Any, picked: Any) -> Found:
    yield "route_config", at.hcm.table(at.pod.proxy, at.request)
    yield "virtual_host", picked


def _endpoint(_at: Any, selection: Any) -> Found:
    yield "endpoint", selection.endpoint


def _router(at: Any, picked: Any) -> Found:
    """The clusters that get a copy of the request."""
    action, proxy = getattr(at.route, "action", None), at.pod.proxy
    if isinstance(picked, Ending) or not isinstance(action, RouteAction) or not action.mirrors or proxy is None:
        return
    if proxy.cluster(picked.cluster) is not None:
        for copy in mirrors_of(action.mirrors, picked.request, proxy.runtime):
            yield "cluster", proxy.cluster(copy.cluster)


def _tls(at: Any, _picked: Any) -> Found:
    """The member of an aggregate cluster that was taken."""
    yield "cluster", at.cluster


def _picked(kind: str) -> Callable[[Any, Any], Found]:
    return lambda _at, picked: iter([(kind, picked)])


_READERS: dict[type, Callable[[Any, Any], Found]] = {
    AtHook: _hook,
    AtListener: _listener,
    AtInspect: _inspect,
    AtChain: _picked("filter_chain"),
    AtNetwork: _network,
    AtVhost: _vhost,
    AtRoute: _picked("route"),
    AtRouter: _router,
    AtCluster: _picked("cluster"),
    AtEndpoint: _endpoint,
    AtTls: _tls,
}
