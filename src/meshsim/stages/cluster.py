"""cluster: the name a route or tcp_proxy gave is looked up; a cluster that is not active answers nothing."""

from __future__ import annotations

from attrs import evolve

from ..choices import Chooser
from ..config.config_dump import ResourceState
from ..envoy.clusters import Cluster
from ..envoy.http_filters.progress import passed_back
from ..envoy.no_upstream import NO_ROUTE, describe_no_upstream, no_cluster, no_healthy_upstream
from ..envoy.route_actions import RouteAction
from ..envoy.upstream_request import framed
from ..explanation import Candidate, Check, Decision, Fate
from ..facts.conversation import Conversation
from ..facts.request import Request
from ..istio.names import parse_config_path
from ..mesh import Mesh, Pod
from ..outcome import Ending
from ..reasons import Reason, because
from ..report import Draft, Upstream
from ..states import AtCluster, AtEndpoint, AtReturn, State
from .cluster_names import describe_cluster
from .stage import Stage, agree
from .unread import as_dialler_sees


def decide(_mesh: Mesh, at: AtCluster, chooser: Chooser) -> tuple[Cluster | None, State]:
    proxy = at.pod.proxy
    cluster = proxy.cluster(at.name) if proxy is not None else None
    if cluster is None:
        if _unstated(at.pod):
            chooser.assume(because("upstream.clusters-not-in-dump", cluster=at.name))
        ending = passed_back(_missing(at), at.progress)
        return None, AtReturn(as_dialler_sees(ending, at.connection, at.frames), at.hop, at.frames)
    for doubt in cluster.doubts:
        chooser.assume(doubt)
    if not cluster.modelled:
        why = _type_not_modelled(cluster)
        chooser.assume(why)
        return cluster, AtReturn(Ending("unknown", why), at.hop, at.frames)
    return cluster, AtEndpoint(
        at.pod,
        cluster,
        at.via,
        at.connection,
        _leaving(at, cluster),
        at.alpn_override,
        at.hop,
        at.frames,
        at.tried,
        at.progress,
        at.stream,
    )


def _leaving(at: AtCluster, cluster: Cluster) -> Conversation:
    """What is said upstream, with what the codec of that version adds."""
    request = at.conversation.request
    if request is None or at.via.kind != "http":
        return at.conversation
    written = framed(request, cluster.protocol.versions(request.version)[0])
    return at.conversation if written is request else evolve(at.conversation, request=written)


def _type_not_modelled(cluster: Cluster) -> Reason:
    return because(
        "upstream.cluster-type-not-modelled", cluster.place, cluster=cluster.name, discovery=cluster.discovery
    )


def _unstated(pod: Pod) -> bool:
    """Whether the inputs could not have shown the cluster."""
    return pod.proxy is None or "clusters" not in pod.proxy.document.sections


def _missing(at: AtCluster) -> Ending:
    if _unstated(at.pod):
        return Ending("unknown", because("upstream.clusters-not-in-dump", cluster=at.name))
    if at.tried is not None:
        return no_healthy_upstream(at.via.kind, at.stream, at.hop, _why_missing(at))
    status = at.via.cluster_not_found_status if isinstance(at.via, RouteAction) else 0
    return no_cluster(at.via.kind, at.stream, at.hop, _why_missing(at), status)


def _resource(at: AtCluster) -> ResourceState | None:
    return at.pod.proxy.document.clusters.get(at.name) if at.pod.proxy is not None else None


def _why_missing(at: AtCluster) -> Reason:
    """An entry that is not active is what somebody may be looking for: it is named with Envoy's own reason."""
    resource = _resource(at)
    error = resource.error_state if resource is not None else None
    if error is not None:
        return because(
            "cluster.not-found-rejected",
            error.place,
            cluster=at.name,
            error=error.details,
            time=error.last_update_attempt,
        )
    if resource is not None and resource.warming is not None:
        return because("cluster.not-found-warming", resource.warming.place, cluster=at.name)
    return because("cluster.not-found", at.via.place, cluster=at.name)


