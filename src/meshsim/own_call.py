"""The proxy's own calls: to its control plane, a tracer, an authorisation service. They start at a cluster.

No listener takes such a call and no route sends it; how long the proxy waits for an answer is not configured there.
"""

from __future__ import annotations

from attrs import evolve

from .envoy.network_filters.tcp_proxy import TcpProxy
from .envoy.route_actions import RouteAction
from .errors import InputError
from .facts.call import UNSET, Call
from .facts.connection import Connection
from .facts.conversation import Conversation
from .facts.residues import Residues
from .mesh import Pod
from .place import Place
from .states import AtCluster

_PLACE = Place("call", ("cluster",))


def complete_own_call(call: Call, pod: Pod | None, protocol: str, headers: dict[str, str | tuple[str, ...]]) -> Call:
    """The call with every default filled in; `protocol` and `headers` are completed as for any call."""
    if pod is None or pod.proxy is None or call.direction == "inbound":
        where = call.from_ or call.pod or "outside"
        raise InputError(
            "cluster-without-proxy",
            f"cluster {call.cluster!r}: only a pod's proxy makes such a call, and {where} has none that is known",
            hint="name the pod with from, and give its config_dump",
        )
    if call.destination is not None:
        raise InputError(
            "cluster-and-destination",
            "the call names both a cluster and a destination",
            hint="give one of them: the cluster's endpoints are the destination",
        )
    if protocol == "udp":
        raise InputError("cluster-over-udp", "a cluster is not called over udp", hint="protocol http, grpc or tcp")
    speaks_http = protocol != "tcp"
    authority = call.cluster if call.authority is UNSET else call.authority
    return evolve(
        call,
        from_=pod.name,
        pod=None,
        source=None,
        uid=pod.proxy_uid,
        gid=pod.proxy_gid,
        protocol=protocol,
        tls=None,
        authority=authority if speaks_http else None,
        headers=headers,
        method="POST" if call.protocol == "grpc" and call.method == "GET" else call.method,
    )


def start_own_call(call: Call, pod: Pod, conversation: Conversation) -> AtCluster:
    """The cluster is looked up first; what was dialled by nobody has no address, so the pod's own stands in."""
    assert call.cluster is not None
    address = pod.addresses[0]
    connection = Connection(
        local=address, local_port=0, remote=address, remote_port=0, direct_remote=address, direct_remote_port=0
    )
    via: RouteAction | TcpProxy
    if call.protocol == "tcp":
        via = TcpProxy(call.cluster, _PLACE, call.cluster, (), "", 1, None, 0, 0, (), False, ())
    else:
        via = RouteAction(call.cluster, _PLACE, cluster=call.cluster, timeout_ms=0)
    return AtCluster(pod, call.cluster, via, connection, conversation, (), Residues(), 0, None)
