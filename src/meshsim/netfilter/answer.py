"""Whether the first answer finds its way back through the same rules: without it the client sees silence.

The connection is known to conntrack by then, so nat only turns back what it did; raw, mangle and filter ask again.
"""

from __future__ import annotations

from attrs import frozen

from ..facts.packet import Packet
from .conntrack import Ends
from .frame import ACCEPTS, NO_FILE, NO_FLAGS, REFUSES, frame_of
from .hooks import Ended, Hooks
from .netns import Netns
from .passage import Passage
from .rules import Rule
from .sockets import Socket
from .traverse import decline


@frozen
class Answer:
    """What became of the answer to a connection's first packet, inside the namespace of its passage."""

    rules: tuple[Rule, ...]
    chains: tuple[str, ...]
    arrives: bool
    """Whether the client, or the wire towards it, gets the answer with the addresses it expects."""
    result: str
    """socket or wire where it arrives; dropped, rejected, lost, or misaddressed."""
    by: str | None
    interface: str = ""
    """Where it leaves, or came in last."""


def walk_answer(netns: Netns, passage: Passage, *, accepted: bool | None = None) -> Answer | None:
    """None where no answer is made here, or where nothing in the namespace could stop it.

    `accepted` says whether somebody takes the connection, where the passage cannot know; else TCP refuses it.
    """
    before, after = passage.before, passage.after
    if accepted is None:
        accepted = passage.result == "socket"
    refuses = passage.result == "refused" and not accepted
    if passage.result not in ("socket", "wire", "refused") or not _may_fail(netns, passage):
        return None
    if refuses and before.protocol != "tcp":
        return None
    expected = Ends(before.destination, before.destination_port, before.source, before.source_port)
    made_here = passage.result != "wire"
    if made_here and before.protocol == "udp" and passage.given:
        # a proxy answers a datagram from a socket of the client's destination, which it opens itself
        return None
    if passage.way == "out" and not netns.addresses.is_local(after.source):
        # the far side answers to somebody else
        return None
    answering = Socket(after.destination, 0, uid=NO_FILE, gid=NO_FILE) if refuses else passage.socket
    if made_here and before.protocol == "udp" and not _may_speak_as(netns, answering, after.destination):
        return Answer((), (), False, "misaddressed", None)
    packet = Packet(
        before.protocol,
        after.destination,
        after.destination_port,
        after.source,
        after.source_port,
        (answering.uid if answering is not None else 1000) if made_here else None,
        (answering.gid if answering is not None else 1000) if made_here else None,
        interface=None if made_here else passage.interface,
    )
    frame = frame_of(packet, netns.addresses, "" if made_here else passage.interface, "", netns.sockets)
    if before.protocol != "tcp":
        frame.flags = NO_FLAGS
    else:
        frame.flags = REFUSES if refuses else ACCEPTS
    if passage.way in ("loop", "out"):
        frame.waiting, frame.waiting_for = _client(before), expected
    told = {(rule, what): answer for rule, what, answer in passage.asked}
    hooks = Hooks(netns, frame, lambda rule, what: told.get((rule, what), decline(rule, what)), None, passage.tracked)
    try:
        if made_here:
            hooks.route_out()
            hooks.output()
            hooks.postrouting()
            stays = hooks.stays
            if stays:
                hooks.receive_own()
        else:
            stays = hooks.receive()
            if not stays:
                hooks.forward()
    except Ended as ended:
        return _answer(hooks, ended.result, ended.by, arrives=False)
    wanted_here = passage.way in ("loop", "out")
    if stays is not wanted_here:
        return _answer(hooks, "lost", "route", arrives=False)
    if frame.ends != expected and not (stays and frame.socket is not None and frame.socket == frame.waiting):
        return _answer(hooks, "misaddressed", None, arrives=False)
    return _answer(hooks, "socket" if stays else "wire", None, arrives=True)


def _may_speak_as(netns: Netns, answering: Socket | None, ip: int) -> bool:
    """Whether the socket may answer from the address it was called at: a foreign one needs IP_TRANSPARENT."""
    return answering is None or answering.transparent or netns.addresses.is_local(ip)


def _client(before: Packet) -> Socket:
    return Socket(before.source, before.source_port, transparent=before.transparent, protocol=before.protocol)


def _answer(hooks: Hooks, result: str, by: str | None, *, arrives: bool) -> Answer:
    frame = hooks.frame
    rules = tuple(hooks.traversal.rules)
    return Answer(rules, hooks.chains, arrives, result, by, frame.outgoing or frame.incoming)


def _may_fail(netns: Netns, passage: Passage) -> bool:
    rules = netns.rules_for(passage.before.destination)
    routing = netns.addresses.routing(v6=bool(rules and rules.v6))
    routed = (routing is not None and not routing.leads_everywhere) or bool(netns.sysctls)
    # an application that speaks with somebody else's address: the answer goes to that somebody
    spoofed = passage.way in ("loop", "out") and not netns.addresses.is_local(passage.before.source)
    return routed or spoofed or (rules is not None and rules.judges_answers)