def explain(_mesh: Mesh, at: AtCluster, picked: Cluster | None) -> Decision:
    found = at.pod.proxy.cluster(at.name) if at.pod.proxy is not None else None
    agree("cluster", at, picked, found)
    resource = _resource(at)
    place = resource.place if resource is not None else None
    check = Check("name", at.name, at.name if found is not None else None, found is not None, place)
    fate = Fate.FAILED if found is None else Fate.CHOSEN
    candidate = Candidate(at.name, "cluster", fate, (check,), place, "" if found is not None else "name")
    if found is None:
        reason = _missing(at).why
    elif not found.modelled:
        reason = _type_not_modelled(found)
    else:
        reason = because("cluster.found", found.place, cluster=found.name, discovery=found.discovery)
    return Decision(
        stage="cluster",
        pod=at.pod.name,
        question=because("cluster.question", at.via.place, cluster=at.name),
        chosen=candidate if found is not None else None,
        reason=reason,
        candidates=(candidate,),
        notes=() if found is None else (*found.unmodelled, *_zero_limits(at, found), *_rejected_update(resource)),
        trivial=found is not None and found.modelled,
        deciding=found is None or not found.modelled,
        hop=at.hop,
    )


def _rejected_update(resource: ResourceState | None) -> tuple[Reason, ...]:
    error = resource.error_state if resource is not None else None
    if resource is None or error is None:
        return ()
    facts = {"cluster": resource.name, "error": error.details, "time": error.last_update_attempt}
    return (because("cluster.update-rejected", error.place, **facts),)


def _zero_limits(at: AtCluster, cluster: Cluster) -> tuple[Reason, ...]:
    if not at.via.speaks_http or cluster.limits_of(at.via.priority).max_requests != 0:
        return ()
    return (because("cluster.limit-is-zero", cluster.place, cluster=cluster.name, limit="max_requests"),)


def describe(_mesh: Mesh, at: AtCluster, picked: Cluster | None, draft: Draft) -> None:
    hop = draft.hop(at.hop, at.pod.name)
    if picked is None and at.tried is not None:
        # What the route went to before is forgotten by then.
        hop.cluster = hop.service = hop.port = hop.subset = None
    else:
        describe_cluster(hop, at.name)
    if hop.received_by is None:
        # The proxy's own call: no listener took it.
        hop.direction = "outbound" if at.pod.proxy is not None and at.pod.proxy.kind == "sidecar" else "gateway"
    if picked is not None:
        origin = picked.istio.get("config")
        written_by = parse_config_path(origin) if isinstance(origin, str) else None
        if written_by is not None:
            hop.origin = {**hop.origin, "cluster": written_by}
        hop.rejected_updates += _rejected_update(_resource(at))
        hop.upstream = _upstream(at, picked, hop.upstream)
        return
    describe_no_upstream(hop, passed_back(_missing(at), at.progress), NO_ROUTE, at.connection)


def _upstream(at: AtCluster, cluster: Cluster, written: Upstream | None) -> Upstream:
    """What leaves: the router wrote path and headers, the cluster says in which version."""
    request = at.conversation.request
    if not at.via.speaks_http or request is None:
        return Upstream("tcp")
    version = cluster.protocol.versions(request.version)[0]
    if written is None:
        return _as_sent(framed(request, version), version, request.path)
    if written.headers is None:
        return Upstream(version, written.authority, written.path, written.method, None)
    leaving = framed(evolve(request, method=written.method or "", headers=written.headers), version)
    return evolve(_as_sent(leaving, version, written.path), authority=written.authority)


def _as_sent(request: Request, version: str, path: str | None) -> Upstream:
    headers = request.headers if request.stated is None else {**request.headers, **request.stated}
    return Upstream(version, request.authority, path, request.method, headers)


STAGE = Stage("cluster", AtCluster, decide, explain, describe)
