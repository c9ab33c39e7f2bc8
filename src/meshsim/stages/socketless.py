"""Dialling without a packet: an internal listener of the same Envoy, or a pipe it listens on. Not a stage."""

from __future__ import annotations

from ..envoy.endpoints import InternalAddress, PipeAddress
from ..envoy.internal_listeners import ORIGINAL_DST, connection_to, stated_destination
from ..envoy.listeners import Listener
from ..envoy.upstream_tls import TransportSocket
from ..facts.conversation import Conversation
from ..outcome import Ending
from ..reasons import Reason, because
from ..states import AtInspect, AtReturn, AtTls, Frame, State


def dialled(at: AtTls, socket: TransportSocket, conversation: Conversation, next_hop: int, frame: Frame) -> State:
    """The listener's own listener filters come next; without one the dial fails, or leaves for another process."""
    address = at.endpoint.address
    assert isinstance(address, InternalAddress | PipeAddress)
    listener = listener_of(at)
    if listener is not None:
        connection = connection_to(address, _passed_destination(at, socket))
        return AtInspect(at.pod, listener, connection, conversation, next_hop, frame, handoff=True)
    why = reason(at)
    if isinstance(address, PipeAddress):
        return AtReturn(Ending("forwarded", why, destination=at.endpoint.name), at.hop, at.frames)
    error = not_connected(at.endpoint.name)
    ending = Ending("not_connected", why, transport_failure_reason=error, destination=at.endpoint.name)
    return AtReturn(ending, next_hop, frame, opened=False)


def not_connected(endpoint: str) -> str:
    """Envoy's text where no internal listener took the connection, or took it and closed it at once."""
    return f"immediate_connect_error:_Invalid_argument|remote_address:{endpoint}"


def listener_of(at: AtTls) -> Listener | None:
    """The listener of the same proxy behind the endpoint."""
    address, proxy = at.endpoint.address, at.pod.proxy
    if proxy is None:
        return None
    if isinstance(address, InternalAddress):
        return proxy.listeners.internal.get(address.listener)
    return proxy.listeners.pipes.get(address.path) if isinstance(address, PipeAddress) else None


def reason(at: AtTls) -> Reason:
    """Why it went where it went."""
    endpoint, address = at.endpoint, at.endpoint.address
    listener = listener_of(at)
    if listener is not None:
        return because("upstream.to-own-listener", listener.place, endpoint=endpoint.name, listener=listener.name)
    if isinstance(address, InternalAddress):
        return because("upstream.no-internal-listener", endpoint.place, endpoint=endpoint.name)
    return because("upstream.to-pipe", endpoint.place, endpoint=endpoint.name)


def _passed_destination(at: AtTls, socket: TransportSocket) -> tuple[int, int] | None:
    """The original destination in the metadata that the transport socket passes through; the last kind stated wins."""
    stated = {"host": at.endpoint.original_dst_metadata, "cluster": at.cluster.original_dst_metadata}
    found = None
    for kind, name in socket.passes:
        if name == ORIGINAL_DST and kind in stated:
            found = stated_destination(stated[kind]) or found
    return found
