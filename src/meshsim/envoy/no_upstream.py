"""How a proxy ends a call for which it finds no upstream, by HTTP reply or by closing; before any packet leaves.

envoyproxy/envoy source/common/router/router.cc and source/common/tcp_proxy/tcp_proxy.cc (onConnectFailed's reasons).
"""

from __future__ import annotations

from attrs import evolve

from ..facts.connection import Connection
from ..outcome import Ending
from ..reasons import Reason
from ..report import Hop
from .local_reply import local_reply
from .stream import Stream

NO_HEALTHY_UPSTREAM = 1
OVERFLOW = 2
NO_ROUTE = 3
"""Numbers that tcp_proxy puts behind its local close reason."""

NOT_SHAKEN = "TLS_error:|268435589:SSL_routines:OPENSSL_internal:CONNECTION_REJECTED:TLS_error_end"
_CLOSE_REASON = "tcp_initializion_failure:"
"""In Envoy's own spelling."""


def no_cluster(kind: str, stream: Stream | None, hop: int, why: Reason, status: int) -> Ending:
    """`kind` is http or tcp."""
    if kind == "http":
        return local_reply(stream, hop, why, status=status, details="cluster_not_found", flags=("NC",))
    return Ending("closed", why, response_flags=("NC",), answered_by=hop)


def no_healthy_upstream(kind: str, stream: Stream | None, hop: int, why: Reason) -> Ending:
    if kind == "http":
        return local_reply(
            stream,
            hop,
            why,
            status=503,
            details="no_healthy_upstream",
            flags=("UH",),
            body="no healthy upstream",
        )
    return Ending("closed", why, response_flags=("UH",), answered_by=hop)


def dropped(stream: Stream | None, hop: int, why: Reason, *, always: bool, envoy_headers: bool) -> Ending:
    """drop_overloads of the cluster's endpoints; of HTTP only."""
    name = "unconditional_drop_overload" if always else "drop_overload"
    return local_reply(
        _untried(stream),
        hop,
        why,
        status=503,
        details=name,
        flags=("UDO" if always else "DO",),
        body=name.replace("_", " "),
        added={f"x-envoy-{name.replace('_', '-')}": ("true",)} if envoy_headers else None,
    )


def in_maintenance(stream: Stream | None, hop: int, why: Reason, *, envoy_headers: bool) -> Ending:
    """Runtime turns requests to the cluster away."""
    return local_reply(
        _untried(stream),
        hop,
        why,
        status=503,
        details="maintenance_mode",
        flags=("UO",),
        body="maintenance mode",
        added={"x-envoy-overloaded": ("true",)} if envoy_headers else None,
    )


def _untried(stream: Stream | None) -> Stream | None:
    """Before the first attempt is counted."""
    return None if stream is None else evolve(stream, attempts=0)


def too_many_connections(hop: int, why: Reason) -> Ending:
    """Of tcp_proxy; over HTTP one connection is always allowed."""
    return Ending("closed", why, response_flags=("UO",), answered_by=hop)


def describe_no_upstream(hop: Hop, ending: Ending, close_code: int, connection: Connection) -> None:
    """Write such an ending into its hop; other endings leave it as it is."""
    if ending.kind not in ("replied", "closed"):
        return
    hop.status = ending.status
    hop.response_flags = ending.response_flags
    hop.response_code_details = ending.response_code_details
    hop.downstream_local_close_reason = ending.local_close_reason
    if ending.kind == "closed":
        hop.downstream_local_close_reason = f"{_CLOSE_REASON}{close_code}"
        describe_not_shaken(hop, connection)


def describe_not_shaken(hop: Hop, connection: Connection) -> None:
    """Of a connection that is given up before its handshake, what tls_inspector left in BoringSSL's error queue."""
    if connection.tls is not None and connection.transport == "tls":
        hop.downstream_transport_failure_reason = NOT_SHAKEN
