"""The walk of a connection's first packet through a namespace: one code path, with an optional log."""

from __future__ import annotations

from ..facts.packet import Packet
from .addresses import LOOPBACK_DEVICE
from .conntrack import REPLY
from .frame import Frame, frame_of
from .hooks import Ended, Hooks
from .netns import Netns, Socket
from .passage import Passage
from .traverse import Ask, Asked, Log, decline

__all__ = ["Ask", "Asked", "Log", "decline", "walk"]


def walk(netns: Netns, packet: Packet, way: str, ask: Ask = decline, log: Log | None = None) -> Passage:
    """`way` "out": a socket of this namespace sent the packet; "in": it arrived on an interface."""
    incoming = "" if way == "out" else packet.interface or netns.addresses.device
    frame = frame_of(packet, netns.addresses, incoming, "", netns.sockets)
    hooks = Hooks(netns, frame, ask, log)
    actual = way
    try:
        if way == "out":
            hooks.route_out()
            try:
                hooks.output()
            finally:
                actual = "loop" if hooks.stays else "out"
            hooks.postrouting()
            if actual == "out":
                return _passage(packet, hooks, actual, frame.outgoing, "wire", None)
            hooks.receive_own()
        elif not hooks.receive():
            actual = "forward"
            hooks.forward()
            return _passage(packet, hooks, actual, frame.outgoing, "wire", None)
    except Ended as ended:
        return _passage(packet, hooks, actual, frame.outgoing or frame.incoming, ended.result, ended.by)
    socket = frame.socket
    if not frame.given and netns.sockets is not None:
        socket = netns.sockets.find(frame.protocol, frame.destination, frame.destination_port)
        if socket is None:
            return _passage(packet, hooks, actual, frame.incoming, "refused", None)
    return _passage(packet, hooks, actual, frame.incoming, "socket", None, socket)


def _passage(
    packet: Packet,
    hooks: Hooks,
    way: str,
    interface: str,
    result: str,
    by: str | None,
    socket: Socket | None = None,
) -> Passage:
    frame, met = hooks.frame, hooks.traversal
    after = packet
    if (
        frame.destination != packet.destination
        or frame.destination_port != packet.destination_port
        or frame.mark != packet.mark
        or frame.source != packet.source
        or frame.source_port != packet.source_port
    ):
        after = Packet(
            packet.protocol,
            *frame.ends,
            packet.uid,
            packet.gid,
            packet.groups,
            frame.mark,
            packet.interface,
            packet.transparent,
        )
    original = _original_destination(frame) if result == "socket" else None
    tracked = frame.tracked if frame.tracked is not None and not frame.tracked.template else None
    return Passage(
        way,
        packet,
        tuple(met.rules),
        hooks.chains,
        after,
        interface or LOOPBACK_DEVICE,
        original,
        result,
        socket,
        by,
        tuple(met.asked),
        tracked,
        frame.given,
    )


def _original_destination(frame: Frame) -> tuple[int, int] | None:
    """linux net/netfilter/nf_conntrack_proto.c getorigdst: TCP only, and only in zone 0."""
    tracked = frame.tracked
    if tracked is None or frame.protocol != "tcp" or tracked.zone.of(REPLY):
        return None
    return tracked.original.destination, tracked.original.destination_port
