"""Clusters side by side in one Envoy, each behind a listener of its own; the stuff of families of endpoint choice."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from tests.builders_branches import ADMIN, listener, static
from tests.builders_http import one_route
from tests.builders_upstream import endpoint, locality
from tests.realism.upstreams import Upstream
from tests.truth.setting import Setting

FIRST_PORT = 3_001
SERVED = 9000
"""Whoever is dialled on this port answers."""
TCP_PROXY = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
WORLD = (Upstream(f"0.0.0.0:{SERVED}", "auto", name="any"),)


@frozen(kw_only=True)
class Case:
    """One cluster (or several) behind one listener, and what is asked of it."""

    cluster: Mapping[str, Any]
    others: Sequence[Mapping[str, Any]] = ()
    """Further clusters; a `{}` in a name stands for the case's number."""
    route: Mapping[str, Any] = field(factory=dict)
    """Further fields of the route's action, or of tcp_proxy."""
    tcp: bool = False
    filters: Sequence[Mapping[str, Any]] = ()
    """HTTP filters before the router."""
    before: Sequence[Mapping[str, Any]] = ()
    """Network filters before the last one."""
    calls: Sequence[Mapping[str, Any]] = ({},)


def host(number: int, **fields: Any) -> dict[str, Any]:
    """An endpoint that answers; `lb` is its envoy.lb metadata."""
    labels = fields.pop("lb", None)
    made = endpoint(f"10.94.0.{number}:{SERVED}", **fields)
    if labels is not None:
        made["metadata"] = {"filter_metadata": {"envoy.lb": labels}}
    return made


def hosts(*numbers: int, **fields: Any) -> dict[str, Any]:
    """A locality of them."""
    return locality(*(host(number) for number in numbers), **fields)


def cluster(*localities: Mapping[str, Any], policy: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A STATIC cluster; `policy` goes beside its endpoints."""
    made = static("{}", *localities, **fields)
    if policy is not None:
        made["load_assignment"]["policy"] = dict(policy)
    return made


def wanting(**labels: Any) -> dict[str, Any]:
    return {"metadata_match": {"filter_metadata": {"envoy.lb": labels}}}


def setting(name: str, cases: Sequence[Case], *marks: str) -> Setting:
    clusters, listeners, calls = [], [], []
    for number, case in enumerate(cases):
        port, own = FIRST_PORT + number, f"c{number}"
        clusters += [_named(each, own) for each in (case.cluster, *case.others)]
        listeners.append(_listener(case, own, port))
        protocol = {"protocol": "tcp", "payload": "bytes\n"} if case.tcp else {}
        calls += [{"destination": f"127.0.0.1:{port}", **protocol, **call} for call in case.calls]
    return Setting(
        name=name,
        dump={
            "configs": [
                {"@type": ADMIN + "ClustersConfigDump", "static_clusters": [{"cluster": each} for each in clusters]},
                {
                    "@type": ADMIN + "ListenersConfigDump",
                    "dynamic_listeners": [
                        {"name": each["name"], "active_state": {"listener": each}} for each in listeners
                    ],
                },
            ]
        },
        calls=calls,
        configurations=len(cases),
        world=WORLD,
        pod_sockets=WORLD,
        marks=marks,
    )


def _named(fields: Mapping[str, Any], own: str) -> dict[str, Any]:
    """The name put in wherever a text says `{}`."""

    def replaced(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("{}", own)
        if isinstance(value, Mapping):
            return {key: replaced(each) for key, each in value.items()}
        return [replaced(each) for each in value] if isinstance(value, list | tuple) else value

    made: dict[str, Any] = replaced(fields)
    return made


def _listener(case: Case, own: str, port: int) -> dict[str, Any]:
    made = listener([one_route(route={"cluster": own, **case.route})], address="127.0.0.1", port=port)
    if case.tcp:
        config = {"@type": TCP_PROXY, "stat_prefix": "tcp", "cluster": own, **case.route}
        made["filter_chains"] = [{"filters": [{"name": "tcp", "typed_config": config}]}]
    (chain,) = made["filter_chains"]
    if case.filters:
        manager = chain["filters"][0]["typed_config"]
        manager["http_filters"] = [*case.filters, *manager["http_filters"]]
    chain["filters"] = [*case.before, *chain["filters"]]
    return made
