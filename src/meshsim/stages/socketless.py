"""Dialling without a packet: an internal listener of the same Envoy, or a pipe it listens on. Not a stage."""

from __future__ import annotations

from ..config.host_facts import StatedSocket
from ..envoy.endpoints import InternalAddress, PipeAddress
from ..envoy.internal_listeners import ORIGINAL_DST, connection_to, stated_destination
from ..envoy.listeners import Listener
from ..envoy.upstream_tls import TransportSocket
from ..facts.conversation import Conversation
from ..istio.agent_pipes import held_by_agent
from ..outcome import Ending
from ..reasons import Reason, because
from ..states import AtApp, AtInspect, AtReturn, AtTls, Frame, State

_ASSUMED = "upstream.pipe-assumed"


def dialled(at: AtTls, socket: TransportSocket, conversation: Conversation, next_hop: int, frame: Frame) -> State:
    """The listener's own listener filters come next; without one the dial fails, or leaves for another process."""
    address, pod = at.endpoint.address, at.pod
    assert isinstance(address, InternalAddress | PipeAddress)
    listener, stated = listener_of(at), _stated(at)
    if frame.unsaid is not None and (listener is not None or stated is not None):
        return AtReturn(frame.unsaid, next_hop, frame, opened=False)
    if listener is not None:
        connection = connection_to(address, _passed_destination(at, socket))
        return AtInspect(at.pod, listener, connection, conversation, next_hop, frame, handoff=True)
    if stated is not None:
        return AtApp(pod, at.endpoint.name, conversation, stated, next_hop, frame)
    why = reason(at)
    if isinstance(address, PipeAddress) and why.code != "upstream.no-pipe":
        return AtReturn(Ending("forwarded", why, destination=at.endpoint.name), next_hop, frame, opened=False)
    error = not_connected(at.endpoint.name, _error(address))
    ending = Ending("not_connected", why, transport_failure_reason=error, destination=at.endpoint.name)
    return AtReturn(ending, next_hop, frame, opened=False)


def not_connected(endpoint: str, error: str = "Invalid_argument") -> str:
    """Envoy's text; without another error: no internal listener took the connection, or one closed it at once."""
    return f"immediate_connect_error:_{error}|remote_address:{endpoint}"


def _error(address: InternalAddress | PipeAddress) -> str:
    """unix(7): a path without a file, or a name of the abstract namespace without a holder."""
    if isinstance(address, InternalAddress):
        return "Invalid_argument"
    return "Connection_refused" if address.path.startswith("@") else "No_such_file_or_directory"


def _stated(at: AtTls) -> StatedSocket | None:
    """The application that host facts let listen on the pipe."""
    address, facts = at.endpoint.address, at.pod.facts
    return facts.pipes.get(address.path) if isinstance(address, PipeAddress) and facts is not None else None


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
    return because(_code_of_pipe(at), endpoint.place, endpoint=endpoint.name)


def is_assumed(at: AtTls) -> bool:
    """Whether no input says that somebody listens there, or that nobody does."""
    return isinstance(at.endpoint.address, PipeAddress) and listener_of(at) is None and _code_of_pipe(at) == _ASSUMED


def _code_of_pipe(at: AtTls) -> str:
    """Whether anybody is known to listen on the pipe."""
    address, facts = at.endpoint.address, at.pod.facts
    if _stated(at) is not None:
        return "upstream.to-stated-pipe"
    if isinstance(address, PipeAddress) and held_by_agent(address.path):
        return "upstream.to-pipe"
    return "upstream.no-pipe" if facts is not None and facts.pipes_stated else _ASSUMED


def _passed_destination(at: AtTls, socket: TransportSocket) -> tuple[int, int] | None:
    """The original destination in the metadata that the transport socket passes through; the last kind stated wins."""
    stated = {"host": at.endpoint.original_dst_metadata, "cluster": at.cluster.original_dst_metadata}
    found = None
    for kind, name in socket.passes:
        if name == ORIGINAL_DST and kind in stated:
            found = stated_destination(stated[kind]) or found
    return found
